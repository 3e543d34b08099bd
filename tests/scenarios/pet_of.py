#!/usr/bin/python3
"""pet_of.py CT PET: a PET series in SUVbw on the CT's place, every second pixel and slice: 2 g/ml with 10 %
of noise in the body, and a ball of 15 mm with 9 g/ml beside its middle, to the left."""
import os
import sys

import numpy
import pydicom
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

source, target = sys.argv[1:]
os.makedirs(target)
slices = [pydicom.dcmread(os.path.join(source, name)) for name in os.listdir(source) if name.endswith(".dcm")]
slices.sort(key=lambda one: float(one.ImagePositionPatient[2]))
series, random = generate_uid(), numpy.random.default_rng(1)
dy, dx = (float(v) for v in slices[0].PixelSpacing)
middle = numpy.array(slices[len(slices) // 2].ImagePositionPatient) + \
    numpy.array([slices[0].Columns * dx / 2 + 60, slices[0].Rows * dy / 2, 0])
for k, ct in enumerate(slices[::2]):
    body = ct.pixel_array[::2, ::2] > -300
    values = numpy.where(body, 2 * random.normal(1, 0.1, body.shape), 0.02).clip(0)
    j, i = numpy.indices(body.shape)
    x, y, z = (float(v) for v in ct.ImagePositionPatient)
    at = (x + 2 * i * dx - middle[0]) ** 2 + (y + 2 * j * dy - middle[1]) ** 2 + (z - middle[2]) ** 2
    values[at <= 15 ** 2] = 9
    one = pydicom.Dataset()
    one.SOPClassUID, one.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.128", generate_uid()
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientID", "PatientName", "StudyDate",
                    "ImagePositionPatient", "ImageOrientationPatient"):
        setattr(one, keyword, getattr(ct, keyword))
    one.Modality, one.SeriesInstanceUID, one.InstanceNumber = "PT", series, k + 1
    one.ImageType, one.Units, one.SUVType, one.DecayCorrection = ["ORIGINAL", "PRIMARY"], "GML", "BW", "START"
    one.CorrectedImage, one.PatientWeight, one.PatientSize, one.PatientSex = ["ATTN", "DECY"], 70, 1.75, "M"
    one.Rows, one.Columns, one.PixelSpacing = body.shape[0], body.shape[1], [2 * dy, 2 * dx]
    one.SamplesPerPixel, one.PhotometricInterpretation, one.PixelRepresentation = 1, "MONOCHROME2", 0
    one.BitsAllocated = one.BitsStored = 16
    one.HighBit, one.RescaleSlope, one.RescaleIntercept = 15, "0.001", "0"
    one.PixelData = numpy.rint(values / 0.001).astype("<u2").tobytes()
    one.file_meta = pydicom.dataset.FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.file_meta.MediaStorageSOPClassUID, one.file_meta.MediaStorageSOPInstanceUID = one.SOPClassUID, one.SOPInstanceUID
    one.is_little_endian, one.is_implicit_VR = True, False
    one.save_as(os.path.join(target, "%03d.dcm" % k), write_like_original=False)
