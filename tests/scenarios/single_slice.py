"""single_slice.py pick FOLDER: the slice with the largest cut through a lesion of that phantom.
single_slice.py look RESULT SLICE FOLDER: what the node made of it, by pydicom and numpy."""
import json
import math
import pathlib
import sys

import numpy
import pydicom


def slices(folder):
    paths = [path for path in pathlib.Path(folder).rglob("*") if path.is_file()]
    return [(path, pydicom.dcmread(path)) for path in paths]


def lesions(folder):
    return json.loads(pathlib.Path(folder + ".json").read_text())["lesions"]


def pick(folder):
    centre = max(lesions(folder), key=lambda one: one["sampled_mm3"])["center_mm"]
    distance = lambda data: abs(float(data.ImagePositionPatient[2]) - centre[2])
    print(min(slices(folder), key=lambda one: distance(one[1]))[0])


def say(good, sentence):
    print("good" if good else "BAD", sentence)


def look(result, slice_path, folder):
    result = pathlib.Path(result)
    source = pydicom.dcmread(slice_path)
    findings = json.loads((result / "findings.json").read_text())
    seg, body, report = (pydicom.dcmread(result / name) for name in ("seg.dcm", "synthetic.dcm", "sr.dcm"))
    say(findings["count"] >= 1 and findings["planar"] and "total_mm3" not in findings
        and all("volume_mm3" not in one for one in findings["lesions"]), "areas are told and no volume")
    largest = findings["lesions"][0]
    pixel = math.prod(float(step) for step in source.PixelSpacing)
    mask = seg.pixel_array.reshape(-1, source.Rows, source.Columns)
    say(abs(mask[0].sum() * pixel - largest["area_mm2"]) < 1e-6, "the area is that of the segment")
    truth = max(lesions(folder), key=lambda one: one["sampled_mm3"])
    away = math.dist(largest["centroid_mm"][:2], truth["center_mm"][:2])
    say(away < 2, f"it lies where the lesion is, {away:.1f} mm off")
    say(any("single slice" in warning for warning in findings["warnings"]), "a warning says why")

    uids = {str(data.FrameOfReferenceUID) for data in (source, seg, body)}
    say(str(seg.FrameOfReferenceUID) == str(source.FrameOfReferenceUID) and len(uids) == 2,
        "the body has a frame of reference of its own")
    say("not for measurement" in body.SeriesDescription and body.ImageType[0] == "DERIVED"
        and "not for measurement" in body.ContentDescription and body.ContentLabel == "SYNTHETIC"
        and all("not for measurement" in one.SegmentDescription for one in body.SegmentSequence),
        "it says what it is wherever one might look")
    frames = body.pixel_array.reshape(-1, source.Rows, source.Columns)
    segments = numpy.array([int(one.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
                            for one in body.PerFrameFunctionalGroupsSequence])
    counts = {one["label"]: int(frames[segments == one["label"]].sum()) for one in findings["lesions"]}
    say(all(one["synthetic, voxels"]["count"] == counts[one["label"]] for one in findings["lesions"]),
        "its voxels are as many as findings.json says")
    heights = [float(one.PlanePositionSequence[0].ImagePositionPatient[2])
               for one, segment in zip(body.PerFrameFunctionalGroupsSequence, segments) if segment == 1]
    own = float(source.ImagePositionPatient[2])
    say(abs(max(heights) + min(heights) - 2 * own) < 1e-3 and max(heights) - min(heights) <= 24.001
        and max(heights) - min(heights) > 20, "it is as deep as asked, about the slice")
    middle = frames[segments == 1][int(numpy.argmin([abs(height - own) for height in heights]))]
    say((middle == mask[0]).all(), "in the middle is what was seen")
    derived = [one.DerivationImageSequence[0].SourceImageSequence[0]
               for one in body.PerFrameFunctionalGroupsSequence]
    say({str(one.ReferencedSOPInstanceUID) for one in derived} == {str(source.SOPInstanceUID)}
        and {one.SpatialLocationsPreserved for one in derived} == {"NO"}, "each frame names the slice")
    text = str(report).lower()
    say("synthetic" not in text.replace("synthesis_mm", "") and "(118565006" not in text
        and not any(str(one["synthetic, voxels"]["count"]) in text for one in findings["lesions"]
                    if one["synthetic, voxels"]["count"] > 999), "no number of it is in the report")


{"pick": pick, "look": look}[sys.argv[1]](*sys.argv[2:])
