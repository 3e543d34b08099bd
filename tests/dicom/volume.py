#!/usr/bin/python3
"""volume.py FOLDER_OR_FILE RAW KIND GRID… FACTOR [ONLY]: compares a volume of series.c with pydicom's and numpy's.

RAW holds the voxels (KIND int16 or float32); GRID are 12 numbers, the affine by rows. ONLY is an
expression that is true of the slices `s` of the stack that is meant. Says 'ok'.
"""
import glob
import os
import sys
from types import SimpleNamespace

import numpy as np
import pydicom

folder, raw, kind = sys.argv[1:4]
affine = np.array([float(v) for v in sys.argv[4:16]]).reshape(3, 4)
factor = float(sys.argv[16])


class Slice(SimpleNamespace):
    """One frame with the attributes that a classic slice would have."""

    def __contains__(self, name):
        return hasattr(self, name)


def enhanced_frame(image, pixels, number):
    own = image.PerFrameFunctionalGroupsSequence[number]
    shared = image.SharedFunctionalGroupsSequence[0] if image.get("SharedFunctionalGroupsSequence") else {}
    group = {name: (own if name in own else shared)[name].value[0] for name in
             ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence",
              "PixelValueTransformationSequence") if name in own or name in shared}
    values = group.get("PixelValueTransformationSequence")
    diffusion = own.get("MRDiffusionSequence")
    return Slice(ImagePositionPatient=group["PlanePositionSequence"].ImagePositionPatient,
                 ImageOrientationPatient=group["PlaneOrientationSequence"].ImageOrientationPatient,
                 PixelSpacing=group["PixelMeasuresSequence"].PixelSpacing, Modality=image.Modality,
                 MRDiffusionSequence=diffusion, RescaleSlope=values.RescaleSlope if values else 1,
                 RescaleIntercept=values.RescaleIntercept if values else 0, pixel_array=pixels[number])


def nuclear_frame(image, pixels, number):
    detector = image.DetectorInformationSequence[0]
    orientation = [float(v) for v in detector.ImageOrientationPatient]
    step = np.cross(orientation[:3], orientation[3:]) * float(image.SpacingBetweenSlices)
    first = np.array([float(v) for v in detector.ImagePositionPatient])
    return Slice(ImagePositionPatient=list(first + step * (int(image.SliceVector[number]) - 1)),
                 ImageOrientationPatient=orientation, PixelSpacing=image.PixelSpacing, Modality="NM",
                 pixel_array=pixels[number])


def slices_of(image):
    if "PerFrameFunctionalGroupsSequence" not in image and image.Modality != "NM":
        return [image]
    pixels = image.pixel_array.reshape(int(image.NumberOfFrames), image.Rows, image.Columns)
    make = nuclear_frame if image.Modality == "NM" else enhanced_frame
    return [make(image, pixels, number) for number in range(len(pixels))]


paths = [folder] if os.path.isfile(folder) else glob.glob(folder + "/*")
images = [pydicom.dcmread(path, force=True) for path in paths]
slices = [one for image in images if "PixelData" in image for one in slices_of(image)]
if len(sys.argv) > 17 and sys.argv[17]:
    slices = [s for s in slices if eval(sys.argv[17])]
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
