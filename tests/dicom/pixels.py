#!/usr/bin/python3
"""pixels.py FILE RAW: compares decoded pixels with those of another decoder; says 'ok'.

Native and RLE pixels are pydicom's own; JPEG, JPEG-LS and JPEG 2000 are decoded by GDCM's
gdcmconv, and high-throughput JPEG 2000 (one frame) by OpenJPH's ojph_expand.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
import pydicom
from pydicom.encaps import defragment_data
from pydicom.uid import RLELossless

HIGH_THROUGHPUT = ["1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203"]


def expand(dataset):
    """OpenJPH writes 16 bits in big endian, behind a text of three lines, and none with a sign."""
    beside = path.replace("HTJ2K_wrapped.dcm", "pixels_16bit_le.raw")
    if dataset.PixelRepresentation == 1:
        return np.fromfile(beside, "<i2")
    codestream = defragment_data(dataset.PixelData)
    suffix = "ppm" if dataset.SamplesPerPixel == 3 else "pgm"
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "in.j2c"), os.path.join(folder, f"out.{suffix}")
        with open(source, "wb") as file:
            file.write(codestream)
        subprocess.run(["ojph_expand", "-i", source, "-o", target], check=True, stdout=subprocess.DEVNULL)
        with open(target, "rb") as file:
            written = file.read()
    size = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel * dataset.BitsAllocated // 8
    values = np.frombuffer(written[-size:], ">u2" if dataset.BitsAllocated == 16 else "u1")
    return values.astype("<u2" if dataset.BitsAllocated == 16 else "u1")


path, raw = sys.argv[1:3]
dataset = pydicom.dcmread(path, force=True)
syntax = getattr(dataset.file_meta, "TransferSyntaxUID", pydicom.uid.ImplicitVRLittleEndian)
dataset.file_meta.TransferSyntaxUID = syntax
if str(syntax) in HIGH_THROUGHPUT:
    want = expand(dataset)
else:
    if syntax.is_encapsulated and syntax != RLELossless:
        with tempfile.TemporaryDirectory() as folder:
            plain = os.path.join(folder, "plain.dcm")
            subprocess.run(["gdcmconv", "-w", path, plain], check=True)
            dataset = pydicom.dcmread(plain)
    want = dataset.pixel_array
got = np.fromfile(raw, dtype=want.dtype.newbyteorder("="))[:want.size].reshape(want.shape)
assert np.array_equal(got, want), np.abs(got.astype(int) - want.astype(int)).max()
print("ok")
