#!/usr/bin/python3
"""dataset.py FILE: reads with pydicom what test_dataset.c wrote, and says 'ok' when it is that."""
import sys

import pydicom

ds = pydicom.dcmread(sys.argv[1])
assert ds.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID == "2.25.7"
assert str(ds.PatientName) == "Phantom^CT"
assert ds.PatientID == "" and "PatientBirthDate" in ds
assert float(ds.PixelSpacing[0]) == 0.7
assert abs(float(ds.PixelSpacing[1]) - 1 / 3) < 1e-13
assert all(len(str(v.original_string)) <= 16 for v in ds.PixelSpacing)
assert ds.Rows == 4 and ds.InstanceNumber == 12
assert ds.RealWorldValueMappingSequence[0].RealWorldValueSlope == 0.1
code = ds.AnatomicRegionSequence
assert [c.CodeValue for c in code] == ["10200004", "64033007"]
assert code[1].AnatomicRegionModifierSequence[0].CodeMeaning == "Left"
assert ds.PixelData == bytes(range(16))
assert ds.FrameIncrementPointer == 0x00182002
assert ds.RecommendedDisplayCIELabValue == [1, 2, 65535]
print("ok")
