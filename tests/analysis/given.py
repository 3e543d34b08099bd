"""given.py FILE LABEL,…: a given mask by scipy. LABEL any, or numbers; chN: a channel, first dimension.

One line: parts (26 neighbours), voxels, mm3, then of the largest part its mm3, the longest diameter
between the middles of voxel faces and the longest in a slice between corners of pixels.
"""
import sys

import nibabel
import numpy
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist


def longest(points, steps):
    points = numpy.unique(points, axis=0)
    return pdist(points[ConvexHull(points).vertices] @ steps.T).max()


image = nibabel.load(sys.argv[1])
data = numpy.asarray(image.dataobj)
affine = image.affine[:3, :3]
if sys.argv[2].startswith("ch"):
    mask = data[int(sys.argv[2][2:])] > 0
elif sys.argv[2] == "any":
    mask = data > 0
else:
    mask = numpy.isin(numpy.rint(data), [int(label) for label in sys.argv[2].split(",")])
parts, count = ndimage.label(mask, numpy.ones((3, 3, 3)))
sizes = numpy.bincount(parts.ravel())[1:]
if count == 0:
    print("0 0 0 0 0 0")
    sys.exit()
voxel = abs(numpy.linalg.det(affine))
at = numpy.argwhere(parts == 1 + sizes.argmax()).astype(float)
faces = numpy.concatenate([at + half for half in numpy.vstack([numpy.eye(3), -numpy.eye(3)]) / 2])
in_slice = 0.0
for k in numpy.unique(at[:, 2]):
    pixels = at[at[:, 2] == k][:, :2]
    corners = numpy.concatenate([pixels + (x, y) for x in (-.5, .5) for y in (-.5, .5)])
    in_slice = max(in_slice, longest(corners, affine[:, :2]))
print(count, int(mask.sum()), f"{mask.sum() * voxel:.4f} {sizes.max() * voxel:.4f} "
      f"{longest(faces, affine):.5f} {in_slice:.5f}")
