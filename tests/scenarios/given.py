#!/usr/bin/python3
"""Masks for the scenarios, and what became of them.

seg SERIES OUT KIND      writes a segmentation of two boxes on the series of the folder: a tumour of 7 x 6 x 5 voxels in
                         an organ (liver) of 20 x 18 x 12; KIND: good, frame (another frame of reference), short (half of
                         its pixels), outside (the tumour is 1 m away), far (the same, and the organ, too), organ (alone)
ircadb SERIES OUT        the layout of 3D-IRCADb: PATIENT_DICOM, MASKS_DICOM with liver and livertumor (which reaches out of
                         it), LABELLED_DICOM; OUT/zipped the same, one by one zipped; prints the voxels of both
findings FILE            of a findings.json: method, count and ml, then kind, name, voxels of each structure
segments FILE            of a segmentation: label, property, voxels of each segment, and whether they may overlap
"""
import glob
import json
import os
import shutil
import sys

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid


def code(value, scheme, meaning):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return Sequence([item])


def nested(keyword, **values):
    item = Dataset()
    for name, value in values.items():
        setattr(item, name, value)
    return keyword, Sequence([item])


def write_seg(folder, out, kind):
    slices = [pydicom.dcmread(name, stop_before_pixels=True) for name in glob.glob(os.path.join(folder, "*"))]
    slices.sort(key=lambda s: float(s.ImagePositionPatient[2]))
    first = slices[0]
    boxes = [(1, slice(20, 25), slice(30, 36), slice(40, 47)), (2, slice(16, 28), slice(24, 42), slice(36, 56))]
    if kind == "organ":
        boxes = boxes[1:]
    seg = Dataset()
    seg.file_meta = FileMetaDataset()
    seg.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    seg.SOPClassUID = seg.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.66.4"
    seg.SOPInstanceUID = seg.file_meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[first.SeriesInstanceUID, kind])
    for name in ("PatientID", "PatientName", "StudyInstanceUID", "StudyDate", "StudyTime", "AccessionNumber", "StudyID",
                 "PatientBirthDate", "PatientSex", "ReferringPhysicianName"):
        setattr(seg, name, first.get(name, ""))
    seg.SeriesInstanceUID = generate_uid(entropy_srcs=[first.SeriesInstanceUID, kind, "series"])
    seg.Modality, seg.Manufacturer, seg.SeriesDescription = "SEG", "Hand\\work".replace("\\", " & "), "drawn by a reader"
    seg.FrameOfReferenceUID = "1.2.3.4.5" if kind == "frame" else first.FrameOfReferenceUID
    seg.SegmentationType, seg.SamplesPerPixel, seg.PhotometricInterpretation = "BINARY", 1, "MONOCHROME2"
    seg.Rows, seg.Columns, seg.BitsAllocated, seg.BitsStored, seg.HighBit, seg.PixelRepresentation = first.Rows, first.Columns, 1, 1, 0, 0
    seg.SegmentSequence = Sequence()
    for number, label, category, property_type in (
            (1, "Tumour", ("49755003", "SCT", "Morphologically Abnormal Structure"), ("86049000", "SCT", "Neoplasm, Primary")),
            (2, "Liver", ("123037004", "SCT", "Anatomical Structure"), ("10200004", "SCT", "Liver"))):
        if number not in [box[0] for box in boxes]:
            continue
        segment = Dataset()
        segment.SegmentNumber, segment.SegmentLabel, segment.SegmentAlgorithmType = number, label, "MANUAL"
        segment.SegmentedPropertyCategoryCodeSequence = code(*category)
        segment.SegmentedPropertyTypeCodeSequence = code(*property_type)
        seg.SegmentSequence.append(segment)
    shared = Dataset()
    setattr(shared, *nested("PixelMeasuresSequence", PixelSpacing=first.PixelSpacing,
                            SpacingBetweenSlices=abs(float(slices[1].ImagePositionPatient[2] - first.ImagePositionPatient[2]))))
    setattr(shared, *nested("PlaneOrientationSequence", ImageOrientationPatient=first.ImageOrientationPatient))
    seg.SharedFunctionalGroupsSequence = Sequence([shared])
    seg.PerFrameFunctionalGroupsSequence = Sequence()
    frames = []
    for number, ks, js, is_ in boxes:
        for k in range(ks.start, ks.stop):
            plane = np.zeros((first.Rows, first.Columns), np.uint8)
            plane[js, is_] = 1
            frames.append(plane)
            frame = Dataset()
            place = [float(v) for v in slices[k].ImagePositionPatient]
            if kind == "far" or (kind == "outside" and number == 1):
                place[0] += 1000
            setattr(frame, *nested("PlanePositionSequence", ImagePositionPatient=place))
            setattr(frame, *nested("SegmentIdentificationSequence", ReferencedSegmentNumber=number))
            seg.PerFrameFunctionalGroupsSequence.append(frame)
    seg.NumberOfFrames = len(frames)
    pixels = np.packbits(np.array(frames).ravel(), bitorder="little").tobytes()
    seg.PixelData = pixels[:len(pixels) // 4 * 2] if kind == "short" else pixels + b"\0" * (len(pixels) % 2)
    reference = Dataset()
    reference.SeriesInstanceUID = first.SeriesInstanceUID
    reference.ReferencedInstanceSequence = Sequence()
    seg.ReferencedSeriesSequence = Sequence([reference])
    pydicom.dcmwrite(out, seg, enforce_file_format=True) if "enforce_file_format" in pydicom.dcmwrite.__code__.co_varnames \
        else pydicom.dcmwrite(out, seg, write_like_original=False)


def write_ircadb(folder, out):
    slices = [pydicom.dcmread(name) for name in glob.glob(os.path.join(folder, "*"))]
    slices.sort(key=lambda s: -float(s.ImagePositionPatient[2]))
    masks = {name: np.zeros((len(slices), slices[0].Rows, slices[0].Columns), np.uint8) for name in ("liver", "livertumor")}
    masks["liver"][8:22, 14:40, 10:50] = 255
    masks["livertumor"][18:25, 30:44, 20:29] = 255
    case = os.path.join(out, "plain", "3Dircadb1.1")
    for name in ("PATIENT_DICOM", "LABELLED_DICOM", *("MASKS_DICOM/" + mask for mask in masks)):
        os.makedirs(os.path.join(case, name))
    for number, image in enumerate(slices):
        image.save_as(os.path.join(case, "PATIENT_DICOM", "image_%d" % number))
        image.save_as(os.path.join(case, "LABELLED_DICOM", "image_%d" % number))
        for name, mask in masks.items():
            image.BitsAllocated = image.BitsStored = 8
            image.HighBit, image.PixelRepresentation = 7, 0
            image.PixelData = mask[number].tobytes()
            image["PixelData"].VR = "OW"
            image.save_as(os.path.join(case, "MASKS_DICOM", name, "image_%d" % number))
    zipped = os.path.join(out, "zipped", "3Dircadb1.1")
    os.makedirs(zipped)
    for name in ("PATIENT_DICOM", "MASKS_DICOM", "LABELLED_DICOM"):
        shutil.make_archive(os.path.join(zipped, name), "zip", case, name)
    print("region livertumor", int((masks["livertumor"] > 0).sum()))
    print("organ liver", int((masks["liver"] > 0).sum()))


def tell_findings(name):
    findings = json.load(open(name, encoding="utf-8"))
    print(findings["method"]["name"], findings["count"], "%.2f" % (findings["total_mm3"] / 1000))
    for lesion in findings["lesions"]:
        print(lesion.get("kind", "region"), lesion["tracking_id"], lesion["voxels"])


def tell_segments(name):
    seg = pydicom.dcmread(name)
    bits = np.unpackbits(np.frombuffer(seg.PixelData, np.uint8), bitorder="little")
    frames = bits[:seg.NumberOfFrames * seg.Rows * seg.Columns].reshape(seg.NumberOfFrames, -1).sum(axis=1)
    counts = {}
    for frame, count in zip(seg.PerFrameFunctionalGroupsSequence, frames):
        number = frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        counts[number] = counts.get(number, 0) + int(count)
    for segment in seg.SegmentSequence:
        print(segment.SegmentLabel, segment.SegmentedPropertyTypeCodeSequence[0].CodeMeaning, counts[segment.SegmentNumber])
    print("overlap", seg.SegmentsOverlap)


{"seg": write_seg, "ircadb": write_ircadb, "findings": tell_findings, "segments": tell_segments}[sys.argv[1]](*sys.argv[2:])
