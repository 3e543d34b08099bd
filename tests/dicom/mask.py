#!/usr/bin/python3
"""mask.py MASK [SERIES]: what pydicom, numpy and scikit-image read in a mask.

Prints 'grid NI NJ NK A00 … A23 FRAME' (of the series in the folder SERIES, else of the frames themselves), then
'structure NUMBER VOXELS CHECK' of each one, CHECK being the sum over its voxels of their index modulo 99991.
"""
import glob
import os
import sys

import numpy as np
import pydicom
from skimage.measure import grid_points_in_poly

mask = pydicom.dcmread(sys.argv[1], force=True)
is_set = mask.SOPClassUID == "1.2.840.10008.5.1.4.1.1.481.3"


def plane_of(item):
    o = np.array(item.ImageOrientationPatient, float)
    return o[:3], o[3:], np.cross(o[:3], o[3:])


def group(frame, name):
    shared = mask.SharedFunctionalGroupsSequence[0]
    return (frame if name in frame else shared)[name].value[0]


def frames_of_mask():
    bits = mask.BitsAllocated
    count = mask.NumberOfFrames * mask.Rows * mask.Columns
    raw = np.frombuffer(mask.PixelData, np.uint16 if bits == 16 else np.uint8)
    flat = np.unpackbits(raw, bitorder="little") if bits == 1 else raw
    pixels = flat[:count].reshape(mask.NumberOfFrames, mask.Rows, mask.Columns)
    kind = getattr(mask, "SegmentationType", "LABELMAP")
    for frame, values in zip(mask.PerFrameFunctionalGroupsSequence, pixels):
        position = np.array(group(frame, "PlanePositionSequence").ImagePositionPatient, float)
        if kind == "LABELMAP":
            for number in np.unique(values):
                yield int(number), position, values == number
        else:
            number = group(frame, "SegmentIdentificationSequence").ReferencedSegmentNumber
            most = mask.MaximumFractionalValue if kind == "FRACTIONAL" else 1
            yield int(number), position, values.astype(int) * 2 >= most


def grid_of(positions, row, column, spacing, size, frame, whole):
    normal = np.cross(row, column)
    places = sorted(set(round(float(p @ normal), 3) for p in positions))
    step = min(np.diff(places)) if len(places) > 1 else 1.0
    count = len(places) if whole else int(round((places[-1] - places[0]) / step)) + 1
    first = min(positions, key=lambda p: float(p @ normal))
    last = max(positions, key=lambda p: float(p @ normal))
    along = (last - first) / (count - 1) if count > 1 else normal * step
    affine = np.column_stack([row * spacing[1], column * spacing[0], along, first])
    return (size[0], size[1], count), affine, frame


if len(sys.argv) > 2:
    slices = [pydicom.dcmread(name, stop_before_pixels=True)
              for name in sorted(glob.glob(os.path.join(sys.argv[2], "*")))]
    slices = [s for s in slices if "ImagePositionPatient" in s]
    row, column, _ = plane_of(slices[0])
    size, affine, frame = grid_of([np.array(s.ImagePositionPatient, float) for s in slices], row, column,
                                  [float(v) for v in slices[0].PixelSpacing],
                                  (slices[0].Columns, slices[0].Rows), slices[0].FrameOfReferenceUID, True)
else:
    first = mask.PerFrameFunctionalGroupsSequence[0]
    row, column, _ = plane_of(group(first, "PlaneOrientationSequence"))
    size, affine, frame = grid_of([p for _, p, _ in frames_of_mask()], row, column,
                                  [float(v) for v in group(first, "PixelMeasuresSequence").PixelSpacing],
                                  (mask.Columns, mask.Rows), mask.FrameOfReferenceUID, False)
inverse = np.linalg.inv(affine[:, :3])
volumes = {}

if is_set:
    for roi in mask.ROIContourSequence:
        volume = volumes.setdefault(int(roi.ReferencedROINumber), np.zeros(size[::-1], bool))
        for contour in roi.get("ContourSequence", []):
            if contour.ContourGeometricType != "CLOSED_PLANAR":
                continue
            points = np.array(contour.ContourData, float).reshape(-1, 3)
            voxels = (points - affine[:, 3]) @ inverse.T
            k = int(round(voxels[:, 2].mean()))
            volume[k] ^= grid_points_in_poly((size[1], size[0]), voxels[:, 1::-1])
else:
    for number, position, pixels in frames_of_mask():
        volume = volumes.setdefault(number, np.zeros(size[::-1], bool))
        i, j, k = np.rint(inverse @ (position - affine[:, 3])).astype(int)
        volume[k, j:j + mask.Rows, i:i + mask.Columns] |= pixels

print("grid", *size, *(repr(float(v)) for v in affine.ravel()), frame)
for number in sorted(volumes):
    index = np.flatnonzero(volumes[number])
    print("structure", number, len(index), int((index % 99991).sum()))
