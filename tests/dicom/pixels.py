#!/usr/bin/python3
"""pixels.py FILE RAW: compares decoded pixels with those of another decoder; says 'ok'.

Native and RLE pixels are pydicom's own; JPEG and JPEG-LS are decoded by GDCM's gdcmconv.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
import pydicom
from pydicom.uid import RLELossless

path, raw = sys.argv[1:3]
dataset = pydicom.dcmread(path, force=True)
syntax = getattr(dataset.file_meta, "TransferSyntaxUID", pydicom.uid.ImplicitVRLittleEndian)
dataset.file_meta.TransferSyntaxUID = syntax
if syntax.is_encapsulated and syntax != RLELossless:
    with tempfile.TemporaryDirectory() as folder:
        plain = os.path.join(folder, "plain.dcm")
        subprocess.run(["gdcmconv", "-w", path, plain], check=True)
        dataset = pydicom.dcmread(plain)
want = dataset.pixel_array
got = np.fromfile(raw, dtype=want.dtype.newbyteorder("="))[:want.size].reshape(want.shape)
assert np.array_equal(got, want), np.abs(got.astype(int) - want.astype(int)).max()
print("ok")
