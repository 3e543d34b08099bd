"""enhance.py make CLASSIC FOLDER: one enhanced multi-frame object of the slices, in mixed order.
enhance.py compare NODE CLASSIC ENHANCED: the node's findings of both are the same, and each frame of
the enhanced one's SEG refers to the frame that lies at its place."""
import json
import os
import random
import sqlite3
import sys

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

CLASSES = {"CT": "1.2.840.10008.5.1.4.1.1.2.1", "MR": "1.2.840.10008.5.1.4.1.1.4.1"}
OWN = {"ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "InstanceNumber",
       "RescaleSlope", "RescaleIntercept", "RescaleType", "SliceLocation", "PixelData"}


def read(folder):
    return [pydicom.dcmread(os.path.join(folder, name)) for name in sorted(os.listdir(folder))]


def group(name, **values):
    item, outer = Dataset(), Dataset()
    for key, value in values.items():
        setattr(item, key, value)
    setattr(outer, name, Sequence([item]))
    return outer


def make(classic, folder):
    slices = read(classic)
    random.Random(1).shuffle(slices)
    first = slices[0]
    image = Dataset()
    image.file_meta = first.file_meta
    image.is_little_endian, image.is_implicit_VR = True, False
    for element in first:
        if element.keyword not in OWN:
            image.add(element)
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = CLASSES[first.Modality]
    image.SeriesInstanceUID = first.SeriesInstanceUID + ".1"
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = first.SeriesInstanceUID + ".2"
    image.NumberOfFrames = len(slices)
    image.SharedFunctionalGroupsSequence = Sequence([Dataset()])
    shared = image.SharedFunctionalGroupsSequence[0]
    shared.update(group("PlaneOrientationSequence", ImageOrientationPatient=first.ImageOrientationPatient))
    shared.update(group("PixelMeasuresSequence", PixelSpacing=first.PixelSpacing, SliceThickness=first.SliceThickness))
    frames = []
    for one in slices:
        frame = group("PlanePositionSequence", ImagePositionPatient=one.ImagePositionPatient)
        if "RescaleSlope" in one:
            frame.update(group("PixelValueTransformationSequence", RescaleSlope=one.RescaleSlope,
                               RescaleIntercept=one.RescaleIntercept, RescaleType="HU"))
        frames.append(frame)
    image.PerFrameFunctionalGroupsSequence = Sequence(frames)
    image.PixelData = b"".join(one.PixelData for one in slices)
    os.mkdir(folder)
    image.save_as(os.path.join(folder, "image.dcm"), write_like_original=False)


def result(node, series):
    index = sqlite3.connect(f"file:{node}/index.db?mode=ro", uri=True)
    job, findings = index.execute("SELECT j.id, j.findings FROM series s JOIN job j ON j.id = s.job"
                                  " WHERE s.series_uid = ?", (series,)).fetchone()
    return json.loads(findings), pydicom.dcmread(os.path.join(node, "results", str(job), "seg.dcm"))


def check(condition, what):
    if not condition:
        sys.exit(what)


def compare(node, classic, enhanced):
    image = read(enhanced)[0]
    one, _ = result(node, read(classic)[0].SeriesInstanceUID)
    other, seg = result(node, image.SeriesInstanceUID)
    check(len(one["lesions"]) == len(other["lesions"]) > 0, "another count")
    for a, b in zip(one["lesions"], other["lesions"]):
        for key in ("volume_mm3", "longest_mm", "mean", "axial_long_mm"):
            check(a[key] == b[key], f"{key}: {a[key]} and {b[key]}")
        check(np.allclose(a["centroid_mm"], b["centroid_mm"], atol=1e-9), "centroid")
    for frame in seg.PerFrameFunctionalGroupsSequence:
        source = frame.DerivationImageSequence[0].SourceImageSequence[0]
        number = int(source.ReferencedFrameNumber)
        place = image.PerFrameFunctionalGroupsSequence[number - 1].PlanePositionSequence[0].ImagePositionPatient
        check(source.ReferencedSOPInstanceUID == image.SOPInstanceUID, "another instance")
        check(np.allclose([float(v) for v in place],
                          [float(v) for v in frame.PlanePositionSequence[0].ImagePositionPatient], atol=1e-6),
              f"frame {number} lies elsewhere")
    references = [i.ReferencedSOPInstanceUID for s in seg.ReferencedSeriesSequence for i in s.ReferencedInstanceSequence]
    check(references == [image.SOPInstanceUID], f"references {references}")


if __name__ == "__main__":
    {"make": make, "compare": compare}[sys.argv[1]](*sys.argv[2:])
