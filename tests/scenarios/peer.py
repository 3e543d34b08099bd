#!/usr/bin/python3
"""A small DICOM peer of sockets alone, for what real ones do rarely. It keeps what it is sent.

peer.py PORT NODE_PORT FOLDER --commit same|new|foreign|never [--ae TITLE] [--lose-first]
    C-STORE SCP and storage commitment SCP: reports on the same association, on a new one to the
    node, there for a transaction that was never asked (foreign), or never; --lose-first: what comes first is acknowledged and forgotten.
peer.py 0 NODE_PORT FOLDER --ask FILE [--class UID] [--instance UID] [--no-transaction] [--deep]
    storage commitment SCU, prints what the node reports.
Prints a line for each thing that happens.
"""
import argparse
import os
import socket
import struct
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from dimse import element, item, meta, pdu, receive, uid

COMMIT, WELL_KNOWN = "1.2.840.10008.1.20.1", "1.2.840.10008.1.20.1.1"
IMPLICIT = "1.2.840.10008.1.2"


def short(group, number, value):
    return element(group, number, struct.pack("<H", value))


def text(group, number, value):
    return element(group, number, uid(value))


def sequence(group, number, items):
    body = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(one)) + one for one in items)
    return struct.pack("<HHI", group, number, len(body)) + body


def parse(data):
    """Elements of an implicit data set: (group, number) to value; sequences stay bytes."""
    found, at = {}, 0
    while at + 8 <= len(data):
        group, number, size = struct.unpack("<HHI", data[at:at + 8])
        found[group, number] = data[at + 8:at + 8 + size]
        at += 8 + size
    return found


def parse_items(data):
    at = 0
    while at + 8 <= len(data):
        size = struct.unpack("<HHI", data[at:at + 8])[2]
        yield parse(data[at + 8:at + 8 + size])
        at += 8 + size


def name(value):
    return value.rstrip(b"\0 ").decode()


class Wire:
    """Messages over an association that stands."""

    def __init__(self, connection, syntaxes):
        self.connection, self.syntaxes, self.rest = connection, syntaxes, b""

    def part(self):
        while not self.rest:
            kind, body = receive(self.connection)
            if kind == 5:
                self.connection.sendall(pdu(6, bytes(4)))
                return None
            if kind != 4:
                return None
            self.rest = body
        size = struct.unpack(">I", self.rest[:4])[0]
        one, self.rest = self.rest[4:4 + size], self.rest[4 + size:]
        return one[0], one[1], one[2:]

    def whole(self):
        data = b""
        while True:
            one = self.part()
            if one is None:
                return None, None
            data += one[2]
            if one[1] & 2:
                return one[0], data

    def message(self):
        context, command = self.whole()
        if command is None:
            return None
        command = parse(command)
        has_data = struct.unpack("<H", command[0, 0x800])[0] != 0x101
        data = self.whole()[1] if has_data else None
        return context, command, data

    def send(self, context, command, data=None):
        body = command + (b"" if data is not None else b"")
        whole = element(0, 0, struct.pack("<I", len(body))) + body
        parts = [(whole, 1)] + ([(data, 0)] if data is not None else [])
        for bytes_, control in parts:
            for at in range(0, max(len(bytes_), 1), 16000):
                piece = bytes_[at:at + 16000]
                last = 2 if at + 16000 >= len(bytes_) else 0
                self.connection.sendall(pdu(4, struct.pack(">IBB", len(piece) + 2, context, control | last) + piece))


def call(port, calling, turned):
    context = item(0x20, b"\x01\0\0\0" + item(0x30, uid(COMMIT)) + item(0x40, uid(IMPLICIT)))
    role = struct.pack(">H", len(COMMIT)) + uid(COMMIT) + (b"\0\1" if turned else b"\1\0")
    user = item(0x50, item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3.4") + item(0x54, role))
    request = pdu(1, struct.pack(">HH", 1, 0) + b"TUMORD".ljust(16) + calling.ljust(16).encode() + bytes(32)
                  + item(0x10, uid("1.2.840.10008.3.1.1.1")) + context + user)
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.sendall(request)
    kind, _ = receive(connection)
    if kind != 2:
        sys.exit(f"association refused: {kind}")
    return Wire(connection, {1: IMPLICIT})


def references(items):
    return [text(8, 0x1150, one) + text(8, 0x1155, other) for one, other in items]


class Peer:
    def __init__(self, options):
        self.options, self.kept, self.lost = options, {}, set()
        os.makedirs(options.folder, exist_ok=True)

    def accept(self, connection):
        kind, body = receive(connection)
        if kind != 1:
            return
        answer, syntaxes, at = body[:68], {}, 68
        while at < len(body):
            what, size = body[at], struct.unpack(">H", body[at + 2:at + 4])[0]
            value = body[at + 4:at + 4 + size]
            if what == 0x10:
                answer += item(0x10, value)
            elif what == 0x20:
                inner, names = 4, []
                while inner < len(value):
                    length = struct.unpack(">H", value[inner + 2:inner + 4])[0]
                    names.append((value[inner], value[inner + 4:inner + 4 + length]))
                    inner += 4 + length
                syntax = next(n for k, n in names if k == 0x40)
                commits = any(k == 0x30 and n.rstrip(b"\0") == uid(COMMIT) for k, n in names)
                result = 3 if commits and syntax.rstrip(b"\0") != uid(IMPLICIT) else 0
                syntaxes[value[0]] = syntax
                answer += item(0x21, bytes([value[0], 0, result, 0]) + item(0x40, syntax))
            at += 4 + size
        answer += item(0x50, item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3.4"))
        connection.sendall(pdu(2, answer))
        wire = Wire(connection, syntaxes)
        while (message := wire.message()) is not None:
            self.answer(wire, *message)

    def answer(self, wire, context, command, data):
        kind = struct.unpack("<H", command[0, 0x100])[0]
        number = struct.unpack("<H", command[0, 0x110])[0]
        response = short(0, 0x100, kind | 0x8000) + short(0, 0x120, number) + short(0, 0x800, 0x101) + short(0, 0x900, 0)
        if kind == 0x30:
            wire.send(context, response)
        elif kind == 1:
            self.store(name(command[0, 0x1000]), data)
            wire.send(context, response)
        elif kind == 0x130:
            wire.send(context, response)
            self.commit(wire, context, data)

    def store(self, instance, data):
        if self.options.lose_first and instance not in self.lost:
            self.lost.add(instance)
            print("lost", instance, flush=True)
            return
        self.kept[instance] = data
        with open(os.path.join(self.options.folder, instance), "wb") as file:
            file.write(data)
        print("kept", instance, flush=True)

    def commit(self, wire, context, data):
        request = parse(data)
        wanted = [(name(one[8, 0x1150]), name(one[8, 0x1155])) for one in parse_items(request[8, 0x1199])]
        good = [one for one in wanted if one[1] in self.kept]
        bad = [one for one in wanted if one[1] not in self.kept]
        print(f"action {len(good)} of {len(wanted)}", flush=True)
        report = text(8, 0x1195, name(request[8, 0x1195]))
        if bad:
            report += sequence(8, 0x1198, [one + short(8, 0x1197, 0x112) for one in references(bad)])
        if good:
            report += sequence(8, 0x1199, references(good))
        event = text(0, 2, COMMIT) + short(0, 0x100, 0x100) + short(0, 0x110, 9) + short(0, 0x800, 1) \
            + text(0, 0x1000, WELL_KNOWN) + short(0, 0x1002, 2 if bad else 1)
        if self.options.commit == "same":
            wire.send(context, event, report)
            wire.message()
        elif self.options.commit == "foreign":
            foreign = text(8, 0x1195, "1.2.3.998") + sequence(8, 0x1199, references(good))
            threading.Thread(target=self.report, args=(event, foreign), daemon=True).start()
        elif self.options.commit == "new":
            threading.Thread(target=self.report, args=(event, report), daemon=True).start()

    def report(self, event, report):
        wire = call(self.options.node, self.options.ae, True)
        for _ in range(2):              # twice: the second must do no harm
            wire.send(1, event, report)
            answer = wire.message()
            print("reported, status %04x" % struct.unpack("<H", answer[1][0, 0x900])[0], flush=True)
        wire.connection.sendall(pdu(5, bytes(4)))

    def serve(self):
        listener = socket.create_server(("127.0.0.1", self.options.port))
        while True:
            connection = listener.accept()[0]
            threading.Thread(target=self.accept, args=(connection,), daemon=True).start()


def ask(options):
    with open(options.ask, "rb") as file:
        found = meta(file.read())[1]
    wire = call(options.node, "ASKER", False)
    data = b"" if options.no_transaction else text(8, 0x1195, "1.2.3.999.%d" % os.getpid())
    data += sequence(8, 0x1199, references([(options.sop_class or found[2], options.instance or found[3])]))
    if options.deep:
        data = struct.pack("<HHIHHI", 8, 0x1199, 0xFFFFFFFF, 0xFFFE, 0xE000, 0xFFFFFFFF) * 30000
    wire.send(1, text(0, 3, COMMIT) + short(0, 0x100, 0x130) + short(0, 0x110, 1) + short(0, 0x800, 1)
              + text(0, 0x1001, WELL_KNOWN) + short(0, 0x1008, 1), data)
    status = struct.unpack("<H", wire.message()[1][0, 0x900])[0]
    if status:
        print(f"status {status:04x}")
        return
    _, command, report = wire.message()
    report = parse(report)
    failed = list(parse_items(report.get((8, 0x1198), b"")))
    print(f"committed {len(list(parse_items(report.get((8, 0x1199), b''))))} failed {len(failed)}",
          *("%04x" % struct.unpack("<H", one[8, 0x1197])[0] for one in failed))
    wire.send(1, text(0, 2, COMMIT) + short(0, 0x100, 0x8100)
              + short(0, 0x120, struct.unpack("<H", command[0, 0x110])[0]) + short(0, 0x800, 0x101) + short(0, 0x900, 0))
    wire.connection.sendall(pdu(5, bytes(4)))
    receive(wire.connection)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("node", type=int)
    parser.add_argument("folder")
    parser.add_argument("--commit", choices=["same", "new", "foreign", "never"])
    parser.add_argument("--ae", default="SAME")
    parser.add_argument("--lose-first", action="store_true")
    parser.add_argument("--ask")
    parser.add_argument("--class", dest="sop_class")
    parser.add_argument("--instance")
    parser.add_argument("--no-transaction", action="store_true")
    parser.add_argument("--deep", action="store_true")
    options = parser.parse_args()
    if options.ask:
        ask(options)
    else:
        Peer(options).serve()


if __name__ == "__main__":
    main()
