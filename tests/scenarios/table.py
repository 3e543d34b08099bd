#!/usr/bin/python3
"""The table of storage classes and transfer syntaxes: table.py make FOLDER | send PORT FOLDER |
check NODE_DIR FOLDER DECODE.

make: one file for each class and syntax that its pixels allow, by encoders that are not ours
(dcmtk, GDCM, Pillow, OpenJPH), each with the pixels it must give: those that went in, or, of a
lossy one, those that another decoder gives. A file without pixels beside it is only stored.
"""
import io
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
ROWS, COLUMNS = 46, 58
TS = "1.2.840.10008.1.2"
STORAGE = "1.2.840.10008.5.1.4.1.1."
# name, class, bits allocated, bits stored, signed, samples, frames
CLASSES = [
    ("ct", STORAGE + "2", 16, 16, True, 1, 1), ("enhanced-ct", STORAGE + "2.1", 16, 12, False, 1, 3),
    ("mr", STORAGE + "4", 16, 12, False, 1, 1), ("enhanced-mr", STORAGE + "4.1", 16, 16, False, 1, 3),
    ("pet", STORAGE + "128", 16, 16, True, 1, 1), ("nm", STORAGE + "20", 16, 16, False, 1, 3),
    ("cr", STORAGE + "1", 16, 10, False, 1, 1), ("dx", STORAGE + "1.1", 16, 14, False, 1, 1),
    ("mammography", STORAGE + "1.2", 16, 12, False, 1, 1), ("us", STORAGE + "6.1", 8, 8, False, 1, 1),
    ("us-frames", STORAGE + "3.1", 8, 8, False, 3, 3), ("xa", STORAGE + "12.1", 8, 8, False, 1, 3),
    ("sc", STORAGE + "7", 8, 8, False, 3, 1), ("seg", STORAGE + "66.4", 8, 8, False, 1, 3),
    ("label-map", STORAGE + "66.7", 16, 16, False, 1, 3), ("parametric-map", STORAGE + "30", 16, 16, False, 1, 1),
]
# By dcmtk from the plain file; True: the pixels come back as they went in.
TOOLS = {
    "": (["dcmconv", "+ti"], True), ".1": (["dcmconv", "+te"], True), ".2": (["dcmconv", "+tb"], True),
    ".1.99": (["dcmconv", "+td"], True), ".5": (["dcmcrle"], True),
    ".4.57": (["dcmcjpeg", "+el"], True), ".4.70": (["dcmcjpeg", "+e1"], True),
    ".4.80": (["dcmcjpls"], True), ".4.81": (["dcmcjpls", "+en", "+md", "2"], False),
    ".4.50": (["dcmcjpeg", "+eb", "+un"], False), ".4.51": (["dcmcjpeg", "+ee", "+un"], False),
    ".4.53": (["dcmcjpeg", "+es", "+un"], False), ".4.55": (["dcmcjpeg", "+ep", "+un"], False),
    ".4.90": (["gdcmconv", "--j2k"], True),
}
HIGH_THROUGHPUT = {".4.201": "LRCP", ".4.202": "RPCL", ".4.203": "PCRL"}
STORED_ONLY = [".4.100", ".4.100.1", ".4.101", ".4.102", ".4.103", ".4.104", ".4.105", ".4.106", ".4.107",
               ".4.108", ".4.94", ".4.204"]


def run(*command):
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


# ---- making ----------------------------------------------------------------------------

def scene(stored, signed, samples, frames, allocated):
    t, y, x, n = np.mgrid[0:frames, 0:ROWS, 0:COLUMNS, 0:samples]
    noise = np.random.default_rng(3).integers(0, 4, t.shape)
    value = (x * 5 + y * 3 + t * 7 + n * 11 + noise) * (2 ** stored - 1) // 700
    value[:, 10:20, 10:30] = 2 ** stored - 1
    value[:, 0, 0] = 0
    return (value - (2 ** (stored - 1) if signed else 0)).astype(f"{'i' if signed else 'u'}{allocated // 8}")


def describe(kind, pixels, number):
    from pydicom.dataset import FileDataset, FileMetaDataset
    name, sop_class, allocated, stored, signed, samples, frames = kind
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = TS + ".1", sop_class
    meta.MediaStorageSOPInstanceUID = f"2.25.7{number:05d}"
    image = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    image.is_little_endian, image.is_implicit_VR = True, False
    image.SOPClassUID, image.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    image.StudyInstanceUID, image.SeriesInstanceUID = "2.25.70", f"2.25.70.{1 + CLASSES.index(kind)}"
    image.Modality, image.PatientID, image.PatientName = "OT", "TABLE", "Table^Of"
    image.ImageType, image.ConversionType, image.StudyDate = ["ORIGINAL", "PRIMARY"], "WSD", "20260101"
    image.Rows, image.Columns, image.SamplesPerPixel = ROWS, COLUMNS, samples
    image.PhotometricInterpretation = "RGB" if samples == 3 else "MONOCHROME2"
    if samples == 3:
        image.PlanarConfiguration = 0
    if frames > 1:
        image.NumberOfFrames = frames
    image.BitsAllocated, image.BitsStored, image.HighBit = allocated, stored, stored - 1
    image.PixelRepresentation = int(signed)
    image.PixelData = pixels.tobytes()
    image["PixelData"].VR = "OB" if allocated == 8 else "OW"
    return image


def name_syntax(path, old, new):
    """pydicom 2.3 and dcmtk do not know all of them, and do not write what they do not know."""
    data = open(path, "rb").read()
    old, new = old.encode(), new.encode()
    old += b"\0" * (len(old) % 2)
    new += b"\0" * (len(new) % 2)
    at = data.index(struct_of(old), 132)
    length = int.from_bytes(data[140:144], "little") + len(new) - len(old)
    with open(path, "wb") as file:
        file.write(data[:140] + length.to_bytes(4, "little") + data[144:at] + struct_of(new)
                   + data[at + len(struct_of(old)):])


def struct_of(value):
    return b"\x02\0\x10\0UI" + len(value).to_bytes(2, "little") + value


def encapsulate(image, codes, path, colour, syntax):
    from pydicom.encaps import encapsulate as wrap
    image.file_meta.TransferSyntaxUID = TS + ".4.90"
    if image.SamplesPerPixel == 3:
        image.PhotometricInterpretation = colour
    image.PixelData = wrap(codes)
    image["PixelData"].VR, image["PixelData"].is_undefined_length = "OB", True
    image.save_as(path, write_like_original=False)
    if syntax != ".4.90":
        name_syntax(path, TS + ".4.90", TS + syntax)


def by_pillow(image, pixels, path):
    """Lossy JPEG 2000, and what Pillow's own decoder makes of it."""
    from PIL import Image
    codes, again = [], []
    for frame in pixels:
        code = io.BytesIO()
        picture = Image.fromarray(frame if frame.shape[2] == 3 else frame[:, :, 0]) if pixels.itemsize == 1 \
            else Image.frombytes("I;16", (COLUMNS, ROWS), frame.tobytes())
        picture.save(code, "JPEG2000", no_jp2=True, irreversible=True, mct=int(frame.shape[2] == 3))
        codes.append(code.getvalue())
        again.append(np.asarray(Image.open(io.BytesIO(codes[-1]))).astype(pixels.dtype))
    encapsulate(image, codes, path, "YBR_ICT", ".4.91")
    return np.stack(again)


def by_openjph(image, pixels, stored, order, path, syntax):
    codes = []
    with tempfile.TemporaryDirectory() as folder:
        suffix = "ppm" if pixels.shape[3] == 3 else "pgm"
        source, target = f"{folder}/in.{suffix}", f"{folder}/out.j2c"
        for frame in pixels:
            with open(source, "wb") as file:
                file.write(f"P{6 if suffix == 'ppm' else 5}\n{COLUMNS} {ROWS}\n{2 ** stored - 1}\n".encode())
                file.write(frame.astype(">u2" if stored > 8 else "u1").tobytes())
            if not run("ojph_compress", "-i", source, "-o", target, "-reversible", "true", "-prog_order", order,
                       "-colour_trans", "true" if suffix == "ppm" else "false"):
                return False
            codes.append(open(target, "rb").read())
    encapsulate(image, codes, path, "YBR_RCT", syntax)
    return True


def reference(path, folder):
    """Lossy pixels by GDCM."""
    import pydicom
    plain = f"{folder}/reference"
    if not run("gdcmconv", "-w", path, plain):
        return None
    pixels = pydicom.dcmread(plain).pixel_array
    os.unlink(plain)
    return pixels


def make_kind(kind, folder, number):
    import pydicom
    name, _, allocated, stored, signed, samples, frames = kind
    pixels = scene(stored, signed, samples, frames, allocated)
    plain = f"{folder}/plain"

    def target(syntax):
        nonlocal number
        number += 1
        describe(kind, pixels, number).save_as(plain, write_like_original=False)
        return f"{folder}/{name}{TS}{syntax}.dcm"

    def keep(path, values):
        np.ascontiguousarray(values).astype(pixels.dtype).tofile(path[:-4] + ".raw")

    for syntax, (tool, lossless) in TOOLS.items():
        path = target(syntax)
        if samples == 3 and not lossless:
            continue                        # colours turned and subsampled: decoders round differently
        if not run(*tool, plain, path):
            if os.path.exists(path):
                os.unlink(path)
            continue
        values = pixels if lossless else reference(path, folder)
        if pydicom.dcmread(path, stop_before_pixels=True).BitsAllocated != allocated or values is None:
            os.unlink(path)                 # it made another image of it
            continue
        keep(path, values)
    if allocated == 8 or (stored == 16 and not signed):
        path = target(".4.91")
        keep(path, by_pillow(pydicom.dcmread(plain), pixels, path))
    for syntax, order in HIGH_THROUGHPUT.items():
        path = target(syntax)
        if not signed and by_openjph(pydicom.dcmread(plain), pixels, stored, order, path, syntax):
            keep(path, pixels)
    for syntax in STORED_ONLY if name in ("ct", "us-frames", "xa") else []:
        path = target(syntax)
        encapsulate(pydicom.dcmread(plain), [bytes(range(256))], path, "YBR_FULL", syntax)
    for syntax in (".4.95", ".4.205") if name == "ct" else []:
        path = target(syntax)
        run("dcmconv", "+td", plain, path)
        name_syntax(path, TS + ".1.99", TS + syntax)
    os.unlink(plain)
    return number


def make(folder):
    number = 0
    for kind in CLASSES:
        number = make_kind(kind, folder, number)
    files = [name for name in os.listdir(folder) if name.endswith(".dcm")]
    print(len(files), "files of", len(CLASSES), "classes in", len({name.split(TS, 1)[1] for name in files}), "syntaxes")
    sys.exit(0 if len(files) >= 250 else 1)


# ---- sending and comparing ----------------------------------------------------------------

def send(port, folder):
    sys.path.insert(0, HERE)
    import dimse
    for name in sorted(os.listdir(folder)):
        if name.endswith(".dcm"):
            print(name, end=" ")
            dimse.store(port, os.path.join(folder, name))


def rows(node):
    import sqlite3
    database = sqlite3.connect(f"file:{node}/index.db?mode=ro", uri=True, timeout=10)
    return {row[0]: row for row in database.execute("SELECT sop_uid, transfer_syntax, path, tags FROM instance")}


def compare(name, folder, node, kept, decode):
    """What is wrong with it, or None."""
    import dimse
    import index
    sent = open(os.path.join(folder, name), "rb").read()
    _, meta = dimse.meta(sent)
    if meta[3] not in kept:
        return "is not in the index"
    _, syntax, path, tags = kept[meta[3]]
    tags = json.loads(tags)
    if (tags["PatientID"], tags["Rows"], tags["Columns"]) != ("TABLE", str(ROWS), str(COLUMNS)):
        return f"has other tags in the index: {tags}"
    path = os.path.join(node, path)
    if syntax != meta[0x10] or index.data_set(open(path, "rb").read()) != index.data_set(sent):
        return "is stored as other bytes"
    raw = os.path.join(folder, name[:-4] + ".raw")
    said = subprocess.run([decode, path, "decoded"], capture_output=True, text=True, check=False)
    if not os.path.exists(raw):
        good = said.returncode == 1 and ("is stored and not decoded" in said.stdout or "JPIP server" in said.stdout)
        return None if good else f"must not be decoded: {said.stdout}"
    if said.returncode != 0:
        return said.stdout.strip()
    want = open(raw, "rb").read()
    return None if open("decoded", "rb").read()[:len(want)] == want else "has other pixels"


def check(node, folder, decode):
    sys.path.insert(0, HERE)
    kept, wrong, count, counts = rows(node), 0, 0, {}
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        for name in sorted(os.listdir(folder)):
            if name.endswith(".dcm"):
                fault = compare(name, folder, node, kept, decode)
                count += 1
                wrong += fault is not None
                syntax = name.split(TS, 1)[1][:-4]
                counts[syntax] = counts.get(syntax, 0) + (fault is None)
                if fault is not None:
                    print(name, fault)
        os.chdir("/")
    print("classes by syntax:", ", ".join(f"{TS}{syntax} {n}" for syntax, n in sorted(counts.items())))
    print(count, "files,", wrong, "wrong")
    sys.exit(1 if wrong or not count else 0)


if __name__ == "__main__":
    {"make": make, "send": send, "check": check}[sys.argv[1]](*sys.argv[2:])
