#!/usr/bin/python3
"""mesh.py MASK COLUMNS ROWS SLICES SPACING…: volume and area of the mask's surface, by scikit-image."""
import sys

import numpy
from skimage import measure

size = [int(text) for text in sys.argv[2:5]]
spacing = [float(text) for text in sys.argv[5:8]]
mask = numpy.fromfile(sys.argv[1], numpy.uint8).reshape(size[::-1])
points, faces, _, _ = measure.marching_cubes(numpy.pad(mask, 1), 0.5, spacing=spacing[::-1])
corners = points[faces].astype(float)
volume = abs(numpy.einsum("ij,ij->i", corners[:, 0], numpy.cross(corners[:, 1], corners[:, 2])).sum()) / 6
print(volume, measure.mesh_surface_area(points, faces))
