#!/usr/bin/python3
"""stacks.py VENDOR FOLDER: eight MR slices at four places, whose b-values are where the vendor keeps them.

siemens, philips, ge, uih: in private elements; enhanced: one object of eight frames, told apart by nothing
but Dimension Index Values.
"""
import sys

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

vendor, folder = sys.argv[1:3]
PLACES = {"siemens": (0x0019, "SIEMENS MR HEADER", 0x0C, "IS"), "philips": (0x2001, "Philips Imaging DD 001", 0x03, "FL"),
          "ge": (0x0043, "GEMS_PARM_01", 0x39, "IS"), "uih": (0x0065, "Image Private Header", 0x09, "FD")}


def start(number, frames=1):
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if vendor == "ge" else ExplicitVRLittleEndian
    image.is_little_endian, image.is_implicit_VR = True, vendor == "ge"
    image.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4" + (".1" if frames > 1 else "")
    image.SOPInstanceUID = "1.2.3.%d" % number
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    image.StudyInstanceUID, image.SeriesInstanceUID, image.PatientID = "1.2", "1.2.3", "P"
    image.Modality = "MR"
    image.Rows = image.Columns = 4
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation, image.SamplesPerPixel = 15, 0, 1
    image.PhotometricInterpretation = "MONOCHROME2"
    return image


def value(volume, place):
    return 100 * volume + place


def classic():
    group, creator, element, kind = PLACES[vendor]
    for number in range(8):
        volume, place = number % 2, number // 2         # of one place the one after the other
        image = start(number)
        image.PixelSpacing = [1, 1]
        image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        image.ImagePositionPatient = [0, 0, 3 * place]
        b = [0, 800][volume]
        image.add_new((group, 0x0013), "LO", creator)   # a block of its own, not the first
        image.add_new((group, 0x1300 | element), kind, [1000000000 + b, 8, 0, 0] if vendor == "ge" else b)
        image.PixelData = np.full(16, value(volume, place), np.uint16).tobytes()
        image.save_as("%s/%d.dcm" % (folder, number), write_like_original=False)


def enhanced():
    image = start(0, 8)
    image.NumberOfFrames = 8
    shared = Dataset()
    shared.PixelMeasuresSequence = Sequence([Dataset()])
    shared.PixelMeasuresSequence[0].PixelSpacing = [1, 1]
    shared.PlaneOrientationSequence = Sequence([Dataset()])
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.SharedFunctionalGroupsSequence = Sequence([shared])
    pointers = Sequence()
    for tag in (0x00200032, 0x00189074):                # the position, and when it was taken
        pointer = Dataset()
        pointer.DimensionIndexPointer = tag
        pointers.append(pointer)
    image.DimensionIndexSequence = pointers
    frames = Sequence()
    pixels = []
    for number in range(8):
        volume, place = number % 2, number // 2
        frame = Dataset()
        frame.PlanePositionSequence = Sequence([Dataset()])
        frame.PlanePositionSequence[0].ImagePositionPatient = [0, 0, 3 * place]
        frame.FrameContentSequence = Sequence([Dataset()])
        frame.FrameContentSequence[0].DimensionIndexValues = [place + 1, volume + 1]
        frames.append(frame)
        pixels.append(np.full(16, value(volume, place), np.uint16).tobytes())
    image.PerFrameFunctionalGroupsSequence = frames
    image.PixelData = b"".join(pixels)
    image.save_as(folder + "/0.dcm", write_like_original=False)


enhanced() if vendor == "enhanced" else classic()
print("ok")
