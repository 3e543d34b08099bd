#!/usr/bin/python3
"""volume.py FOLDER RAW KIND GRID…: compares a volume of series.c with pydicom's and numpy's.

RAW holds the voxels (KIND int16 or float32); GRID are 12 numbers, the affine by rows. Says 'ok'.
"""
import glob
import sys

import numpy as np
import pydicom

folder, raw, kind = sys.argv[1:4]
affine = np.array([float(v) for v in sys.argv[4:16]]).reshape(3, 4)
factor = float(sys.argv[16])
slices = [pydicom.dcmread(p, force=True) for p in glob.glob(folder + "/*")]
slices = [s for s in slices if "PixelData" in s]
row, column = (np.array(slices[0].ImageOrientationPatient[i:i + 3], float) for i in (0, 3))
normal = np.cross(row, column)
slices.sort(key=lambda s: float(np.dot(np.array(s.ImagePositionPatient, float), normal)))
values = []
for s in slices:
    stored = s.pixel_array.astype(np.float64)
    value = stored * float(getattr(s, "RescaleSlope", 1)) + float(getattr(s, "RescaleIntercept", 0))
    if s.Modality == "CT" and "PixelPaddingValue" in s:
        padding = s.PixelPaddingValue
        value[stored == padding] = -1024
    values.append(value * factor)
want = np.stack(values)
got = np.fromfile(raw, dtype=kind).reshape(want.shape)
assert np.allclose(got, want, rtol=1e-6, atol=1e-6), np.abs(got - want).max()
spacing = [float(v) for v in slices[0].PixelSpacing]
first = np.array(slices[0].ImagePositionPatient, float)
last = np.array(slices[-1].ImagePositionPatient, float)
grid = np.stack([row * spacing[1], column * spacing[0], (last - first) / (len(slices) - 1), first], 1)
assert np.allclose(affine, grid, atol=1e-9), affine - grid
print("ok")
