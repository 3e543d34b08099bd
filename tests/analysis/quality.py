"""Peaks, noise, border and motion of a CT volume by numpy and scipy: quality.py RAW NX NY NZ SPACING,
or quality.py FOLDER of a series. Prints air, fat, noise, truncated, clipped, motion; nan: not there."""
import glob
import sys

import numpy
from scipy import ndimage


def load_series(folder):
    import pydicom
    files = [pydicom.dcmread(name) for name in glob.glob(folder + "/*")]
    normal = numpy.cross(files[0].ImageOrientationPatient[:3], files[0].ImageOrientationPatient[3:])
    files.sort(key=lambda one: numpy.dot(one.ImagePositionPatient, normal))
    voxels = numpy.stack([one.pixel_array * float(one.RescaleSlope) + float(one.RescaleIntercept)
                          for one in files])
    return voxels, float(files[0].PixelSpacing[0])


def peak(values, low, high):
    counts = numpy.bincount(numpy.clip(values + 4096, 0, 8191).astype(int).ravel(), minlength=8192)
    smooth = ndimage.convolve1d(counts.astype(float), numpy.ones(11))
    at = low + int(numpy.argmax(smooth[low + 4096:high + 4097]))
    return at if low < at < high else float("nan")


def noise(voxels):
    y, x = numpy.mgrid[0:6, 0:6]
    design = numpy.stack([numpy.ones(36), x.ravel(), y.ravel()], axis=1)
    fit = design @ numpy.linalg.pinv(design)
    found = []
    for plane in voxels[::-(-len(voxels) // 64)]:
        height, width = plane.shape[0] // 6, plane.shape[1] // 6
        blocks = plane[:height * 6, :width * 6].reshape(height, 6, width, 6).swapaxes(1, 2)
        blocks = blocks.reshape(-1, 36)
        mean = blocks.mean(axis=1)
        blocks = blocks[(abs(mean) < 150) & (blocks.min(axis=1) > -300) & (blocks.max(axis=1) < 300)]
        found.append(numpy.sqrt(((blocks - blocks @ fit.T) ** 2).sum(axis=1) / 33))
    counts = numpy.histogram(numpy.concatenate(found), bins=numpy.arange(0, 512.5, 0.5))[0]
    return (numpy.argmax(numpy.convolve(counts, numpy.ones(5), "same")) + 0.5) * 0.5


def truncated(voxels):
    pad = voxels[len(voxels) // 2, 0, 0]
    corners = voxels[:, ::voxels.shape[1] - 1, ::voxels.shape[2] - 1]
    field = voxels != pad if (corners == pad).mean() > 0.5 else numpy.ones(voxels.shape, bool)
    border = reached = 0
    for axis in (1, 2):
        for turned, inside in ((voxels, field), (numpy.flip(voxels, axis), numpy.flip(field, axis))):
            first = numpy.expand_dims(inside.argmax(axis), axis)
            there = inside.any(axis)
            border += there.sum()
            reached += ((numpy.take_along_axis(turned, first, axis) > -500).squeeze(axis) & there).sum()
    return reached / border


def motion(voxels, spacing):
    block = int(min(max(round(2 / spacing), 1), 8))
    height, width = voxels.shape[1] // block, voxels.shape[2] // block
    kept = numpy.clip(voxels[:, :height * block, :width * block], -1000, 500)
    small = kept.reshape(len(voxels), height, block, width, block).mean(axis=(2, 4))
    shifts = []
    for k in range(1, len(small) - 1):
        rest = (small[k - 1] + small[k + 1]) / 2
        gy, gx = numpy.gradient(rest)
        inner = (slice(1, -1), slice(1, -1))
        design = numpy.stack([gx[inner].ravel(), gy[inner].ravel()], axis=1)
        shift = numpy.linalg.lstsq(design, (small[k] - rest)[inner].ravel(), rcond=None)[0]
        shifts.append(numpy.hypot(*shift) * spacing * block)
    return sorted(shifts)[len(shifts) * 9 // 10]


def main():
    if len(sys.argv) == 2:
        voxels, spacing = load_series(sys.argv[1])
    else:
        width, height, depth = (int(text) for text in sys.argv[2:5])
        voxels = numpy.fromfile(sys.argv[1], "int16").reshape(depth, height, width).astype(float)
        spacing = float(sys.argv[5])
    pad = voxels[len(voxels) // 2, 0, 0]
    corners = voxels[:, ::voxels.shape[1] - 1, ::voxels.shape[2] - 1]
    inside = voxels[voxels != pad] if (corners == pad).mean() > 0.5 else voxels.ravel()
    print(abs(peak(inside, -1100, -870) + 1000), abs(peak(inside, -180, -30) + 100), noise(voxels),
          truncated(voxels), (inside == inside.max()).mean(), motion(voxels, spacing))


main()
