#!/usr/bin/python3
"""vary.py FROM TO KEY=VALUE…: copies a series under new UIDs and sets attributes by keyword.
'study=new' gives it a study of its own, 'shift=X,Y,Z' moves its patient by so many mm."""
import os
import sys

import pydicom
from pydicom.uid import generate_uid


def main():
    source, target, changes = sys.argv[1], sys.argv[2], dict(one.split("=", 1) for one in sys.argv[3:])
    os.makedirs(target)
    new_study = changes.pop("study", "") == "new"
    shift = [float(one) for one in changes.pop("shift", "0,0,0").split(",")]
    study, series = generate_uid(), generate_uid()
    for name in sorted(os.listdir(source)):
        dataset = pydicom.dcmread(os.path.join(source, name))
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.SeriesInstanceUID = series
        dataset.ImagePositionPatient = [a + b for a, b in zip(dataset.ImagePositionPatient, shift)]
        if new_study:
            dataset.StudyInstanceUID = study
        for keyword, value in changes.items():
            setattr(dataset, keyword, value)
        dataset.save_as(os.path.join(target, name))


main()
