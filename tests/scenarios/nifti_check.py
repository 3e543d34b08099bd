"""NIfTI files for tumorctl import, and a comparison of what the node then has with nibabel's reading.

nifti_check.py make OUT             good/ and bad/, with bad/cases: NAME<tab>OPTIONS<tab>REGEX
nifti_check.py compare NODE FILE [CHANNEL first|last]
                                    voxels within half a quantisation step, positions within 1 um
"""
import os
import sqlite3
import sys

import nibabel
import numpy
from pydicom import dcmread


def affine(order=(0, 1, 2), signs=(1, 1, 1), spacing=(0.9, 1.1, 3.0), turn=0.0):
    columns = numpy.diag(spacing)[:, list(order)] * numpy.array(signs)
    about = numpy.array([[numpy.cos(turn), -numpy.sin(turn), 0], [numpy.sin(turn), numpy.cos(turn), 0], [0, 0, 1]])
    whole = numpy.eye(4)
    whole[:3, :3] = about @ columns
    whole[:3, 3] = (-31.25, 12.5, 70.125)
    return whole


def save(path, data, matrix, kind=nibabel.Nifti1Image, swapped=False):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    header = kind.header_class(endianness=">" if swapped else "<")
    header.set_xyzt_units("mm")
    image = kind(data, matrix, header)
    image.header.set_data_dtype(data.dtype)
    nibabel.save(image, path)


def make(out):
    noise = numpy.random.default_rng(7)
    ct = noise.integers(-1024, 1500, (40, 36, 12)).astype(numpy.int16)
    signal = noise.random((33, 21, 9)).astype(numpy.float32) * 812.7
    stack = noise.random((20, 22, 6, 3)).astype(numpy.float32) - 0.4
    good, bad = os.path.join(out, "good"), os.path.join(out, "bad")
    save(f"{good}/plain_ct.nii.gz", ct, affine())
    save(f"{good}/flipped_ct.nii", ct[::-1], affine(signs=(-1, 1, -1)))
    save(f"{good}/permuted_ct.nii.gz", ct.transpose(2, 0, 1), affine(order=(2, 0, 1), signs=(1, -1, 1)))
    save(f"{good}/turned_t1.nii.gz", signal, affine(turn=0.3))
    save(f"{good}/second_t2.nii.gz", signal, affine(), nibabel.Nifti2Image)
    save(f"{good}/swapped_flair.nii", signal, affine(), swapped=True)
    save(f"{good}/stack_t1.nii.gz", stack, affine())
    case = f"{good}/cohort/Case_7"
    for role in ("t1", "t1ce", "t2", "flair"):
        save(f"{case}/Case_7_{role}.nii.gz", signal * (1 + len(role)), affine())
    save(f"{out}/first/planes_t1.nii.gz", stack.transpose(3, 0, 1, 2), affine())
    whole = open(f"{good}/flipped_ct.nii", "rb").read()
    # An image and a stack of two masks that overlap: a kidney, and a tumour that reaches out of it.
    os.makedirs(f"{out}/labelled/Case_9")
    kidney, tumour = numpy.zeros(ct.shape, numpy.uint8), numpy.zeros(ct.shape, numpy.uint8)
    kidney[2:9, 3:9, 1:6], tumour[6:11, 6:11, 3:8] = 1, 1
    save(f"{out}/labelled/Case_9/Case_9_ct.nii.gz", ct, affine())
    save(f"{out}/labelled/Case_9/Case_9_seg.nii.gz", numpy.stack([kidney, tumour], axis=3), affine())
    with open(f"{out}/labelled.truth", "w", encoding="utf-8") as truth:
        print("region Tumour", int(tumour.sum()), file=truth)
        print("organ Kidney", int(kidney.sum()), file=truth)
    save(f"{bad}/case_seg.nii.gz", (signal > 400).astype(numpy.uint8), affine())
    save(f"{bad}/unknown.nii.gz", signal, affine())
    save(f"{bad}/sheared_ct.nii.gz", ct, affine() + numpy.array([[0, 0.4, 0, 0]] + [[0] * 4] * 3))
    save(f"{bad}/infinite_t1.nii.gz", numpy.where(signal > 800, numpy.inf, signal), affine())
    with open(f"{bad}/cut_ct.nii", "wb") as file:
        file.write(whole[:5000])
    with open(f"{bad}/hostile_ct.nii", "wb") as file:
        file.write(whole[:40] + b"\3\0\xff\x7f\xff\x7f\xff\x7f" + whole[48:])
    with open(f"{bad}/cases", "w", encoding="utf-8") as table:
        table.write("case_seg.nii.gz\t-\tlabels without an image of their case\n"
                    "unknown.nii.gz\t-\tneither name nor values tell: give --modality\n"
                    "unknown.nii.gz\t--modality=XA\ta value that is not one: XA\n"
                    "unknown.nii.gz\t--channels=second\ta value that is not one: second\n"
                    "sheared_ct.nii.gz\t-\taxes of its planes are not perpendicular\n"
                    "infinite_t1.nii.gz\t-\tinfinite\n"
                    "cut_ct.nii\t-\tcut_ct.nii: .*(bytes|end|short|cut)\n"
                    "hostile_ct.nii\t-\thostile_ct.nii: .*(bytes|voxels|end)\n")


def series_of(node, name, channel):
    rows = sqlite3.connect(os.path.join(node, "index.db")).execute("SELECT path FROM instance")
    found = []
    for (path,) in rows:
        one = dcmread(os.path.join(node, path))
        told = one.get("DerivationDescription", "")
        if f" {name};" in told and (channel is None or f"channel {channel + 1} of" in one.SeriesDescription):
            found.append(one)
    return sorted(found, key=lambda one: int(one.InstanceNumber))


def compare(node, path, channel=None, order="last"):
    image = nibabel.load(path)
    data = image.get_fdata(dtype=numpy.float64)
    number = None if channel is None else int(channel)
    if number is not None:
        data = data[..., number] if order == "last" else data[number]
    name = os.path.basename(path).replace(".gz", "").replace(".nii", "")
    images = series_of(node, name, number)
    assert len(images) == data.shape[2], f"{len(images)} images of {data.shape[2]}"
    lps = numpy.diag([-1, -1, 1, 1]) @ image.affine
    worst = 0
    for k, one in enumerate(images):
        values = one.pixel_array * float(one.RescaleSlope) + float(one.RescaleIntercept)
        # DS has 16 characters: slopes are told to nine or ten digits.
        worst = max(worst, numpy.abs(values - data[:, :, k].T).max() / float(one.RescaleSlope))
        across, down = numpy.array(one.ImageOrientationPatient, float).reshape(2, 3)
        for i, j in ((0, 0), (data.shape[0] - 1, data.shape[1] - 1)):
            told = numpy.array(one.ImagePositionPatient, float) + across * i * float(one.PixelSpacing[1]) \
                + down * j * float(one.PixelSpacing[0])
            assert numpy.abs(told - (lps @ (i, j, k, 1))[:3]).max() < 1e-3, (told, lps @ (i, j, k, 1))
    assert worst < 0.51, f"off by {worst} steps"
    one = images[0]
    print(one.Modality, len(images), f"off by {worst:.3f} steps at most")
    return len({each.FrameOfReferenceUID for each in images}) == 1


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2])
    else:
        sys.exit(0 if compare(*sys.argv[2:]) else 1)
