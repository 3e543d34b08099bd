#!/usr/bin/python3
"""What nibabel makes of NIfTI files, beside what nifti.c made of them.

nifti.py compare TABLE      each line of the table is one volume as we read it
nifti.py make FOLDER        files of all types, byte orders, versions and geometries
nifti.py ours FILE GRID…    a file of ours: 3 x 2 x 2, int16; GRID is its LPS affine by rows
"""
import itertools
import os
import sys
import warnings
import zlib

import nibabel
import numpy as np

MM = {0: 1, 1: 1000, 2: 1, 3: 0.001}
LPS = np.diag([-1.0, -1, 1, 1])


def stored(values, order, channel):
    """One channel's stored values, first index fastest."""
    if order == "first":
        values = values[channel]
    elif values.ndim > 3:
        values = values.reshape(values.shape[:3] + (-1,), order="F")[..., channel]
    return values.ravel(order="F")


def scaled(image, values):
    slope, intercept = float(image.dataobj.slope), float(image.dataobj.inter)
    return values if (slope, intercept) == (1, 0) else values.astype(np.float64) * slope + intercept


def compare_line(image, raw, line):
    path, kind, order, channel = line[:4]
    size, affine = [int(v) for v in line[4:7]], np.array([float(v) for v in line[7:19]]).reshape(3, 4)
    plain = stored(raw, order, int(channel))
    values = scaled(image, plain)
    if kind == "labels" and values.dtype.kind == "f":
        assert np.all(np.abs(values - np.rint(values)) < 1e-6), path
        plain = values = np.rint(values)
    shape = list(image.shape[1:4] if order == "first" else image.shape[:3])
    assert size == shape + [1] * (3 - len(shape)), (path, size, image.shape)
    grid = LPS @ image.affine * MM[int(image.header["xyzt_units"]) & 7]
    assert np.allclose(affine, grid[:3], rtol=1e-6, atol=2e-6), (path, affine - grid[:3])
    ours = (values if line[19] == "float32" else plain).astype(line[19], copy=False)    # int16: as stored
    assert line[19] == "float32" or np.array_equal(ours, plain), path
    assert int(line[20]) == zlib.crc32(np.ascontiguousarray(ours)), (path, "voxels differ")
    total, low, high = float(values.sum(dtype=np.float64)), float(values.min()), float(values.max())
    assert np.isclose(float(line[21]), total, rtol=1e-6, atol=1e-6 * (max(-low, high) + 1)), (path, total)
    assert np.allclose([float(line[22]), float(line[23])], [low, high], rtol=1e-6), path
    for place in line[24:]:
        at, value = place.split("=")
        assert np.isclose(float(value), float(values[int(at)]), rtol=1e-6), (path, place, values[int(at)])


def compare(table):
    image = last = raw = None
    for line in open(table):
        fields = line.rstrip("\n").split("\t")
        if fields[0] != last:
            last, image = fields[0], nibabel.load(fields[0])
            raw = image.dataobj.get_unscaled()
        compare_line(image, raw, fields)


def rotation(random):
    matrix, _ = np.linalg.qr(random.normal(size=(3, 3)))
    return matrix * np.sign(np.linalg.det(matrix)) * random.uniform(0.4, 6, 3) * [1, 1, random.choice([-1, 1])]


def make(folder):
    random = np.random.default_rng(4)
    kinds = ("uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64")
    shapes = ((5, 4), (7, 5, 3), (4, 3, 5, 2), (3, 4, 2, 1, 3))
    for number, (kind, order, version, form) in enumerate(
            itertools.product(kinds, "<>", (1, 2), ("sform", "qform"))):
        header = (nibabel.Nifti1Header if version == 1 else nibabel.Nifti2Header)(endianness=order)
        header.set_data_dtype(np.dtype(kind))
        high = min(np.iinfo(kind).max, 10**6) if kind[0] in "iu" else 1000
        low = max(np.iinfo(kind).min, -10**6) if kind[0] in "iu" else -1000
        data = random.uniform(low, high, shapes[number % 4]).astype(kind)
        affine = np.eye(4)
        affine[:3, :3], affine[:3, 3] = rotation(random), random.uniform(-300, 300, 3)
        image = (nibabel.Nifti1Image if version == 1 else nibabel.Nifti2Image)(data, None, header)
        if form == "sform":
            affine[0, 1] += 0.3         # sheared, which a qform cannot say
            image.set_sform(affine, 1)
        else:
            image.set_sform(None, 0)
            image.set_qform(affine, 1)
        image.header.set_xyzt_units(("unknown", "meter", "mm", "micron")[number % 3 if form == "sform" else 2], "sec")
        if number % 5 == 0:
            image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"x" * int(random.integers(1, 3000))))
        if number % 3 == 0:
            image.header.set_slope_inter(*((2, -7) if kind[0] != "f" else (0.5, 1.5)))
        suffix = ".nii.gz" if number % 2 else ".nii"
        nibabel.save(image, os.path.join(folder, f"{number:03d}-{kind}-{version}-{form}{suffix}"))


def ours(path, grid):
    image = nibabel.load(path)
    want = LPS @ np.vstack([np.array([float(v) for v in grid]).reshape(3, 4), [0, 0, 0, 1]])
    header = image.header
    assert (int(header["sform_code"]), int(header["qform_code"])) == (1, 1)
    assert header.get_xyzt_units()[0] == "mm"
    assert np.allclose(header.get_sform(), want, atol=1e-4), header.get_sform() - want
    assert np.allclose(header.get_qform(), want, atol=1e-4), header.get_qform() - want
    assert np.allclose(header.get_zooms(), (0.7, 0.8, 2.5))
    values = image.get_fdata().ravel(order="F")
    assert image.shape == (3, 2, 2) and header.get_data_dtype() == np.int16
    assert np.array_equal(values, (np.arange(12) * 1000 - 6000) * 0.5 - 3), values
    told = type(header).diagnose_binaryblock(open(path, "rb").read()[:348])
    assert told == "", told


warnings.simplefilter("ignore")
if sys.argv[1] == "compare":
    compare(sys.argv[2])
elif sys.argv[1] == "make":
    make(sys.argv[2])
else:
    ours(sys.argv[2], sys.argv[3:])
