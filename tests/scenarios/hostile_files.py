#!/usr/bin/python3
"""Hostile data sets, made by hand byte by byte, and what must become of them.

hostile_files.py send PORT LEDGER [FILE…]   each by C-STORE on an association of its own: prints a line for
    each that is not answered within 1 s of its last fragment, or otherwise than its table says, and the
    counts; LEDGER gets UID and digest of what was answered with 0000. FILEs: more, answered somehow.
hostile_files.py files FOLDER               Part 10 files whose head is hostile, for an import
hostile_files.py list                       group and name of each
"""
import hashlib
import os
import socket
import struct
import sys
import time
import zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from dimse import (VERIFICATION, IMPLICIT, EXPLICIT, associate, command_set, element, meta, pdata, pdu, receive,
                   status_of)

CT = "1.2.840.10008.5.1.4.1.1.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG = "1.2.840.10008.1.2.2"
ROOT = "1.2.826.0.1.3680043.10.1495.%d" % os.getpid()
LONG = (b"OB", b"OW", b"OF", b"SQ", b"UT", b"UN", b"UC", b"UR")
COMPRESSED = ["1.2.840.10008.1.2.4." + end for end in
              ("50", "51", "57", "70", "80", "81", "90", "91", "201", "202", "203", "100", "102")] + ["1.2.840.10008.1.2.5"]
STORED, REFUSED, EITHER = "stored", "refused", "either"
ITEM, ITEM_END, SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)


def one(tag, vr, value, size=None, order="<"):
    """One explicit element; `size` is what it claims."""
    if size is None:
        value += (b"\0" if vr in (b"UI", b"OB", b"UN") else b" ") * (len(value) % 2)
        size = len(value)
    if vr in LONG:
        return struct.pack(order + "HH2sHI", *tag, vr, 0, size) + value
    return struct.pack(order + "HH2sH", *tag, vr, size & 0xFFFF) + value


def mark(tag, size=0):
    return struct.pack("<HHI", *tag, size)


class Case:
    """A data set as an ordered list of [tag, VR, value], changed by name, and the syntax it goes in."""
    count = 0

    def __init__(self, group, name, expect=EITHER, syntax=EXPLICIT, series=None):
        Case.count += 1
        self.group, self.name, self.expect, self.syntax = group, name, expect, syntax
        self.uid = f"{ROOT}.1.{Case.count}"
        self.data = None                    # the bytes, where they are not of the elements
        self.command_uid = None
        study = f"{ROOT}.2.{sum(map(ord, group))}"
        text = lambda t, vr, v: [t, vr, v.encode()]
        short = lambda t, v: [t, b"US", struct.pack("<H", v)]
        self.elements = [
            text((8, 8), b"CS", "ORIGINAL\\PRIMARY\\AXIAL"), text((8, 0x16), b"UI", CT), text((8, 0x18), b"UI", self.uid),
            text((8, 0x20), b"DA", "20260101"), text((8, 0x30), b"TM", "120000"), text((8, 0x50), b"SH", ""),
            text((8, 0x60), b"CS", "CT"), text((8, 0x70), b"LO", "tumord tests"), text((8, 0x90), b"PN", ""),
            text((0x10, 0x10), b"PN", "Hostile^" + group), text((0x10, 0x20), b"LO", "HOSTILE-" + group),
            text((0x10, 0x30), b"DA", ""), text((0x10, 0x40), b"CS", ""), text((0x18, 0x50), b"DS", "2"),
            text((0x20, 0xD), b"UI", study), text((0x20, 0xE), b"UI", f"{study}.{series or Case.count // 6}"),
            text((0x20, 0x10), b"SH", "1"), text((0x20, 0x11), b"IS", "1"), text((0x20, 0x13), b"IS", str(Case.count)),
            text((0x20, 0x32), b"DS", f"0\\0\\{2 * Case.count}"), text((0x20, 0x37), b"DS", "1\\0\\0\\0\\1\\0"),
            text((0x20, 0x52), b"UI", study + ".9"), short((0x28, 2), 1), text((0x28, 4), b"CS", "MONOCHROME2"),
            short((0x28, 0x10), 16), short((0x28, 0x11), 16), text((0x28, 0x30), b"DS", "1\\1"),
            short((0x28, 0x100), 16), short((0x28, 0x101), 16), short((0x28, 0x102), 15), short((0x28, 0x103), 1),
            text((0x28, 0x1052), b"DS", "0"), text((0x28, 0x1053), b"DS", "1"), [(0x7FE0, 0x10), b"OW", bytes(512)]]

    def put(self, tag, value, vr=None):
        for entry in self.elements:
            if entry[0] == tag:
                entry[1], entry[2] = vr or entry[1], value
                return self
        self.elements.append([tag, vr or b"LO", value])
        self.elements.sort(key=lambda entry: entry[0])
        return self

    def drop(self, *tags):
        self.elements = [entry for entry in self.elements if entry[0] not in tags]
        return self

    def bytes(self):
        return self.data if self.data is not None else b"".join(one(*entry) for entry in self.elements)

    def raw(self, data):
        self.data = data
        return self


def truncated():
    whole = Case("truncated", "whole")
    at = 0
    for tag, vr, value in whole.elements:
        head = 12 if vr in LONG else 8
        for where, cut in (("tag", at + 2), ("length", at + head - 1), ("value", at + head + max(1, len(value) // 2))):
            case = Case("truncated", f"in the {where} of {tag[0]:04x},{tag[1]:04x}")
            yield case.raw(case.bytes()[:cut])
        at += len(one(tag, vr, value))
    yield Case("truncated", "nothing at all").raw(b"")
    yield Case("truncated", "one byte").raw(b"\x08")


def lengths():
    base = Case("lengths", "base")
    for number, (tag, vr, _) in enumerate(base.elements):
        for name, claim in (("beyond the end", 0xFFFFFFF0 if vr in LONG else 0xFFFE), ("odd", 7)):
            case = Case("lengths", f"{name} at {tag[0]:04x},{tag[1]:04x}")
            parts = [one(*entry) for entry in case.elements]
            parts[number] = one(tag, vr, case.elements[number][2], claim)
            yield case.raw(b"".join(parts))
    for vr in (b"ZZ", b"\0\0", b"--", b"\xff\xff", b"sq", b"OX"):
        yield Case("lengths", f"VR {vr!r}").put((8, 0x70), b"value ", vr)
    for tag in ((8, 0x18), (0x20, 0xD), (0x20, 0xE), (8, 0x16)):
        yield Case("lengths", f"empty {tag}").put(tag, b"")
        yield Case("lengths", f"missing {tag}").drop(tag)
        case = Case("lengths", f"twice {tag}")
        case.elements.insert(5, list(next(e for e in case.elements if e[0] == tag)))
        yield case
    case = Case("lengths", "backwards")
    case.elements.reverse()
    yield case
    for tag, vr in (((8, 0x70), b"UN"), ((8, 0x70), b"LO"), ((0x9, 0x1001), b"OB"), ((0x7FE0, 0x10), b"OW")):
        case = Case("lengths", f"undefined length of {vr!r} at {tag[0]:04x},{tag[1]:04x}")
        yield case.raw(case.bytes() + one(tag, vr, b"abcd", 0xFFFFFFFF))
    yield Case("lengths", "group length lies").put((8, 0), struct.pack("<I", 0xFFFFFFFF), b"UL")
    yield Case("lengths", "a command element").put((0, 0x900), b"\0\0", b"US")
    yield Case("lengths", "a meta element").put((2, 0x10), b"1.2", b"UI")
    case = Case("lengths", "60,000 private elements")
    yield case.raw(case.bytes()[:-524] + b"".join(one((0x29, n), b"LO", b"x ") for n in range(0x1000, 0x1000 + 60000)))


def sequences():
    tag = (0x40, 0xA730)
    for depth in (10, 63, 64, 65, 66, 1000, 20000, 100000):
        open_, shut = one(tag, b"SQ", b"", 0xFFFFFFFF) + mark(ITEM, 0xFFFFFFFF), mark(ITEM_END) + mark(SEQUENCE_END)
        case = Case("sequences", f"{depth} deep", STORED if depth < 64 else EITHER)
        case.drop((0x7FE0, 0x10))
        yield case.raw(case.bytes() + open_ * depth + shut * depth)
        case = Case("sequences", f"{depth} deep, never closed")
        yield case.raw(case.bytes() + open_ * depth)
        heads, size = [], 0
        for _ in range(depth):
            heads.append(one(tag, b"SQ", b"", size + 8) + mark(ITEM, size))
            size += 20
        case = Case("sequences", f"{depth} deep, with lengths")
        yield case.raw(case.bytes() + b"".join(reversed(heads)))
    case = Case("sequences", "100000 deep in fragments of a VR that has none", series="95").drop((0x7FE0, 0x10))
    inside = (one(tag, b"SQ", b"", 0xFFFFFFFF) + mark(ITEM, 0xFFFFFFFF)) * 100000
    yield case.raw(case.bytes() + struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OA", 0, 0xFFFFFFFF)
                   + mark(ITEM, len(inside)) + inside + mark(SEQUENCE_END))
    odd = {"an item end without an item": mark(ITEM_END), "a sequence end alone": mark(SEQUENCE_END),
           "an item alone": mark(ITEM, 4) + b"abcd", "no item, but an element": one((8, 0x70), b"LO", b"x "),
           "an item longer than its sequence": mark(ITEM, 4000), "an end with a length": mark(SEQUENCE_END, 77)}
    for name, inside in odd.items():
        for size in (len(inside), 0xFFFFFFFF):
            case = Case("sequences", f"{name}, {'undefined' if size > 9999 else 'defined'} length")
            yield case.raw(case.bytes() + one((0x40, 0xA730), b"SQ", inside, size))


def number(value):
    return struct.pack("<H", value)


def pixels():
    for rows in (0, 1, 65535):
        for columns in (0, 17, 65535):
            yield Case("pixels", f"{rows} x {columns}").put((0x28, 0x10), number(rows)).put((0x28, 0x11), number(columns))
    for frames in ("0", "-1", "2147483647", "9999999999", "1e9", "abc", "", "3"):
        yield Case("pixels", f"frames {frames}").put((0x28, 8), frames.encode(), b"IS")
        yield Case("pixels", f"65535 x 65535 x {frames}").put((0x28, 8), frames.encode(), b"IS") \
            .put((0x28, 0x10), number(65535)).put((0x28, 0x11), number(65535))
    for allocated in (0, 1, 7, 8, 12, 24, 32, 64, 65535):
        yield Case("pixels", f"{allocated} bits allocated").put((0x28, 0x100), number(allocated))
    for stored, high in ((0, 0), (17, 16), (65535, 3), (12, 3), (1, 65535)):
        yield Case("pixels", f"{stored} stored, high {high}").put((0x28, 0x101), number(stored)).put((0x28, 0x102), number(high))
    for samples in (0, 2, 3, 65535):
        yield Case("pixels", f"{samples} samples").put((0x28, 2), number(samples))
    yield Case("pixels", "representation 2").put((0x28, 0x103), number(2))
    for name in ("RGB", "PALETTE COLOR", "YBR_FULL_422", "", "<b>", "ARGB"):
        yield Case("pixels", f"photometric {name}").put((0x28, 4), name.encode())
    for slope in ("0", "nan", "inf", "1e308", "", "x", "1\\2"):
        yield Case("pixels", f"slope {slope}").put((0x28, 0x1053), slope.encode())
    for name, value in (("short", bytes(100)), ("long", bytes(99999)), ("none", b"")):
        yield Case("pixels", f"{name} pixel data").put((0x7FE0, 0x10), value)
    yield Case("pixels", "no pixel data").drop((0x7FE0, 0x10))
    yield Case("pixels", "pixel data of VR OB and 16 bit").put((0x7FE0, 0x10), bytes(512), b"OB")
    yield Case("pixels", "rows of VR SS and 4 bytes").put((0x28, 0x10), b"\1\0\0\0", b"SS")
    yield Case("pixels", "palette without tables").put((0x28, 4), b"PALETTE COLOR").put((0x28, 0x1101), b"\0\0\0\0\x10\0", b"US")


def geometry():
    bad = ("", "0", "-1", "nan", "inf", "1e308", "abc", "1" * 60, "0x10", "1,5")
    for text in bad:
        yield Case("geometry", f"spacing {text}").put((0x28, 0x30), f"{text}\\{text}".encode())
        yield Case("geometry", f"position {text}").put((0x20, 0x32), f"{text}\\0\\{text}".encode())
        yield Case("geometry", f"thickness {text}").put((0x18, 0x50), text.encode())
    for text in ("1\\0\\0", "0\\0\\0\\0\\0\\0", "1\\0\\0\\1\\0\\0", "nan\\0\\0\\0\\1\\0", "2\\0\\0\\0\\2\\0", "1\\0\\0\\0\\1\\0\\9"):
        yield Case("geometry", f"orientation {text}").put((0x20, 0x37), text.encode())
    for tag in ((0x20, 0x32), (0x20, 0x37), (0x28, 0x30), (0x20, 0x52)):
        yield Case("geometry", f"without {tag[0]:04x},{tag[1]:04x}").drop(tag)


def identity():
    bad = ("", ".", "..", "../../../../tmp/tumord-escaped", "/tmp/tumord-escaped", "1.2.3/../../x", "1..2", "1.2.", ".1.2",
           "1.2.3;rm", "1.2.a", "1" * 65, "1." * 40 + "1", "1.2\x003", "1.2 .3", "%s%n", "1.2\n3")
    for text in bad:
        refused = EITHER if text in ("",) else REFUSED
        case = Case("identity", f"SOP UID {text[:30]!r} in the command", REFUSED)
        case.command_uid = text
        yield case
        yield Case("identity", f"SOP UID {text[:30]!r}", refused).put((8, 0x18), text.encode())
        yield Case("identity", f"study UID {text[:30]!r}", refused).put((0x20, 0xD), text.encode())
        yield Case("identity", f"series UID {text[:30]!r}", refused).put((0x20, 0xE), text.encode())
    for text in ("<script>alert(1)</script>", "x'; DROP TABLE instance; --", "\x1b[2J\x1b]0;own\x07", "=cmd|' /C calc'!A1",
                 "%n%n%s%x", "a\r\nreceiver: faked", "A" * 65000, "^" * 64, "=" * 64, "\\" * 64, "\0" * 64, "\u202egnp.exe"):
        yield Case("identity", f"patient {text[:20]!r}", EITHER).put((0x10, 0x10), text.encode())
        yield Case("identity", f"description {text[:20]!r}", EITHER).put((8, 0x103E), text.encode(), b"LO")


def charsets():
    for name, value in (("KLINGON", b"a^b"), ("ISO_IR 192", b"\xff\xfe\xfa^b"), ("ISO_IR 192", b"\xf8\x88\x80\x80\x80"),
                        ("GB18030", b"\x81"), ("GB18030", b"\xfe\x30"), ("GBK", b"\xff\xff"), ("\\ISO 2022 IR 87", b"\x1b$B\x30"),
                        ("\\ISO 2022 IR 87", b"\x1b"), ("\\ISO 2022 IR 149", b"\x1b$)C\xb1"), ("ISO 2022 IR 6\\ISO 2022 IR 58", b"\x1b$)A\xff"),
                        ("\\".join(["ISO 2022 IR 87"] * 500), b"\x1b$B!!"), ("ISO_IR 100\\ISO_IR 192", b"\xe4"), ("", b"\x80\x81")):
        yield Case("charsets", f"{name[:30]} {value!r}").put((8, 5), name.encode(), b"CS").put((0x10, 0x10), value)


def encapsulated(*fragments, table=b"", closed=True):
    body = mark(ITEM, len(table)) + table + b"".join(mark(ITEM, len(f)) + f for f in fragments)
    return one((0x7FE0, 0x10), b"OB", body + (mark(SEQUENCE_END) if closed else b""), 0xFFFFFFFF)


def noise(size, seed=1):
    return b"".join(hashlib.sha256(b"%d %d" % (seed, n)).digest() for n in range(size // 32))


def compressed():
    heads = {"1.2.840.10008.1.2.5": struct.pack("<16I", 15, *range(64, 64 + 15 * 4, 4)),
             "90": b"\xff\x4f\xff\x51", "91": b"\xff\x4f\xff\x51"}
    for syntax in COMPRESSED:
        end = syntax.rsplit(".", 1)[1]
        start = heads.get(syntax, heads.get(end, b"\xff\xd8\xff\xdb" if end not in ("201", "202", "203") else b"\xff\x4f\xff\x51"))
        kinds = {"noise": encapsulated(noise(4096)), "noise behind a head": encapsulated(start + noise(4096)),
                 "an empty fragment": encapsulated(b""), "no fragment": encapsulated(), "never closed": encapsulated(start, closed=False),
                 "a fragment longer than the rest": encapsulated(start) [:-8] + mark(ITEM, 0x7FFFFFF0) + b"x" * 64,
                 "an offset table that lies": encapsulated(start + bytes(64), table=struct.pack("<4I", 0, 0xFFFFFFF0, 7, 0)),
                 "native pixels": one((0x7FE0, 0x10), b"OW", bytes(512))}
        for name, data in kinds.items():
            case = Case("compressed", f"{syntax}: {name}", syntax=syntax, series=f"9{COMPRESSED.index(syntax)}")
            case.drop((0x7FE0, 0x10))
            yield case.raw(case.bytes() + data)
    siz = lambda x, y, tx, ty, n: b"\xff\x4f\xff\x51" + struct.pack(">HHIIIIIIIIH", 38 + 3 * n, 0, x, y, 0, 0, tx, ty, 0, 0, n) + b"\x0f\1\1" * n
    for name, head in (("3.6e9 tiles", siz(60000, 60000, 1, 1, 1)), ("2^32 wide", siz(0xFFFFFFFF, 1, 0xFFFFFFFF, 1, 1)),
                       ("16384 components", siz(16, 16, 16, 16, 16384)), ("no size", siz(0, 0, 0, 0, 0)), ("tile 0", siz(16, 16, 0, 0, 1))):
        case = Case("compressed", f"JPEG 2000 of {name}", syntax="1.2.840.10008.1.2.4.90", series="98").drop((0x7FE0, 0x10))
        yield case.raw(case.bytes() + encapsulated(head + b"\xff\x52\0\x0c\0\0\0\1\0\5\4\4\0\0\xff\x90\0\x0a\0\0\0\0\0\0\0\1\xff\x93"))
    for name, width, height in (("65535 x 65535", 65535, 65535), ("0 x 0", 0, 0)):
        case = Case("compressed", f"JPEG of {name}", syntax="1.2.840.10008.1.2.4.50", series="99").drop((0x7FE0, 0x10))
        frame = b"\xff\xd8\xff\xc0" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\1\x11\0\xff\xda\0\x08\1\1\0\0\x3f\0"
        yield case.raw(case.bytes() + encapsulated(frame + noise(256)))
    for end in ("50", "57", "70"):      # dcmtk's decoder, looking for the precision, never leaves a TEM
        case = Case("compressed", f"JPEG with a TEM, {end}", syntax=f"1.2.840.10008.1.2.4.{end}", series=f"97{end}").drop((0x7FE0, 0x10))
        frame = b"\xff\xd8\xff\x01\0\0\xff\xc3" + struct.pack(">HBHHB", 11, 16, 16, 16, 1) + b"\1\x11\0\xff\xda\0\x08\1\1\0\1\0\0"
        yield case.raw(case.bytes() + encapsulated(frame + noise(256)))


def deflate(data):
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    return squeeze.compress(data) + squeeze.flush()


def deflated():
    case = Case("deflated", "whole", STORED, DEFLATED)
    yield case.raw(deflate(case.bytes()))
    for name, cut in (("half", 0.5), ("a tenth", 0.1)):
        case = Case("deflated", f"{name} of it", EITHER, DEFLATED)
        data = deflate(case.bytes())
        yield case.raw(data[:int(len(data) * cut)])
    yield Case("deflated", "noise", EITHER, DEFLATED).raw(noise(4096))
    yield Case("deflated", "nothing", EITHER, DEFLATED).raw(b"")
    case = Case("deflated", "with a zlib head", EITHER, DEFLATED)
    yield case.raw(zlib.compress(case.bytes()))
    for name, before in (("a bomb of 1 GiB in the pixels", True), ("a bomb of 1 GiB in the first element", False)):
        case = Case("deflated", name, EITHER, DEFLATED)
        case.drop((0x7FE0, 0x10))
        squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
        parts = [squeeze.compress((case.bytes() if before else b"")
                                  + one((0x7FE0, 0x10) if before else (8, 1), b"OW" if before else b"UT", b"", 1 << 30))]
        parts += [squeeze.compress(bytes(1 << 22)) for _ in range(256)] + [squeeze.flush()]
        yield case.raw(b"".join(parts))


def syntaxes():
    for syntax, name in ((IMPLICIT, "explicit bytes as implicit"), (BIG, "little endian as big endian")):
        for n in range(3):
            yield Case("syntaxes", f"{name} {n}", EITHER, syntax)
    yield Case("syntaxes", "a file with preamble as a data set").raw(bytes(128) + b"DICM" + noise(512))
    for name, data in (("HTML", b"<html><script>alert(1)</script></html>" * 20), ("zeros", bytes(4096)), ("ones", b"\xff" * 4096),
                       ("noise", noise(4096)), ("text", b"GET / HTTP/1.1\r\n\r\n" * 50), ("ELF", b"\x7fELF" + noise(512))):
        yield Case("syntaxes", f"{name} for a data set", REFUSED if name != "zeros" else EITHER).raw(data)


def cases():
    found = []
    for group in (truncated, lengths, sequences, pixels, geometry, identity, charsets, compressed, deflated, syntaxes):
        found += list(group())
    return found


def ask(port, sop_class, syntax, pieces):
    """'status xxxx', 'aborted', 'rejected', 'closed' or 'no answer', and the seconds behind the last byte."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(associate(sop_class, syntax, "HOSTILE"))
        kind, body = receive(connection)
        if kind != 2:
            return "rejected", 0
        accepted = body.find(b"\x21\x00")
        if accepted >= 0 and body[accepted + 6] != 0:
            connection.sendall(pdu(7, bytes(4)))
            return "context refused", 0
        sent = time.monotonic()
        try:
            for piece in pieces:
                connection.sendall(piece)
            sent = time.monotonic()
            kind, body = receive(connection)
        except (BrokenPipeError, ConnectionResetError):
            return "aborted", time.monotonic() - sent
        except socket.timeout:
            return "no answer", time.monotonic() - sent
        took = time.monotonic() - sent
        if kind == 4:
            connection.sendall(pdu(5, bytes(4)))
            return f"status {status_of(body):04x}", took
        return {7: "aborted", None: "closed"}.get(kind, f"PDU {kind}"), took


def echo(port):
    body = element(0, 2, VERIFICATION.encode()) + element(0, 0x100, b"\x30\0") + element(0, 0x110, b"\1\0") + element(0, 0x800, b"\1\1")
    begun = time.monotonic()
    said, _ = ask(port, VERIFICATION, IMPLICIT, list(pdata(element(0, 0, struct.pack("<I", len(body))) + body, 1)))
    return time.monotonic() - begun if said == "status 0000" else 99


class Count:
    def __init__(self):
        self.stored = self.refused = self.wrong = 0
        self.slowest = self.echo = 0.0

    def take(self, what, expect, said, took):
        good = said == "status 0000"
        self.stored += good
        self.refused += not good
        self.slowest = max(self.slowest, took)
        if said in ("no answer", "closed") or took > 1 or expect == (REFUSED if good else STORED):
            self.wrong += 1
            print(f"{what}: {said} after {took:.2f} s, {expect} is wanted")
        return good


def send(port, ledger, *files):
    count, port = Count(), int(port)
    with open(ledger, "w", encoding="ascii") as book:
        for at, case in enumerate(cases()):
            uid = case.uid if case.command_uid is None else case.command_uid
            data = case.bytes()
            said, took = ask(port, CT, case.syntax, list(pdata(command_set(CT, uid), 1)) + list(pdata(data, 0)))
            if count.take(f"{case.group}: {case.name}", case.expect, said, took):
                book.write(f"{uid} {hashlib.sha256(data).hexdigest()}\n")
            if at % 10 == 0:
                count.echo = max(count.echo, echo(port))
        for path in files:
            try:
                with open(path, "rb") as file:
                    part10 = file.read()
                at, found = meta(part10)
                names = found[2], found[3], found[0x10]
            except (AssertionError, KeyError, struct.error):
                at, part10, names = 0, part10, (CT, f"{ROOT}.3.1", EXPLICIT)
            said, took = ask(port, names[0], names[2], list(pdata(command_set(*names[:2]), 1)) + list(pdata(part10[at:], 0)))
            count.take(path, EITHER, said, took)
    count.echo = max(count.echo, echo(port))
    print(f"stored {count.stored} refused {count.refused} wrong {count.wrong} "
          f"slowest {count.slowest * 1000:.0f} ms echo {count.echo * 1000:.0f} ms")
    return 1 if count.wrong or count.echo > 1 else 0


def files(folder):
    os.makedirs(folder, exist_ok=True)
    case = Case("heads", "base")
    data = case.bytes()
    group = lambda body: one((2, 0), b"UL", struct.pack("<I", len(body))) + body
    full = one((2, 1), b"OB", b"\0\1") + one((2, 2), b"UI", CT.encode()) + one((2, 3), b"UI", case.uid.encode()) \
        + one((2, 0x10), b"UI", EXPLICIT.encode())
    heads = {"elf": b"\x7fELF\2\1\1".ljust(128, b"\0") + b"DICM" + group(full), "pe": b"MZ".ljust(128, b"\x90") + b"DICM" + group(full),
             "html": b"<html><script>alert(1)</script>".ljust(128) + b"DICM" + group(full), "tiff": b"II*\0\x84".ljust(128, b"\0") + b"DICM" + group(full),
             "no-magic": bytes(128) + b"DCIM" + group(full), "no-preamble": b"DICM" + group(full), "no-meta": bytes(128) + b"DICM",
             "length-lies": bytes(128) + b"DICM" + one((2, 0), b"UL", b"\xff\xff\xff\x7f") + full,
             "length-zero": bytes(128) + b"DICM" + one((2, 0), b"UL", bytes(4)) + full,
             "no-syntax": bytes(128) + b"DICM" + group(full[:-len(one((2, 0x10), b"UI", EXPLICIT.encode()))]),
             "odd-syntax": bytes(128) + b"DICM" + group(full.replace(EXPLICIT.encode(), b"1.2.840.10008.9.9.9")),
             "path-uid": bytes(128) + b"DICM" + group(full.replace(case.uid.encode(), b"../" * (len(case.uid) // 3) + b"x" * (len(case.uid) % 3))),
             "cut": bytes(128) + b"DICM" + group(full)[:30], "empty": b"", "big-meta": bytes(128) + b"DICM" + group(full + one((2, 0x102), b"OB", bytes(1 << 20)))}
    for name, head in heads.items():
        with open(os.path.join(folder, name + ".dcm"), "wb") as file:
            file.write(head + (data if name not in ("cut", "empty") else b""))


if __name__ == "__main__":
    if sys.argv[1] == "list":
        for item in cases():
            print(f"{item.group}: {item.name} ({len(item.bytes())} bytes)")
    else:
        sys.exit({"send": send, "files": files}[sys.argv[1]](*sys.argv[2:]))
