#!/usr/bin/python3
"""peer_kernels.py FOLDER SLICES EDGE REPEATS: the kernels of bench_kernels by numpy, scipy and scikit-image.

FOLDER holds what bench_kernels wrote: volume.i16, the voxels; body.u8, the mask that the binary kernels
take. One line a kernel: its name, the least seconds of REPEATS runs, and what came of it, so that both
sides are seen to have done the same work.
"""
import sys
import time

import numpy
from scipy import ndimage
from skimage import filters, measure, morphology

SPACING = (1.5, 0.8, 0.8)       # k, j, i in mm


def told(result):
    if isinstance(result, numpy.ndarray):
        return f"{result.sum(dtype=numpy.float64):.10g}"
    return f"{result:.10g}"


def timed(name, work, repeats):
    least = float("inf")
    for _ in range(repeats):
        begun = time.perf_counter()
        result = work()
        least = min(least, time.perf_counter() - begun)
    print(f"{name} {least:.4f} {told(result)}", flush=True)


def window(voxels):
    part = (voxels.astype(numpy.float32) - 39.5) / 399 + 0.5
    return numpy.floor(numpy.clip(part, 0, 1) * 255 + 0.5).astype(numpy.uint8)


def untilted(voxels):
    step = 0.363970234 * SPACING[0] / SPACING[1]
    rows = voxels.shape[1] + int(numpy.ceil((len(voxels) - 1) * step))
    return ndimage.affine_transform(voxels, numpy.array([[1, 0, 0], [-step, 1, 0], [0, 0, 1]]), order=1,
                                    output_shape=(len(voxels), rows, voxels.shape[2]),
                                    cval=voxels.min()).ravel()[::4097] + 2048.0


def onto(voxels):
    angle = numpy.radians(5)
    turn = numpy.array([[1, 0, 0], [0, numpy.cos(angle), numpy.sin(angle)],
                        [0, -numpy.sin(angle), numpy.cos(angle)]])
    middle = numpy.array(voxels.shape) / 2
    return ndimage.affine_transform(voxels, turn, middle - turn @ middle, order=1,
                                    cval=-1000).ravel()[::4097] + 2048.0


def surface_of(mask):
    points, faces, _, _ = measure.marching_cubes(mask, 0.5, spacing=SPACING)
    return measure.mesh_surface_area(points, faces)


def main():
    folder, slices, edge, repeats = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    shape = (slices, edge, edge)
    voxels = numpy.fromfile(f"{folder}/volume.i16", numpy.int16).reshape(shape)
    body = numpy.fromfile(f"{folder}/body.u8", numpy.uint8).reshape(shape) > 0
    ball, corners = morphology.ball(2), numpy.ones((3, 3, 3))
    grey = window(voxels)
    timed("window", lambda: window(voxels), repeats)
    timed("otsu", lambda: int(filters.threshold_otsu(grey)), repeats)
    timed("open-6", lambda: ndimage.binary_opening(body, ndimage.generate_binary_structure(3, 1)), repeats)
    timed("close-ball-2", lambda: ndimage.binary_closing(body, ball), repeats)
    timed("label-26", lambda: ndimage.label(body, corners)[1], repeats)
    timed("label-6", lambda: ndimage.label(body)[1], repeats)
    timed("gaussian-1", lambda: ndimage.gaussian_filter(voxels.astype(numpy.float32), 1), repeats)
    timed("distance", lambda: ndimage.distance_transform_edt(body, sampling=SPACING), repeats)
    timed("fill-holes", lambda: ndimage.binary_fill_holes(body), repeats)
    timed("untilt", lambda: untilted(voxels), repeats)
    timed("onto", lambda: onto(voxels), repeats)
    timed("surface", lambda: surface_of(body), repeats)


main()
