#!/usr/bin/python3
"""geometry.py NODE_DIR PHANTOM KIND: the SEG of a phantom's series against its slices and its truth.

Each frame lies where the slice lies that it names, has its size, and names a slice that was sent; the
mask in patient space has its middle where a lesion is; the findings' volume is the lesion's; SR and
findings say what was resampled. KIND is tilt, missing or uneven.
"""
import glob
import json
import os
import sys

import numpy as np
import pydicom

node, phantom, kind = sys.argv[1:4]
slices = {s.SOPInstanceUID: s for s in map(pydicom.dcmread, glob.glob(phantom + "/slice-*.dcm"))}
truth = json.load(open(phantom + ".json"))
series = next(iter(slices.values())).SeriesInstanceUID


def results():
    for path in glob.glob(node + "/results/*/seg.dcm"):
        seg = pydicom.dcmread(path)
        if seg.ReferencedSeriesSequence[0].SeriesInstanceUID == series:
            yield os.path.dirname(path), seg


(folder, seg), = results()
findings = json.load(open(folder + "/findings.json"))
first = next(iter(slices.values()))
cosines = np.array(first.ImageOrientationPatient, float)
normal = np.cross(cosines[:3], cosines[3:])
spacing = [float(v) for v in first.PixelSpacing]
along = sorted(float(np.dot(np.array(s.ImagePositionPatient, float), normal)) for s in slices.values())
steps = np.diff(along)
assert (seg.Rows, seg.Columns) == (first.Rows, first.Columns), (seg.Rows, seg.Columns)
shared = seg.SharedFunctionalGroupsSequence[0]
assert np.allclose(np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float), cosines)
assert np.allclose([float(v) for v in shared.PixelMeasuresSequence[0].PixelSpacing], spacing)
points = {}
for mask, frame in zip(seg.pixel_array.reshape(-1, seg.Rows, seg.Columns),
                       seg.PerFrameFunctionalGroupsSequence):
    source = frame.DerivationImageSequence[0].SourceImageSequence[0]
    named = slices[source.ReferencedSOPInstanceUID]     # one that was sent, or KeyError
    origin = np.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
    assert np.allclose(origin, np.array(named.ImagePositionPatient, float), atol=1e-6)
    assert mask.any()
    at = float(np.dot(origin, normal))
    k = int(np.argmin(np.abs(np.array(along) - at)))
    weight = (steps[max(k - 1, 0)] + steps[min(k, len(steps) - 1)]) / 2
    j, i = np.nonzero(mask)
    where = origin + np.outer(i * spacing[1], cosines[:3]) + np.outer(j * spacing[0], cosines[3:])
    number = frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber
    points.setdefault(number, []).append((where, weight))

assert findings["count"] == len(truth["lesions"]) == len(points), findings["count"]
for lesion in findings["lesions"]:
    where = np.concatenate([w for w, _ in points[lesion["label"]]])
    weights = np.concatenate([np.full(len(w), x) for w, x in points[lesion["label"]]])
    center = np.average(where, axis=0, weights=weights)
    volume = weights.sum() * spacing[0] * spacing[1]
    real = min(truth["lesions"], key=lambda t: np.linalg.norm(center - t["center_mm"]))
    assert np.linalg.norm(center - real["center_mm"]) < np.sqrt(3), (center, real)
    assert np.linalg.norm(np.array(lesion["centroid_mm"]) - real["center_mm"]) < np.sqrt(3)
    assert abs(lesion["volume_mm3"] / real["volume_mm3"] - 1) < 0.08, (lesion["volume_mm3"], real)
    assert abs(volume / lesion["volume_mm3"] - 1) < 0.08, (volume, lesion["volume_mm3"])
    assert 0 <= lesion["axial_slice"] < len(slices)

says = " / ".join(findings["warnings"])
assert "%d slices were resampled to" % len(slices) in says, says
if kind == "tilt":
    assert "tilted gantry: slices are sheared by 20.0 degrees" in says, says
if kind == "missing":
    gap = along[int(np.argmax(steps))]
    assert "1 missing slice was interpolated, the first after position %.2f mm" % gap in says, says
sr = open(folder + "/sr.dcm", "rb").read()
assert b"resampled to" in sr
print("ok")
