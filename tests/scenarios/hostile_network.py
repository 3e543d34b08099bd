"""hostile_network.py NODE_PORT RECEIVER_PID: what a network throws at a receiver, one kind after the other,
bounded in count and time. Before, during and after each C-ECHO must be answered within 1 s, the
receiver must stay the same process and within 64 MiB of the memory that it began with."""
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from dimse import EXPLICIT, IMPLICIT, VERIFICATION, associate, command_set, element, item, pdata, pdu, receive, uid

CT = "1.2.840.10008.5.1.4.1.1.2"
PORT, RECEIVER = int(sys.argv[1]), sys.argv[2]
FAILED = 0


def connect(timeout=10):
    return socket.create_connection(("127.0.0.1", PORT), timeout=timeout)


def memory():
    with open(f"/proc/{RECEIVER}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) / 1024


def echo():
    """Seconds that a C-ECHO took, by an association of its own."""
    begun = time.monotonic()
    body = element(0, 2, uid(VERIFICATION)) + element(0, 0x100, struct.pack("<H", 0x30)) \
        + element(0, 0x110, struct.pack("<H", 1)) + element(0, 0x800, struct.pack("<H", 0x101))
    with connect() as connection:
        connection.sendall(associate(VERIFICATION, IMPLICIT, "ECHOER"))
        if receive(connection)[0] != 2:
            return 99
        connection.sendall(b"".join(pdata(element(0, 0, struct.pack("<I", len(body))) + body, 1)))
        if receive(connection)[0] != 4:
            return 99
        connection.sendall(pdu(5, bytes(4)))
    return time.monotonic() - begun


def quietly(action):
    try:
        return action()
    except OSError:
        return None


def say(connection, data):
    quietly(lambda: connection.sendall(data))


def garbage():
    for seed in range(100):
        with connect() as one:
            say(one, bytes((seed * 131 + n * n) % 256 for n in range(3000)))
            yield


def huge_lengths():
    for length in (0xFFFFFFFF, 0x7FFFFFFF, 1 << 24, 262145, 0, 1, 67):
        for kind in (1, 2, 4, 5, 7, 0x50):
            with connect() as one:
                say(one, struct.pack(">BBI", kind, 0, length) + bytes(2000))
                yield


def half_open():
    open_ones = [connect() for _ in range(150)]
    for one in open_ones[:10]:
        yield
    for one in open_ones:
        one.close()


def half_header():
    request = associate(CT, EXPLICIT, "SCANNER")
    open_ones = []
    for size in (1, 5, 6, 7, 73, 74, 80, len(request) - 1):
        one = connect()
        say(one, request[:size])
        open_ones.append(one)
        yield
    for one in open_ones:
        one.close()


def slow():
    request = associate(CT, EXPLICIT, "SCANNER")
    open_ones = [connect() for _ in range(30)]
    for at in range(20):
        for one in open_ones:
            say(one, request[at:at + 1])
        yield
    for one in open_ones:
        one.close()


def associated():
    one = connect()
    one.sendall(associate(CT, EXPLICIT, "SCANNER"))
    if receive(one)[0] != 2:
        raise OSError("not accepted")
    return one


def never_read():
    """Requests without end whose answers are never read."""
    body = element(0, 2, uid(CT)) + element(0, 0x100, struct.pack("<H", 0x30)) \
        + element(0, 0x110, struct.pack("<H", 1)) + element(0, 0x800, struct.pack("<H", 0x101))
    question = b"".join(pdata(element(0, 0, struct.pack("<I", len(body))) + body, 1))
    open_ones = []
    for _ in range(8):
        one = associated()
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.settimeout(0.3)
        until = time.monotonic() + 3
        while time.monotonic() < until and quietly(lambda: one.send(question * 1000)) is not None:
            pass                        # until nothing more goes in: the node waits for us to read
        open_ones.append(one)
        yield
    for one in open_ones:
        one.close()


def trickle():
    """Data sets that never end, in empty and tiny parts: with a timeout of 5 s their time is 10 s."""
    open_ones = [associated() for _ in range(4)]
    for one in open_ones:
        say(one, b"".join(pdata(command_set(CT, "1.2.3.4.6"), 1)))
    begun, ended = time.monotonic(), set()
    while time.monotonic() < begun + 20 and len(ended) < len(open_ones):
        for n, one in enumerate(open_ones):
            part = bytes(n % 2 * 2)
            if quietly(lambda: one.send(pdu(4, struct.pack(">IBB", 2 + len(part), 1, 0) + part))) is None:
                ended.add(n)
        time.sleep(0.5)
        yield
    if len(ended) < len(open_ones):
        raise OSError(f"only {len(ended)} of {len(open_ones)} were ended")


def abort_inside():
    command = b"".join(pdata(command_set(CT, "1.2.3.4.5"), 1))
    data = b"".join(pdata(bytes(200000), 0))
    for cut in range(0, len(data), len(data) // 40):
        one = associated()
        say(one, command + data[:cut] + (pdu(7, bytes(4)) if cut % 2 else b""))
        one.close()
        yield


def data_first():
    for _ in range(50):
        with connect() as one:
            say(one, b"".join(pdata(command_set(CT, "1.2.3"), 1)))
            yield


def wrong_titles():
    for n, (called, calling) in enumerate((("NOBODY", "SCANNER"), ("", "SCANNER"), ("TUMORD", ""), ("\x01\x02", "\xff" * 16),
                                           ("TUMORD" + " " * 10, "../../etc/passwd"))):
        with connect() as one:
            request = bytearray(associate(CT, EXPLICIT, "A"))
            request[10:26] = called.ljust(16)[:16].encode("latin-1")
            request[26:42] = calling.ljust(16)[:16].encode("latin-1")
            say(one, bytes(request))
            quietly(lambda: receive(one))
            yield


def many_contexts():
    for count in (127, 128, 129, 1000, 10000):
        contexts = b"".join(item(0x20, bytes([n * 2 % 256 | 1, 0, 0, 0]) + item(0x30, uid(CT)) + item(0x40, uid(EXPLICIT)))
                            for n in range(count))
        user = item(0x50, item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3.4"))
        body = struct.pack(">HH", 1, 0) + b"TUMORD".ljust(16) + b"SCANNER".ljust(16) + bytes(32) \
            + item(0x10, uid("1.2.840.10008.3.1.1.1")) + contexts + user
        with connect() as one:
            say(one, pdu(1, body))
            quietly(lambda: receive(one))
            yield


def in_turn():
    for n in range(500):
        one = associated()
        if n % 3 == 0:
            say(one, pdu(5, bytes(4)))
            quietly(lambda: receive(one))
        elif n % 3 == 1:
            say(one, pdu(7, bytes(4)))
        one.close()
        if n % 50 == 0:
            yield


def lying_parts():
    """PDVs whose lengths lie, odd contexts, commands that never end, fragments mixed up."""
    for body in (struct.pack(">I", 0), struct.pack(">IBB", 1, 1, 1), struct.pack(">IBB", 0xFFFFFFFF, 1, 1),
                 struct.pack(">IBB", 6, 99, 3) + bytes(4), struct.pack(">IBB", 6, 1, 0) + bytes(4),
                 struct.pack(">IBB", 6, 1, 1) + bytes(4) + struct.pack(">IBB", 6, 1, 2) + bytes(4)):
        one = associated()
        say(one, pdu(4, body))
        quietly(lambda: receive(one))
        one.close()
        yield
    one = associated()
    for _ in range(20):
        say(one, pdu(4, struct.pack(">IBB", 16002, 1, 1) + bytes(16000)))
    quietly(lambda: receive(one))
    one.close()
    yield


def run(kind, begun_with):
    global FAILED
    begun, slowest, steps = time.monotonic(), echo(), 0
    try:
        for _ in kind():
            steps += 1
            if steps % 10 == 1:
                slowest = max(slowest, echo())
        slowest = max(slowest, echo())
        grown = memory() - begun_with
        good = slowest < 1 and grown < 64
        what = f"slowest C-ECHO {slowest * 1000:.0f} ms, memory {grown:+.0f} MiB"
    except (OSError, StopIteration) as error:
        good, what = False, f"{error}"
    FAILED += not good
    print(f"{'good' if good else 'BAD '} {kind.__name__.replace('_', ' ')}: {steps} steps in"
          f" {time.monotonic() - begun:.1f} s, {what}", flush=True)


def main():
    begun_with = memory()
    for kind in (garbage, huge_lengths, half_open, half_header, slow, never_read, trickle, abort_inside, data_first, wrong_titles,
                 many_contexts, lying_parts, in_turn):
        run(kind, begun_with)
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
