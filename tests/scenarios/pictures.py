#!/usr/bin/python3
"""Pictures for the scenarios: make OUT writes good and bad ones; compare NODE FILE SPACING finds the picture in the
node's objects, with the pixels that Pillow reads (a JPEG's to 3 of 255) and its spacing or 'pixel'."""
import glob
import io
import os
import struct
import sys
import zlib

import numpy as np
import pydicom
from PIL import Image


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def make(out):
    rng = np.random.default_rng(5)
    grey = rng.integers(0, 256, (48, 60)).astype(np.uint8)
    smooth = np.add.outer(np.arange(48) * 2, np.arange(60)).astype(np.uint8)
    colour = rng.integers(0, 256, (48, 60, 3)).astype(np.uint8)
    good = os.path.join(out, "good", "case_a")
    os.makedirs(good)
    Image.fromarray(grey).save(os.path.join(good, "grey_1.png"))
    Image.fromarray(rng.integers(0, 65536, (48, 60)).astype(np.uint16)).save(os.path.join(good, "deep_2.png"))
    Image.fromarray(colour).save(os.path.join(good, "colour_3.png"))
    Image.fromarray(np.dstack([grey] * 3)).save(os.path.join(good, "greyrgb_4.png"))
    Image.fromarray(grey).convert("P").save(os.path.join(good, "palette_5.png"))
    Image.fromarray(np.dstack([colour, grey])).save(os.path.join(good, "alpha_6.png"))
    Image.fromarray((grey > 127)).save(os.path.join(good, "bits_7.png"))
    Image.fromarray(smooth).save(os.path.join(good, "photo_8.jpg"), quality=90)
    Image.fromarray(np.dstack([smooth, smooth, smooth[::-1]])).save(os.path.join(good, "photo_9.jpeg"), quality=90)
    bad = os.path.join(out, "bad")
    os.makedirs(bad)
    whole = open(os.path.join(good, "grey_1.png"), "rb").read()
    jpeg = open(os.path.join(good, "photo_8.jpg"), "rb").read()
    huge = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0))
    huge += chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    progressive = io.BytesIO()
    Image.fromarray(smooth).save(progressive, "JPEG", progressive=True)
    sof = jpeg.index(b"\xff\xc0")
    cases = {"cut.png": (whole[:900], "a damaged PNG file: "), "bomb.png": (huge, "a picture of 60000 x 60000 pixels"),
             "crc.png": (whole[:40] + b"\0\0\0\0" + whole[44:], "a damaged PNG file: "),
             "bomb.jpg": (jpeg[:sof + 5] + b"\xff\xf0\xff\xf0" + jpeg[sof + 9:], "a picture of 65520 x 65520 pixels"),
             "progressive.jpg": (progressive.getvalue(), "a progressive or lossless JPEG file (SOF2)"),
             "cut.jpg": (jpeg[:sof - 4], "a JPEG file without a frame header"),
             "empty.jpg": (b"\xff\xd8\xff\xd9", "a JPEG file without a frame header")}
    with open(os.path.join(out, "cases"), "w", encoding="utf-8") as table:
        for name, (data, sentence) in cases.items():
            open(os.path.join(bad, name), "wb").write(data)
            print(name, sentence, sep="\t", file=table)


def compare(node, name, spacing):
    image = Image.open(name)
    wanted = np.array(image)
    if image.mode in ("P", "1"):
        wanted = np.array(image.convert("L"))
    elif image.mode == "RGBA":
        wanted = wanted[..., :3]
    elif image.mode == "RGB" and (wanted[..., :1] == wanted).all():
        wanted = wanted[..., 0]
    for path in glob.glob(os.path.join(node, "objects", "*", "*.dcm")):
        found = pydicom.dcmread(path)
        if os.path.basename(name) not in found.get("DerivationDescription", ""):
            continue
        if spacing != ("pixel" if "PixelSpacing" not in found else "%g,%g" % tuple(found.PixelSpacing)):
            continue
        assert found.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7"
        assert ("unit: pixel" in found.get("ImageComments", "")) == (spacing == "pixel")
        if name.endswith(".png"):
            pixels = found.pixel_array
            assert pixels.dtype == wanted.dtype or wanted.dtype == np.int32, (pixels.dtype, wanted.dtype)
            assert (pixels == wanted).all(), "other pixels"
        else:
            pixels = np.array(Image.open(io.BytesIO(pydicom.encaps.decode_data_sequence(found.PixelData)[0])))
            assert (pixels == wanted).all(), "other bytes"
        return
    raise SystemExit("not there: " + name)


{"make": make, "compare": compare}[sys.argv[1]](*sys.argv[2:])
