#!/usr/bin/python3
"""resampled.py FOLDER RAW COLUMNS ROWS PLANES AFFINE…: resampled voxels against scipy's.

RAW holds int16; AFFINE are 12 numbers by rows. Each voxel is taken to the patient, then onto the slices
below and above it along their normal, where scipy interpolates. Says 'ok'.
"""
import glob
import sys

import numpy as np
import pydicom
from scipy.ndimage import map_coordinates

folder, raw = sys.argv[1:3]
size = [int(v) for v in sys.argv[3:6]]
affine = np.array([float(v) for v in sys.argv[6:18]]).reshape(3, 4)
slices = [pydicom.dcmread(path) for path in glob.glob(folder + "/*")]
cosines = np.array(slices[0].ImageOrientationPatient, float)
normal = np.cross(cosines[:3], cosines[3:])
slices.sort(key=lambda s: np.dot(np.array(s.ImagePositionPatient, float), normal))
origins = np.array([s.ImagePositionPatient for s in slices], float)
along = origins @ normal
values = [s.pixel_array * float(s.RescaleSlope) + float(s.RescaleIntercept) for s in slices]
lowest = min(v.min() for v in values)
dy, dx = (float(v) for v in slices[0].PixelSpacing)
got = np.fromfile(raw, np.int16).reshape(size[::-1])
j, i = np.mgrid[:size[1], :size[0]]
worst = 0
for k in range(size[2]):
    at = np.stack([i, j, np.full_like(i, k), np.ones_like(i)], -1) @ affine.T
    z = float(at[0, 0] @ normal)
    below = int(np.clip(np.searchsorted(along, z + 1e-3) - 1, 0, len(slices) - 2))
    part = np.clip((z - along[below]) / (along[below + 1] - along[below]), 0, 1)
    want = np.zeros(size[1::-1])
    for s, weight in ((below, 1 - part), (below + 1, part)):
        plane = at - origins[s]
        rows, columns = plane @ cosines[3:] / dy, plane @ cosines[:3] / dx
        padded = np.pad(values[s], 1, constant_values=lowest)
        want += weight * map_coordinates(padded, [rows + 1, columns + 1], order=1, cval=lowest)
    worst = max(worst, np.abs(got[k] - want).max())
assert worst < 0.6, worst
print("ok")
