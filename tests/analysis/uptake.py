"""uptake.py IMAGE MASK: a given mask on PET by scipy and numpy, of its largest part (26 neighbours).

One line: SUVmax, SUVmean, SUVpeak, MTV in ml, TLG, and of all parts MTV and TLG. SUVpeak: the sphere of 1 cm3
about each voxel of the part, with weights by 40 x 40 x 40 points in each voxel.
"""
import sys

import nibabel
import numpy
from scipy import ndimage

image = nibabel.load(sys.argv[1])
values = numpy.asarray(image.dataobj, dtype=float)
mask = numpy.asarray(nibabel.load(sys.argv[2]).dataobj) > 0
affine = image.affine[:3, :3]
spacing = numpy.linalg.norm(affine, axis=0)
ml = abs(numpy.linalg.det(affine)) / 1000
radius = (3000 / (4 * numpy.pi)) ** (1 / 3)
reach = numpy.ceil(radius / spacing + 0.5).astype(int)

parts, count = ndimage.label(mask, numpy.ones((3, 3, 3)))
largest = parts == 1 + numpy.bincount(parts.ravel())[1:].argmax()
fine = 40
kernel = numpy.zeros(2 * reach + 1)
points = (numpy.arange(fine) + 0.5) / fine - 0.5
for at in numpy.ndindex(*kernel.shape):
    x, y, z = ((at[a] - reach[a] + points) * spacing[a] for a in range(3))
    square = x[:, None, None] ** 2 + y[None, :, None] ** 2 + z[None, None, :] ** 2
    kernel[at] = (square <= radius ** 2).mean()
means = ndimage.correlate(values, kernel / kernel.sum(), mode="constant", cval=-1e9)
inside = values[largest]
peak = means[largest].max()
print(f"{inside.max():.6f} {inside.mean():.6f} {peak:.6f} {inside.size * ml:.6f} "
      f"{inside.sum() * ml:.6f} {mask.sum() * ml:.6f} {values[mask].sum() * ml:.6f}")
