#!/usr/bin/python3
"""Writes a seed corpus for each fuzz target below a folder: seeds.py FOLDER."""
import gzip
import hashlib
import io
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

LONG = ("OB", "OW", "SQ", "UN", "UT")
UNDEFINED = 0xFFFFFFFF


def head(tag, vr, length, implicit=False, order="<"):
    start = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
    if implicit or vr is None:
        return start + struct.pack(order + "I", length)
    if vr in LONG:
        return start + vr.encode() + struct.pack(order + "HI", 0, length)
    return start + vr.encode() + struct.pack(order + "H", length)


def data_set(implicit, order, depth=2, lengths=False, encapsulated=False):
    def element(tag, vr, value):
        return head(tag, vr, len(value), implicit, order) + value

    inner = element(0x00080060, "CS", b"MR")
    for _ in range(depth):
        size = len(inner) if lengths else UNDEFINED
        item = head(0xFFFEE000, None, size, implicit, order) + inner
        if not lengths:
            item += head(0xFFFEE00D, None, 0, implicit, order)
        size = len(item) if lengths else UNDEFINED
        inner = head(0x00081140, "SQ", size, implicit, order) + item
        if not lengths:
            inner += head(0xFFFEE0DD, None, 0, implicit, order)
    text = element(0x00080005, "CS", b"ISO_IR 100") + element(0x00080018, "UI", b"1.2.3.4\0")
    text += element(0x00080060, "CS", b"CT") + inner + element(0x00100010, "PN", b"A^B ")
    text += element(0x0020000D, "UI", b"1.2\0") + element(0x0020000E, "UI", b"1.3\0")
    text += element(0x00280010, "US", struct.pack(order + "H", 64))
    if not encapsulated:
        return text + element(0x7FE00010, "OW", bytes(16))
    text += head(0x7FE00010, "OB", UNDEFINED, implicit, order)
    text += head(0xFFFEE000, None, 0) + head(0xFFFEE000, None, 4) + b"jpeg"
    return text + head(0xFFFEE0DD, None, 0)


def deflated(plain):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(plain) + packer.flush()


def part10(data, syntax):
    uid = syntax + b"\0" * (len(syntax) % 2)
    meta = head(0x00020010, "UI", len(uid)) + uid
    return bytes(128) + b"DICM" + head(0x00020000, "UL", 4) + struct.pack("<I", len(meta)) \
        + meta + data


def scans():
    for lengths in (False, True):
        for depth in (0, 1, 3, 64, 65):
            yield b"\0\1" + data_set(True, "<", depth, lengths)
            yield b"\1\3" + data_set(False, "<", depth, lengths)
            yield b"\2\7" + data_set(False, ">", depth, lengths)
            yield b"\3\5" + deflated(data_set(False, "<", depth, lengths))
    yield b"\1\2" + data_set(False, "<", encapsulated=True)
    yield b"\4\0" + part10(data_set(False, "<"), b"1.2.840.10008.1.2.1")
    yield b"\4\0" + part10(data_set(True, "<"), b"1.2.840.10008.1.2")
    yield b"\4\0" + data_set(True, "<")


def command(field, message=None, **more):
    def element(number, value):
        return head(number, None, len(value)) + value

    text = element(0x0002, b"1.2.840.10008.1.1\0") + element(0x0100, struct.pack("<H", field))
    text += element(0x0110, b"\1\0") + element(0x0800, b"\1\1")
    for number, value in sorted(more.items()):
        text += element(int(number[1:], 16), value)
    return element(0x0000, struct.pack("<I", len(text))) + text


def commands():
    yield command(0x0030)
    yield command(0x0001, e1000=b"1.2.3.4\0", e0700=b"\0\0")
    yield command(0x0021, e0600=b"MOVER ")
    yield command(0x8001, e0120=b"\1\0", e0900=b"\0\0", e0902=b"all well")


def item(kind, value):
    return struct.pack(">BBH", kind, 0, len(value)) + value


def requests():
    for count in (1, 3, 129):
        text = item(0x10, b"1.2.840.10008.3.1.1.1")
        for number in range(count):
            text += item(0x20, bytes([(2 * number + 1) % 256, 0, 0, 0])
                         + item(0x30, b"1.2.840.10008.1.1") + item(0x40, b"1.2.840.10008.1.2"))
        text += item(0x50, item(0x51, b"\0\0\x40\0") + item(0x52, b"1.2.3"))
        text = b"\0\1\0\0" + b"CALLED".ljust(16) + b"CALLING".ljust(16) + bytes(32) + text
        yield struct.pack(">BBI", 1, 0, len(text)) + text


def sub(kind, text):
    return struct.pack(">H", len(text)) + text if kind is None else item(kind, text)


def negotiations():
    """The items of requests, with what PS3.7 D.3 lets the user information hold."""
    uid = b"1.2.840.10008.5.1.4.1.1.2"
    role = item(0x54, sub(None, uid) + b"\1\1")
    extended = item(0x56, sub(None, uid) + b"\1\1\0")
    common = item(0x57, sub(None, uid) + sub(None, b"1.2.3") + sub(None, b"\0\5" + b"1.2.3"))
    user = item(0x58, b"\2\1" + sub(None, b"name") + sub(None, b"word"))
    window = item(0x53, b"\0\1\0\1")
    for more in (b"", role, extended, common, user, window, role + extended + common + user):
        yield item(0x10, b"1.2.840.10008.3.1.1.1") \
            + item(0x20, b"\1\0\0\0" + item(0x30, uid) + item(0x40, b"1.2.840.10008.1.2")) \
            + item(0x50, item(0x51, b"\0\0\x40\0") + item(0x52, b"1.2.3") + more
                   + item(0x55, b"VERSION"))


def pdus():
    def pdv(context, control, value):
        return struct.pack(">IBB", len(value) + 2, context, control) + value

    def pdu(kind, value):
        return struct.pack(">BBI", kind, 0, len(value)) + value

    yield pdu(4, pdv(1, 3, command(0x0030))) + pdu(5, bytes(4))
    yield pdu(4, pdv(1, 1, b"ab") + pdv(1, 2, b"cd")) + pdu(4, b"") + pdu(7, bytes(4))
    yield pdu(6, bytes(4)) + b"\4\0"


def configs():
    """The example and every wrong file of the unit tests."""
    source = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    cases = os.path.join(source, "tests", "cases", "config")
    paths = [os.path.join(source, "etc", "tumord.yaml")]
    for path in paths + [os.path.join(cases, name) for name in sorted(os.listdir(cases))]:
        with open(path, "rb") as file:
            yield file.read()


def codestreams():
    """JPEG 2000 by Pillow and OpenJPH, where they are; seed_j2k adds what our encoder makes."""
    pixels = bytes((x * y) % 251 for y in range(40) for x in range(30))
    try:
        from PIL import Image
        for options in ({}, {"tile_size": (16, 16)}, {"irreversible": True},
                        {"quality_mode": "rates", "quality_layers": [20, 5]},
                        {"precinct_size": (16, 16), "codeblock_size": (8, 8), "progression": "RPCL"}):
            code = io.BytesIO()
            Image.frombytes("L", (30, 40), pixels).save(code, "JPEG2000", no_jp2=not options == {}, **options)
            yield b"\1" + code.getvalue()
    except ImportError:
        pass
    if shutil.which("ojph_compress"):
        with tempfile.TemporaryDirectory() as folder:
            for options in ((), ("-reversible", "true"), ("-tile_size", "{16,16}", "-reversible", "true")):
                with open(f"{folder}/in.pgm", "wb") as file:
                    file.write(b"P5\n30 40\n255\n" + pixels)
                subprocess.run(["ojph_compress", "-i", f"{folder}/in.pgm", "-o", f"{folder}/out.j2c", *options],
                               stdout=subprocess.DEVNULL, check=True)
                with open(f"{folder}/out.j2c", "rb") as file:
                    yield b"\1" + file.read()


def jpegs():
    """A frame header behind tables, as baseline, progressive and JPEG-LS."""
    for marker in (0xC0, 0xC2, 0xF7):
        table = b"\xff\xdb\0\x43\0" + bytes(64)
        header = struct.pack(">BBHBHHBBBB", 0xFF, marker, 11, 8, 64, 48, 1, 1, 0x11, 0)
        yield b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(10) + table + header + b"\xff\xda\0\x08"


def answers():
    """A-ASSOCIATE-AC with what its user information may hold, and a rejection; byte 0 is the PDU's kind."""
    uid = b"1.2.840.10008.5.1.4.1.1.2"
    head = b"\0\1\0\0" + b"CALLED".ljust(16) + b"CALLER".ljust(16) + bytes(32) + item(0x10, b"1.2.840.10008.3.1.1.1")
    contexts = item(0x21, b"\1\0\0\0" + item(0x40, b"1.2.840.10008.1.2")) \
        + item(0x21, b"\3\0\0\0" + item(0x40, b"1.2.840.10008.1.2.1")) + item(0x21, b"\5\0\3\0" + item(0x40, b""))
    user = item(0x51, b"\0\0\x40\0") + item(0x52, b"1.2.3")
    for more in (b"", item(0x54, sub(None, uid) + b"\1\1"), item(0x56, sub(None, uid) + b"\1\1\0"),
                 item(0x59, sub(None, b"word")), item(0x53, b"\0\1\0\1"), item(0x55, b"VERSION")):
        yield b"\2" + head + contexts + item(0x50, user + more)
    yield b"\3" + bytes([0, 2, 1, 1])
    yield b"\7" + bytes(4)


def metas():
    def element(tag, vr, value):
        return head(tag, vr, len(value)) + value

    names = element(0x00020002, "UI", b"1.2.3\0") + element(0x00020003, "UI", b"1.2.3.4\0") \
        + element(0x00020010, "UI", b"1.2.840.10008.1.2.1\0")
    body = element(0x00020001, "OB", b"\0\1") + names + element(0x00020016, "AE", b"SOURCE")
    yield element(0x00020000, "UL", struct.pack("<I", len(body))) + body
    yield names


def jobs():
    digest = "ab" * 32
    yield b'{"reason": "analysed", "seconds": 1.5, "peak_mib": 20.0, "objects": [{"kind": "seg", "name": "seg.dcm", ' \
        b'"class": "1.2.3", "sop": "1.2.4", "series": "1.2.5", "sha256": "%s", "size": 100}]}' % digest.encode()
    yield b'{"key": "%s", "created": "20260101120000.000000", "modality": "CT", "series_number": 1, "files": 3, ' \
        b'"time_limit_s": 60, "threads": 2, "parameters": "{}"}' % digest.encode()
    yield b"\0" + struct.pack("<IIiIqqII", 0x746D7231, 7, 1, 0, 1, 1, 2, 0) + b"{}"


def findings():
    lesion = {"label": 1, "finding": "Lesion", "volume_mm3": 3000.5, "longest_mm": 20.25, "site": "Liver", "laterality": "left"}
    for lesions in ([], [lesion], [lesion, {**lesion, "kind": "organ"}]):
        yield json.dumps({"count": len(lesions[:1]), "total_mm3": 3000.5 * len(lesions[:1]), "lesions": lesions,
                          "method": {"name": "otsu3-morphology"}}).encode()


def records():
    """A row of the journal and the bytes that it stands for; and one whose bytes are in a file."""
    for value, temporary in ((b"\0the bytes of an object", ""), (b"\0", "1234.part")):
        yield json.dumps({"sop": "1.2.3", "class": "1.2.840.10008.5.1.4.1.1.2", "study": "1.2", "series": "1.2.1",
                          "transfer_syntax": "1.2.840.10008.1.2.1", "sha256": hashlib.sha256(value).hexdigest(),
                          "path": "objects/ab/cd.dcm", "size": len(value), "calling_ae": "SCANNER", "peer": "", "received_ms": 5,
                          "temporary": temporary, "tags": {"Modality": "CT"}}).encode() + value


def matches():
    for number, (key, value) in enumerate((
            (b"1.2\\1.3", b"1.3"), (b"A*^b?", b"ALPHA^bc=x=y"), (b"20260101-20261231", b"20260505"), (b"10-1130", b"101500.5"),
            (b"12", b"12"), (b"1.5", b"1.50"), (b"*a*b*c*?", b"aabbccdd"), (b"CT\\MR", b"PT\\MR"))):
        yield bytes([number]) + key + b"\0" + value


def identifiers():
    for depth in (0, 1, 3):
        yield data_set(True, "<", depth)
        yield data_set(False, "<", depth, True)


def texts():
    for number, text in enumerate((b"plain", "\u00e4".encode("latin-1"), "\u0414".encode("iso8859-5"), b"\xd4\xcf", "\u00e4".encode(),
                                   "\u738b".encode("gb18030"), "\u738b".encode("gbk"), b"x", b"A=\x1b$B;3ED\x1b(B", b"\xd4\xcf=\x1b$B;3\x1b(J",
                                   b"H=\x1b$)C\xfb\xf3", b"W=\x1b$)A\xcd\xf5")):
        yield bytes([number]) + text


def niftis():
    """3 x 2 x 2 x 2 voxels in both versions and byte orders, with sform, qform or neither; some packed."""
    kinds = ((2, "B"), (4, "h"), (8, "i"), (16, "f"), (64, "d"), (256, "b"), (512, "H"), (768, "I"), (1024, "q"), (1280, "Q"))
    for number, (code, kind) in enumerate(kinds):
        for version, order in ((1, "<"), (2, ">")):
            real, whole, size = ("f", "h", 348) if version == 1 else ("d", "i", 540)
            data = bytearray(size + 4)

            def put(at, format, *values):
                struct.pack_into(order + format, data, at, *values)

            put(0, "i", size)
            mark = b"n+1\0" if version == 1 else b"n+2\0\r\n\x1a\n"
            start = 344 if version == 1 else 4
            data[start:start + len(mark)] = mark
            put(40 if version == 1 else 16, "8h" if version == 1 else "8q", 4, 3, 2, 2, 2, 1, 1, 1)
            put(70 if version == 1 else 12, "hh", code, 8 * struct.calcsize(order + kind))
            put(76 if version == 1 else 104, "4" + real, -1, 1, 2, 3)
            put(108 if version == 1 else 168, "f" if version == 1 else "q", size + 4)
            put(112 if version == 1 else 176, "2" + real, number % 3, 1)
            put(252 if version == 1 else 344, "2" + whole, number % 2, number // 2 % 2)
            put(256 if version == 1 else 352, "6" + real, 0, 0.6, 0, 5, 6, 7)
            put(280 if version == 1 else 400, "12" + real, 1, 0, 0, 9, 0, 2, 0, 9, 0, 0, 3, 9)
            put(123 if version == 1 else 500, "b" if version == 1 else "i", number % 4)
            file = bytes(data) + struct.pack(order + "24" + kind, *range(24))
            yield gzip.compress(file, mtime=0) if number % 4 == 3 else file


def masks():
    """A binary, a fractional and a label map segmentation of two frames, and a structure set of two contours."""
    def element(tag, vr, value):
        value += (b" " if vr in ("CS", "DS", "IS", "LO") else b"\0") * (len(value) % 2)
        return head(tag, vr, len(value)) + value

    def sequence(tag, *items):
        return element(tag, "SQ", b"".join(head(0xFFFEE000, None, len(item)) + item for item in items))

    def short(tag, value):
        return element(tag, "US", struct.pack("<H", value))

    def code(tag, value):
        return sequence(tag, element(0x00080100, "SH", value) + element(0x00080102, "SH", b"SCT "))

    for kind, bits, uid, pixels in ((b"BINARY", 1, b"66.4", bytes([1, 128, 7] * 4)), (b"FRACTIONAL", 8, b"66.4", bytes(range(96))),
                                    (b"LABELMAP", 8, b"66.7", bytes([0, 1, 2] * 32))):
        data = element(0x00080016, "UI", b"1.2.840.10008.5.1.4.1.1." + uid)
        data += sequence(0x00081115, element(0x0020000E, "UI", b"1.2.3")) + element(0x00200052, "UI", b"1.2.826.1")
        data += short(0x00280002, 1) + element(0x00280008, "IS", b"2") + short(0x00280010, 6) + short(0x00280011, 8)
        data += short(0x00280100, bits) + element(0x00620001, "CS", kind)
        data += sequence(0x00620002, *(short(0x00620004, number) + element(0x00620005, "LO", b"Tumor") + code(0x0062000F, b"108369006 ")
                                       for number in (1, 2)))
        data += short(0x0062000E, 90)
        data += sequence(0x52009229, sequence(0x00209116, element(0x00200037, "DS", b"1\\0\\0\\0\\1\\0")) +
                         sequence(0x00289110, element(0x00280030, "DS", b"2\\2")))
        data += sequence(0x52009230, *(sequence(0x00209113, element(0x00200032, "DS", place)) +
                                       sequence(0x0062000A, short(0x0062000B, number))
                                       for number, place in ((1, b"10\\20\\35"), (2, b"11\\20\\38"))))
        yield data + element(0x7FE00010, "OB", pixels)
    data = element(0x00080016, "UI", b"1.2.840.10008.5.1.4.1.1.481.3")
    data += sequence(0x30060010, sequence(0x30060012, sequence(0x30060014, element(0x0020000E, "UI", b"1.2.3"))))
    data += sequence(0x30060020, element(0x30060022, "IS", b"1") + element(0x30060024, "UI", b"1.2.826.1") + element(0x30060026, "LO", b"GTV"))
    data += sequence(0x30060039, sequence(0x30060040, *(element(0x30060042, "CS", b"CLOSED_PLANAR") + element(0x30060046, "IS", b"3") +
                                                        element(0x30060050, "DS", points)
                                                        for points in (b"11\\21\\35\\19\\21\\35\\19\\29\\35", b"9\\9\\40\\99\\9\\40\\9\\99\\40"))) +
                     element(0x30060084, "IS", b"1"))
    yield data + sequence(0x30060080, element(0x30060084, "IS", b"1") + element(0x300600A4, "CS", b"GTV"))


def pictures():
    """Small PNGs of all kinds of pixels, and the head of a JPEG."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    for depth, colour, row in ((8, 0, 4), (16, 0, 8), (8, 2, 12), (16, 2, 24), (1, 0, 1), (8, 3, 4), (8, 6, 16), (8, 4, 8)):
        data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 3, depth, colour, 0, 0, 0))
        data += chunk(b"PLTE", bytes(768)) if colour == 3 else b""
        yield data + chunk(b"IDAT", zlib.compress((b"\0" + bytes(range(row))) * 3)) + chunk(b"IEND", b"")
    yield bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffc0000b080010001001011100ffd9")


def main():
    targets = {"answer": answers, "charset": texts, "command": commands, "config": configs, "identifier": identifiers,
               "j2k": codestreams, "job": jobs, "journal": records, "jpeg": jpegs, "mask": masks, "match": matches, "meta": metas, "negotiate": negotiations,
               "nifti": niftis, "pdv": pdus, "picture": pictures, "regions": findings, "request": requests, "scan": scans}
    for name, seeds in targets.items():
        folder = os.path.join(sys.argv[1], "fuzz_%s.corpus" % name)
        os.makedirs(folder, exist_ok=True)
        for number, seed in enumerate(seeds()):
            with open(os.path.join(folder, "seed-%02d" % number), "wb") as file:
                file.write(seed)


main()
