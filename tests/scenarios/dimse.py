#!/usr/bin/python3
"""A C-STORE sender that parses nothing, for what dcmtk's own tools die of.

dimse.py store PORT FILE [CALLING [SYNTAX]]   streams the bytes behind the file's meta header
dimse.py cut PORT FOLDER COUNT                 so many files over one association, and half of another
dimse.py command PORT DEPTH                   a command set nested so deep
dimse.py first PORT TAG=VALUE                   milliseconds to the first answer of a C-FIND of studies
dimse.py find PORT KIND [CALLING]             a C-FIND with a hostile identifier
Prints one line: 'status 0000', 'rejected', 'aborted' or 'closed', after how many seconds.
"""
import os
import socket
import struct
import sys
import time

VERIFICATION = "1.2.840.10008.1.1"
EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"


def item(kind, body):
    return struct.pack(">BBH", kind, 0, len(body)) + body


def pdu(kind, body):
    return struct.pack(">BBI", kind, 0, len(body)) + body


def uid(text):
    return text.encode("ascii")


def associate(sop_class, syntax, calling, called="TUMORD"):
    context = item(0x20, b"\x01\0\0\0" + item(0x30, uid(sop_class)) + item(0x40, uid(syntax)))
    user = item(0x50, item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3.4"))
    return pdu(1, struct.pack(">HH", 1, 0) + called.ljust(16).encode() + calling.ljust(16).encode()
               + bytes(32) + item(0x10, uid("1.2.840.10008.3.1.1.1")) + context + user)


def pdata(body, control):
    """PDUs of one PDV each; `control` is 1 for a command, 0 for data; the last has bit 2."""
    for at in range(0, max(len(body), 1), 16000):
        piece = body[at:at + 16000]
        last = 2 if at + 16000 >= len(body) else 0
        yield pdu(4, struct.pack(">IBB", len(piece) + 2, 1, control | last) + piece)


def element(group, number, value):
    value += b"\0" * (len(value) % 2)
    return struct.pack("<HHI", group, number, len(value)) + value


def command_set(sop_class, sop_uid, extra=b""):
    body = element(0, 2, uid(sop_class)) + element(0, 0x100, struct.pack("<H", 1)) \
        + element(0, 0x110, struct.pack("<H", 1)) + element(0, 0x700, struct.pack("<H", 0)) \
        + element(0, 0x800, struct.pack("<H", 0)) + element(0, 0x1000, uid(sop_uid)) + extra
    return element(0, 0, struct.pack("<I", len(body))) + body


def receive(connection):
    head = b""
    while len(head) < 6:
        piece = connection.recv(6 - len(head))
        if not piece:
            return None, b""
        head += piece
    size, body = struct.unpack(">I", head[2:])[0], b""
    while len(body) < size:
        piece = connection.recv(size - len(body))
        if not piece:
            return None, b""
        body += piece
    return head[0], body


def status_of(body):
    """The status of the response in a P-DATA body: its element (0000,0900)."""
    at = body.find(struct.pack("<HHI", 0, 0x900, 2))
    return struct.unpack("<H", body[at + 8:at + 10])[0] if at >= 0 else None


def talk(port, sop_class, syntax, calling, pieces):
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", int(port)), timeout=30) as connection:
        said = "closed"
        try:
            connection.sendall(associate(sop_class, syntax, calling))
            kind, body = receive(connection)
            if kind == 3:
                said = "rejected"
            elif kind == 2:
                time.sleep(float(os.environ.get("DIMSE_WAIT", 0)))
                for piece in pieces:
                    connection.sendall(piece)
                kind, body = receive(connection)
                if kind == 4:
                    said = f"status {status_of(body):04x}"
                    connection.sendall(pdu(5, bytes(4)))
                elif kind == 7:
                    said = "aborted"
        except (BrokenPipeError, ConnectionResetError):
            pass
        except socket.timeout:
            said = "no answer"
    print(f"{said} after {time.monotonic() - begun:.1f} s")


def meta(data):
    """End of the meta header, and its UIDs, by walking its elements."""
    assert data[128:132] == b"DICM"
    at, found, end = 132, {}, None
    while end is None or at < end:
        group, number, vr, size = struct.unpack("<HH2sH", data[at:at + 8])
        head = 8
        if vr in (b"OB", b"UN"):
            size, head = struct.unpack("<I", data[at + 8:at + 12])[0], 12
        value = data[at + head:at + head + size]
        at += head + size
        if number == 0:
            end = at + struct.unpack("<I", value)[0]
        found[number] = value.rstrip(b"\0 ").decode("ascii", "replace")
    return at, found


def store(port, path, calling="SCANNER", syntax=None):
    data = open(path, "rb").read()
    at, found = meta(data)
    pieces = list(pdata(command_set(found[2], found[3]), 1)) + list(pdata(data[at:], 0))
    talk(port, found[2], syntax or found[0x10], calling, pieces)


def cut(port, folder, count):
    paths = sorted(os.path.join(folder, name) for name in os.listdir(folder))[:int(count) + 1]
    taken = 0
    with socket.create_connection(("127.0.0.1", int(port)), timeout=30) as connection:
        for path in paths:
            with open(path, "rb") as file:
                data = file.read()
            at, found = meta(data)
            if path == paths[0]:
                connection.sendall(associate(found[2], found[0x10], "SCANNER"))
                receive(connection)
            pieces = list(pdata(command_set(found[2], found[3]), 1)) + list(pdata(data[at:], 0))
            if path == paths[-1]:
                connection.sendall(b"".join(pieces)[:len(data) // 2])
                break
            connection.sendall(b"".join(pieces))
            taken += status_of(receive(connection)[1]) == 0
    print(f"{taken} taken, then cut off")


def command(port, depth):
    level = struct.pack("<HHI", 0x0009, 0x1001, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    pieces = pdata(command_set(VERIFICATION, "1.2.3", level * int(depth)), 1)
    talk(port, VERIFICATION, IMPLICIT, "SCANNER", list(pieces))


FIND = "1.2.840.10008.5.1.4.1.2.2.1"


def find(port, kind, calling="FINDSCU"):
    level = element(8, 0x52, b"STUDY ")
    nested = struct.pack("<HHI", 8, 0x1110, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    identifier = {"deep": level + nested * 30000,
                  "flat": b"".join(element(9, n, b"x ") for n in range(0x1001, 0x1001 + 20000)) + level,
                  "long": level + element(0x10, 0x10, b"A" * (2 << 20)),
                  "cut": level + struct.pack("<HHI", 0x10, 0x10, 400) + b"short ",
                  "cancel": level + element(0x20, 0xD, b""),
                  "lies": level + struct.pack("<HHI", 8, 0x1110, 0xFFFFFFF0) + bytes(16)}[kind]
    body = element(0, 2, uid(FIND)) + element(0, 0x100, struct.pack("<H", 0x20)) \
        + element(0, 0x110, struct.pack("<H", 1)) + element(0, 0x700, struct.pack("<H", 0)) \
        + element(0, 0x800, struct.pack("<H", 1))
    command = element(0, 0, struct.pack("<I", len(body))) + body
    pieces = list(pdata(command, 1)) + list(pdata(identifier, 0))
    if kind == "cancel":                # it comes together with what it cancels
        body = element(0, 0x100, struct.pack("<H", 0xFFF)) + element(0, 0x120, struct.pack("<H", 1)) \
            + element(0, 0x800, struct.pack("<H", 0x101))
        pieces = [b"".join(pieces + list(pdata(element(0, 0, struct.pack("<I", len(body))) + body, 1)))]
    talk(port, FIND, IMPLICIT, calling, pieces)


def first(port, key, calling="FINDSCU"):
    tag, value = key.split("=")
    group, number = (int(part, 16) for part in tag.split(","))
    keys = {(8, 0x52): b"STUDY ", (0x20, 0xD): b"", (8, 0x61): b"", (0x20, 0x1208): b"",
            (group, number): value.encode() + b" " * (len(value) % 2) if (group, number) != (0x20, 0xD) else uid(value)}
    identifier = b"".join(element(*name, data) for name, data in sorted(keys.items()))
    body = element(0, 2, uid(FIND)) + element(0, 0x100, struct.pack("<H", 0x20)) \
        + element(0, 0x110, struct.pack("<H", 1)) + element(0, 0x700, struct.pack("<H", 0)) \
        + element(0, 0x800, struct.pack("<H", 1))
    begun = time.monotonic()
    with socket.create_connection(("127.0.0.1", int(port)), timeout=60) as connection:
        connection.sendall(associate(FIND, IMPLICIT, calling))
        receive(connection)
        connection.sendall(b"".join(pdata(element(0, 0, struct.pack("<I", len(body))) + body, 1))
                           + b"".join(pdata(identifier, 0)))
        _, answer = receive(connection)
        status = status_of(answer)
        print(f"{(time.monotonic() - begun) * 1000:.1f}" if status == 0xFF00 else f"999999 status {status:04x}")


if __name__ == "__main__":
    {"store": store, "cut": cut, "command": command, "find": find, "first": first}[sys.argv[1]](*sys.argv[2:])
