"""many.py PORT FILE LEDGER --associations N --each M [--extra] [--retry SECONDS] [--pause SECONDS]: N associations at once, M
instances on each, all of them FILE under UIDs of their own; LEDGER gets a line for what was answered with
0000: the UID and the digest of its data set. --extra: one association more, while all stand. --retry: what
was not acknowledged is sent again on a new association until the time is over.
many.py PORT FILE LEDGER --check NODE_DIR: each of the ledger is in the index once, with these bytes."""
import argparse
import hashlib
import os
import re
import socket
import sqlite3
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from dimse import associate, command_set, meta, pdata, pdu, receive, status_of

LOCK = threading.Lock()


def other_uid(data, old, new):
    """The data set under another UID of the same length, so that no other byte moves."""
    assert len(new) == len(old) and data.count(old) >= 1
    return data.replace(old, new)


class Sender(threading.Thread):
    def __init__(self, options, number, barrier):
        super().__init__(daemon=True)
        self.options, self.number, self.barrier = options, number, barrier
        self.acknowledged, self.refused, self.broken = 0, 0, 0
        with open(options.file, "rb") as file:
            part10 = file.read()
        at, found = meta(part10)
        self.data, self.sop_class, self.uid, self.syntax = part10[at:], found[2], found[3], found[0x10]

    def instance(self, n):
        number = f"{self.options.run % 10**6:06d}{self.number:04d}{n:05d}"
        uid = (self.uid[:len(self.uid) - len(number)] + number).encode()
        return uid.decode(), other_uid(self.data, self.uid.encode(), uid)

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.options.port), timeout=60)
        connection.sendall(associate(self.sop_class, self.syntax, "SCANNER"))
        if receive(connection)[0] != 2:
            connection.close()
            raise ConnectionError("not accepted")
        return connection

    def send_all(self, left):
        """Takes out of `left` what is acknowledged."""
        with self.connect() as connection:
            if self.barrier is not None:
                self.barrier.wait()
            while left:
                uid, data = self.instance(left[0])
                connection.sendall(b"".join(pdata(command_set(self.sop_class, uid), 1))
                                   + b"".join(pdata(data, 0)))
                status = status_of(receive(connection)[1])
                if status == 0:
                    with LOCK, open(self.options.ledger, "a", encoding="ascii") as ledger:
                        ledger.write(f"{uid} {hashlib.sha256(data).hexdigest()}\n")
                    self.acknowledged += 1
                elif not self.options.retry:
                    self.refused += 1
                else:
                    raise ConnectionError("refused")
                left.pop(0)
                time.sleep(self.options.pause)
            connection.sendall(pdu(5, bytes(4)))
            receive(connection)

    def run(self):
        left, until = list(range(self.options.each)), time.monotonic() + self.options.retry
        while left:
            try:
                self.send_all(left)
            except (OSError, threading.BrokenBarrierError):
                if time.monotonic() > until:
                    self.broken += 1
                    return
                time.sleep(0.2)
            except TypeError:               # the answer was cut off: nothing was acknowledged
                time.sleep(0.2)


def extra(options):
    """What the association beyond the limit is told."""
    one = Sender(options, 9999, None)
    with socket.create_connection(("127.0.0.1", options.port), timeout=10) as connection:
        connection.sendall(associate(one.sop_class, one.syntax, "SCANNER"))
        kind, body = receive(connection)
        return "rejected" if kind == 3 and body[1] == 2 else f"answered {kind}"


def send(options):
    begun, said = time.monotonic(), ""
    barrier = threading.Barrier(options.associations + 1) if options.extra else None
    senders = [Sender(options, n, barrier) for n in range(options.associations)]
    for one in senders:
        one.start()
    if options.extra:
        while barrier.n_waiting < options.associations and time.monotonic() < begun + 30:
            time.sleep(0.01)
        said = " extra " + extra(options)
        barrier.wait()
    for one in senders:
        one.join()
    took = time.monotonic() - begun
    total = sum(one.acknowledged for one in senders)
    print(f"acknowledged {total} refused {sum(one.refused for one in senders)}"
          f" broken {sum(one.broken for one in senders)}{said} in {took:.1f} s, {total / took:.0f}/s")


def check(options):
    index = sqlite3.connect(f"file:{options.check}/index.db?mode=ro", uri=True)
    wrong = 0
    with open(options.ledger, encoding="ascii") as ledger:
        for line in ledger:
            uid, digest = line.split()
            rows = index.execute("SELECT path FROM instance WHERE sop_uid = ?", (uid,)).fetchall()
            good = len(rows) == 1
            if good:
                with open(os.path.join(options.check, rows[0][0]), "rb") as file:
                    part10 = file.read()
                good = hashlib.sha256(part10[meta(part10)[0]:]).hexdigest() == digest
            if not good:
                wrong += 1
                print(f"{uid}: {len(rows)} rows, or other bytes")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("file")
    parser.add_argument("ledger")
    parser.add_argument("--associations", type=int, default=1)
    parser.add_argument("--each", type=int, default=1)
    parser.add_argument("--extra", action="store_true")
    parser.add_argument("--retry", type=float, default=0)
    parser.add_argument("--pause", type=float, default=0)
    parser.add_argument("--check")
    options = parser.parse_args()
    options.run = int(time.time())
    sys.exit(check(options) if options.check else send(options))


if __name__ == "__main__":
    main()
