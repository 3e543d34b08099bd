#!/usr/bin/python3
"""Bad input for the scenarios.

hostile.py nested FILE DEPTH        a CT file whose data set is nested so deep
hostile.py copy FROM TO KEYWORD=VALUE…   a copy with other values; KEYWORD= removes it
hostile.py nonimage FILE            a Basic Text SR without any content
hostile.py silent PORT COUNT S      opens COUNT connections that say nothing, for S seconds;
                                    prints 'open' once all of them stand
"""
import socket
import struct
import sys
import time

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

CT = "1.2.840.10008.5.1.4.1.1.2"
TEXT_SR = "1.2.840.10008.5.1.4.1.1.88.11"


def start(sop_class):
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = sop_class
    ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.is_little_endian, ds.is_implicit_VR = True, False
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(), generate_uid()
    ds.PatientID, ds.PatientName = "HOSTILE", "Hostile^Input"
    return ds


def nested(path, depth):
    """By hand: pydicom's writer recurses. Sequences and items of undefined length."""
    ds = start(CT)
    ds.Modality = "CT"
    ds.save_as(path, write_like_original=False)
    level = struct.pack("<HH2sHI", 0x0040, 0xA730, b"SQ", 0, 0xFFFFFFFF) \
        + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    end = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    with open(path, "ab") as file:
        file.write(level * int(depth) + end * int(depth))


def nonimage(path):
    ds = start(TEXT_SR)
    ds.Modality = "SR"
    ds.CompletionFlag, ds.VerificationFlag, ds.ValueType = "COMPLETE", "UNVERIFIED", "CONTAINER"
    ds.save_as(path, write_like_original=False)


def copy(source, target, *changes):
    ds = pydicom.dcmread(source)
    for change in changes:
        keyword, value = change.split("=", 1)
        if value:
            setattr(ds, keyword, value)
        else:
            delattr(ds, keyword)
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.save_as(target)


def silent(port, count, seconds):
    connections = [socket.create_connection(("127.0.0.1", int(port))) for _ in range(int(count))]
    print("open", flush=True)
    time.sleep(float(seconds))
    for connection in connections:
        connection.close()


if __name__ == "__main__":
    {"nested": nested, "nonimage": nonimage, "copy": copy, "silent": silent}[sys.argv[1]](*sys.argv[2:])
