#!/usr/bin/python3
"""check.py FOLDER: reads the results back with pydicom and compares them with findings.json.

The SEG's mask, placed in patient space by its own attributes, has the volume and centroid that
the findings say; the SR's evidence is what it refers to; its numbers are the findings'. Says 'ok'.
"""
import json
import os
import sys

import numpy as np
import pydicom
from pydicom.sr._concepts_dict import concepts

folder = sys.argv[1]
findings = json.load(open(folder + "/findings.json"))
sr = pydicom.dcmread(folder + "/sr.dcm")
sc = pydicom.dcmread(folder + "/sc.dcm")


def walk(item, found):
    for child in getattr(item, "ContentSequence", []):
        found.append(child)
        walk(child, found)
    return found


# CID 85 of PS3.16, as pydicom's dictionary has it; the quantity is of CID 84.
UPTAKE = {"g/ml{SUVbw}": "126401", "g/ml{SUVlbm}": "126402", "cm2/ml{SUVbsa}": "126403",
          "g/ml{SUVlbm(Janma)}": "126405", "g/ml{SUVlbm(James128)}": "126406"}


def check_uptake(group, lesion, numbers):
    """SUV has a peak with its unit, metabolic volume and glycolysis; counts have a ratio."""
    unit = findings["unit"]
    derived = {}
    for item in group.ContentSequence:
        for of in getattr(item, "ContentSequence", []):
            if "ConceptNameCodeSequence" in of and of.ConceptNameCodeSequence[0].CodeValue == "121401":
                derived[of.ConceptCodeSequence[0].CodeValue] = item
    assert "126031" in derived if "suv_peak" in lesion else "126031" not in derived
    if unit in UPTAKE:
        known = {code for names in concepts["UCUM"].values() for code in names}
        assert unit in known
        for code, key in (("56851009", "maximum"), ("373098007", "mean"), ("126031", "suv_peak")):
            if key not in lesion:
                continue
            item = derived[code]
            assert item.ConceptNameCodeSequence[0].CodeValue == UPTAKE[unit]
            value = item.MeasuredValueSequence[0]
            code = value.MeasurementUnitsCodeSequence[0]
            assert (code.CodeValue if len(unit) <= 16 else code.LongCodeValue) == unit
            assert abs(float(value.NumericValue) / lesion[key] - 1) < 1e-9
        assert abs(numbers["126032"] - lesion["mtv_ml"]) < 1e-9
        assert abs(numbers["126033"] / lesion["tlg"] - 1) < 1e-9
        assert abs(lesion["tlg"] - lesion["mean"] * lesion["volume_mm3"] / 1000) < 1e-6
        assert lesion.get("suv_peak", 0) <= lesion["maximum"]
    else:
        assert "126032" not in numbers and "126033" not in numbers and "tlg" not in lesion
    assert ("99T002" in numbers) == ("background_ratio" in lesion)
    if unit == "counts":
        assert abs(numbers["99T002"] - lesion["background_ratio"]) < 1e-9
        assert abs(lesion["background_ratio"] * lesion["background"] / lesion["mean"] - 1) < 1e-9


items = walk(sr, [])
referred = {i.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for i in items
            if i.ValueType == "IMAGE"}
evidence = {r.ReferencedSOPInstanceUID for study in sr.CurrentRequestedProcedureEvidenceSequence
            for series in study.ReferencedSeriesSequence for r in series.ReferencedSOPSequence}
assert referred == evidence, (len(referred), len(evidence))
assert all(len(str(i.MeasuredValueSequence[0].NumericValue.original_string)) <= 16
           for i in items if i.ValueType == "NUM")
count = [i for i in items if i.ValueType == "NUM"
         and i.ConceptNameCodeSequence[0].CodeValue == "246206008"]
assert len(count) == 1 and count[0].MeasuredValueSequence[0].NumericValue == findings["count"]
assert sr.VerificationFlag == "UNVERIFIED" and sr.CompletionFlag == "COMPLETE"
frames = max(1, findings["segment_count"])
assert int(sc.NumberOfFrames) == frames
assert len(sc.PixelData) >= frames * sc.Rows * sc.Columns * 3
assert open(folder + "/key-1.png", "rb").read(8) == b"\x89PNG\r\n\x1a\n"


def check_planar():
    """Areas in place of volumes; the outline in the picture has the area that a row-convex region has."""
    assert not os.path.exists(folder + "/seg.dcm") and "total_mm3" not in findings
    assert {lesion["view"] for lesion in findings["lesions"]} <= set(findings["views"])
    for lesion in findings["lesions"]:
        assert "volume_mm3" not in lesion and "centroid_mm" not in lesion
        group = [i for i in items if i.ValueType == "CONTAINER" and any(
            c.ValueType == "TEXT" and c.TextValue == lesion["tracking_id"] for c in getattr(i, "ContentSequence", []))]
        assert len(group) == 1
        numbers = {c.ConceptNameCodeSequence[0].CodeValue: float(c.MeasuredValueSequence[0].NumericValue)
                   for c in group[0].ContentSequence if c.ValueType == "NUM"}
        assert abs(numbers["42798000"] / lesion["area_mm2"] - 1) < 1e-9
        assert "118565006" not in numbers and "L0JK" not in numbers
        check_uptake(group[0], lesion, numbers)
        region = [c for c in group[0].ContentSequence if c.ValueType == "SCOORD"][0]
        points = np.array(region.GraphicData).reshape(-1, 2)
        assert (points[0] == points[-1]).all()
        rows = points[:, 1]
        assert abs(points.min(0) - 0.0).min() >= 0 and rows.min() % 1 == 0.5
        frame = region.ContentSequence[0].ReferencedSOPSequence[0].ReferencedFrameNumber
        assert findings["views"][int(frame) - 1] == lesion["view"]
        # each row of the outline is as wide as the region there: a pixel is 16 mm2
        half = len(points) // 2
        left, right = points[:half], points[half:-1][::-1]
        assert (left[:, 1] == right[:, 1]).all()
        assert (right[:, 0] - left[:, 0]).sum() >= lesion["voxels"]
        assert abs(left[:, 1].mean() - 0.5 - lesion["centroid_pixels"][1]) < 2


def numbers_of(group):
    """Numbers of a measurement group: by concept, and of values with a derivation by that."""
    found = {}
    for item in group.ContentSequence:
        if item.ValueType == "NUM":
            code = item.ConceptNameCodeSequence[0].CodeValue
            for of in getattr(item, "ContentSequence", []):
                if of.ConceptNameCodeSequence[0].CodeValue == "121401":
                    code = of.ConceptCodeSequence[0].CodeValue
            found[code] = float(item.MeasuredValueSequence[0].NumericValue)
    return found


def check_codes(organ, code):
    """The SNOMED code is in PS3.16 (pydicom's dictionary), and the meaning one of those it has there."""
    meanings = {entry[code.CodeValue][0] for entry in concepts["SCT"].values() if code.CodeValue in entry}
    assert code.CodingSchemeDesignator == "SCT" and code.CodeMeaning in meanings, (organ["name"], code)
    assert code.CodeValue == organ["code"]


SIDES = {"left": "7771000", "right": "24028007"}


def check_group(organ):
    group = [i for i in items if i.ValueType == "CONTAINER" and any(
        c.ValueType == "TEXT" and c.TextValue == organ["name"] for c in getattr(i, "ContentSequence", []))]
    texts = [i.TextValue for i in items if i.ValueType == "TEXT"]
    if not organ["found"]:
        assert not group and organ["name"] + " not found: " + organ["why_not"] in texts
        return None
    assert len(group) == 1
    numbers = numbers_of(group[0])
    for code, value in (("118565006", organ["volume_ml"] * 1000), ("373098007", organ["mean"]),
                        ("386136009", organ["sd"]), ("373099004", organ["percentiles"][2]),
                        ("371888009", organ["percentiles"][0]), ("371889001", organ["percentiles"][4])):
        assert abs(numbers[code] - value) <= 1e-9 * max(1, abs(value)), (organ["name"], code)
    site = [c for c in group[0].ContentSequence if c.ValueType == "CODE"
            and c.ConceptNameCodeSequence[0].CodeValue == "363698007"][0]
    check_codes(organ, site.ConceptCodeSequence[0])
    side = [c.ConceptCodeSequence[0].CodeValue for c in getattr(site, "ContentSequence", [])]
    assert side == ([SIDES[organ["laterality"]]] if "laterality" in organ else [])
    return group[0]


def check_organs():
    """Each organ's group has its numbers; those with a segment have its voxels, in their place."""
    groups = {organ["name"]: check_group(organ) for organ in findings["organs"]}
    seg = pydicom.dcmread(folder + "/organs.dcm")
    bits = np.unpackbits(np.frombuffer(seg.PixelData, np.uint8), bitorder="little")
    masks = bits[:seg.NumberOfFrames * seg.Rows * seg.Columns].reshape(-1, seg.Rows, seg.Columns)
    shared = seg.SharedFunctionalGroupsSequence[0]
    dy, dx = (float(v) for v in shared.PixelMeasuresSequence[0].PixelSpacing)
    cosines = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    by_name = {organ["name"]: organ for organ in findings["organs"]}
    assert len(seg.SegmentSequence) >= 6
    for segment in seg.SegmentSequence:
        organ = by_name[segment.SegmentLabel]
        kind = segment.SegmentedPropertyTypeCodeSequence[0]
        check_codes(organ, kind)
        side = [c.CodeValue for c in getattr(kind, "SegmentedPropertyTypeModifierCodeSequence", [])]
        assert side == ([SIDES[organ["laterality"]]] if "laterality" in organ else [])
        points = []
        for mask, frame in zip(masks, seg.PerFrameFunctionalGroupsSequence):
            if frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber == segment.SegmentNumber:
                origin = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
                j, i = np.nonzero(mask)
                points.append(origin + np.outer(i * dx, cosines[:3]) + np.outer(j * dy, cosines[3:]))
        points = np.concatenate(points)
        assert len(points) == organ["voxels"]
        assert np.abs(points.mean(0) - organ["centroid_mm"]).max() < 1e-3
        assert np.abs(points.min(0) - organ["box_mm"][0]).max() < 1e-3
        assert np.abs(points.max(0) - organ["box_mm"][1]).max() < 1e-3
        assert ("laterality" not in organ) or (organ["centroid_mm"][0] > 0) == (organ["laterality"] == "left")
        refer = [c for c in groups[organ["name"]].ContentSequence if c.ValueType == "IMAGE"]
        assert refer[0].ReferencedSOPSequence[0].ReferencedSegmentNumber == segment.SegmentNumber
        assert refer[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == seg.SOPInstanceUID


if findings["modality"] == "CT":
    told = findings["acquisition"]
    assert told["kvp"] == 120 and told["kernel"] == "B30f" and told["ctdi_vol_mgy"] == 7.25
    assert told["contrast_delay_s"] == 109.5 and "weight_kg" not in told
    assert any(i.ValueType == "TEXT" and "tube voltage 120 kV, CTDIvol 7.25 mGy, kernel B30f" in i.TextValue
               for i in items)
if "organs" in findings:
    check_organs()
if findings.get("planar"):
    check_planar()
    print("ok")
    sys.exit()
if findings["count"] == 0:
    assert not os.path.exists(folder + "/seg.dcm")
    print("ok")
    sys.exit()

seg = pydicom.dcmread(folder + "/seg.dcm")
bits = np.unpackbits(np.frombuffer(seg.PixelData, np.uint8), bitorder="little")
masks = bits[:seg.NumberOfFrames * seg.Rows * seg.Columns].reshape(-1, seg.Rows, seg.Columns)
shared = seg.SharedFunctionalGroupsSequence[0]
measures = shared.PixelMeasuresSequence[0]
dy, dx = (float(v) for v in measures.PixelSpacing)
depth = float(measures.SpacingBetweenSlices)
cosines = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
assert [s.SegmentNumber for s in seg.SegmentSequence] == list(range(1, findings["segment_count"] + 1))
for lesion in findings["lesions"]:
    points = []
    for mask, frame in zip(masks, seg.PerFrameFunctionalGroupsSequence):
        if frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber != lesion["label"]:
            continue
        assert mask.any(), "an empty frame"
        origin = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
        j, i = np.nonzero(mask)
        points.append(origin + np.outer(i * dx, cosines[:3]) + np.outer(j * dy, cosines[3:]))
    points = np.concatenate(points)
    assert len(points) == lesion["voxels"]
    assert abs(len(points) * dx * dy * depth / lesion["volume_mm3"] - 1) < 1e-6
    assert np.abs(points.mean(0) - lesion["centroid_mm"]).max() < 1e-3
    group = [i for i in items if i.ValueType == "CONTAINER" and any(
        c.ValueType == "TEXT" and c.TextValue == lesion["tracking_id"] for c in getattr(i, "ContentSequence", []))]
    assert len(group) == 1
    sites = [c.ConceptCodeSequence[0].CodeValue for c in group[0].ContentSequence if c.ValueType == "CODE"
             and c.ConceptNameCodeSequence[0].CodeValue == "363698007"]
    assert sites == ([lesion["site_code"]] if "site_code" in lesion else [])
    numbers = {c.ConceptNameCodeSequence[0].CodeValue: float(c.MeasuredValueSequence[0].NumericValue)
               for c in group[0].ContentSequence if c.ValueType == "NUM"}
    assert abs(numbers["118565006"] / lesion["volume_mm3"] - 1) < 1e-9
    assert abs(numbers["L0JK"] - lesion["longest_mm"]) < 1e-9
    check_uptake(group[0], lesion, numbers)
print("ok")
