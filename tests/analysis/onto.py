"""onto.py MOVING NX NY NZ ORDER OUTSIDE OUT X…: a float32 volume at places that a file of doubles (i, j, k
each) lists, by scipy; beyond half a voxel outside it is OUTSIDE. Writes float64."""
import sys

import numpy
from scipy import ndimage


def main():
    width, height, depth = (int(text) for text in sys.argv[2:5])
    voxels = numpy.fromfile(sys.argv[1], "float32").reshape(depth, height, width).astype(float)
    order, outside = int(sys.argv[5]), float(sys.argv[6])
    places = numpy.fromfile(sys.argv[8], "float64").reshape(-1, 3)
    size = numpy.array([width, height, depth])
    inside = ((places >= -0.5) & (places <= size - 0.5)).all(axis=1)
    kept = numpy.clip(places, 0, size - 1)[:, ::-1].T
    if order == 0:
        kept = numpy.floor(kept + 0.5)
    values = ndimage.map_coordinates(voxels, kept, order=order, mode="nearest")
    numpy.where(inside, values, outside).tofile(sys.argv[7])


main()
