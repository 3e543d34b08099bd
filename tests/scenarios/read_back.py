#!/usr/bin/python3
"""Reads the node's results back from a peer: read_back.py NODE_DIR PEER SOURCE…

PEER is the URL of an Orthanc, or the folder where a peer keeps its files. For each current
result of the node: the peer holds each object once, with the same data set; dciodvfy finds
no error; dsrdump prints the SR; pydicom reads all; and the SEG's mask, placed in patient
space by its own geometry, has the volume and the centroid that the findings say. SOURCE are
the folders that were sent: the true positions of the slices come from there.

Prints 'ok …' or 'FAIL …' a line.
"""
import collections
import json
import os
import subprocess
import sys
import urllib.request

import numpy
import pydicom

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from index import Index, JOB_DONE, data_set

SEG, SR, SC = "seg", "sr", "sc"
FAILED = 0


def tell(holds, sentence, detail=""):
    global FAILED
    FAILED += not holds
    print("ok" if holds else "FAIL", sentence, f"({detail})" if detail and not holds else "")


# ---- what the peer holds: SOP Instance UID -> [bytes, …] --------------------------------

def from_orthanc(url):
    held = collections.defaultdict(list)
    for one in json.load(urllib.request.urlopen(url + "/instances?expand&limit=100000&since=0")):
        held[one["MainDicomTags"]["SOPInstanceUID"]].append(f"{url}/instances/{one['ID']}/file")
    return held, lambda place: urllib.request.urlopen(place).read()


def from_folder(folder):
    held = collections.defaultdict(list)
    for base, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(base, name)
            try:
                ds = pydicom.dcmread(path, force=True, specific_tags=["SOPInstanceUID"], stop_before_pixels=True)
                held[str(ds.SOPInstanceUID)].append(path)
            except (AttributeError, OSError, ValueError):
                pass                        # a peer's own index file
    return held, lambda place: open(place, "rb").read()


# ---- the slices that were sent ----------------------------------------------------------

def read_sources(folders):
    """SOP Instance UID -> (series UID, position, orientation)."""
    slices = {}
    for folder in folders:
        for base, _, names in os.walk(folder):
            for name in names:
                try:
                    ds = pydicom.dcmread(os.path.join(base, name), force=True, stop_before_pixels=True)
                    slices[str(ds.SOPInstanceUID)] = (str(ds.SeriesInstanceUID),
                                                      numpy.array(ds.ImagePositionPatient, float),
                                                      numpy.array(ds.ImageOrientationPatient, float))
                except (AttributeError, OSError, ValueError, TypeError):
                    pass
    return slices


def slice_thicknesses(slices, series):
    """SOP Instance UID -> mm that the slice stands for: half the way to both neighbours, and
    the whole step to the only one at a border."""
    mine = {uid: where for uid, where in slices.items() if where[0] == series}
    orientation = next(iter(mine.values()))[2]
    normal = numpy.cross(orientation[:3], orientation[3:])
    order = sorted(mine, key=lambda uid: float(normal @ mine[uid][1]))
    along = numpy.array([float(normal @ mine[uid][1]) for uid in order])
    steps = numpy.diff(along)
    half = numpy.concatenate([steps[:1], (steps[:-1] + steps[1:]) / 2, steps[-1:]])
    return dict(zip(order, half))


def shared_or_own(ds, frame, name):
    return getattr(frame if name in frame else ds.SharedFunctionalGroupsSequence[0], name)[0]


def segment_volumes(ds, thickness, slices):
    """Segment number -> (mm³, centroid in LPS mm), by the SEG's own geometry."""
    pixels = numpy.atleast_3d(ds.pixel_array) if ds.get("NumberOfFrames", 1) > 1 else ds.pixel_array[None]
    volume, moment = collections.Counter(), collections.defaultdict(lambda: numpy.zeros(3))
    for frame, mask in zip(ds.PerFrameFunctionalGroupsSequence, pixels):
        number = frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        origin = numpy.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
        plane = numpy.array(shared_or_own(ds, frame, "PlaneOrientationSequence").ImageOrientationPatient, float)
        spacing = [float(x) for x in shared_or_own(ds, frame, "PixelMeasuresSequence").PixelSpacing]
        source = str(frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID)
        if source in slices and numpy.abs(slices[source][1] - origin).max() > 0.01:
            tell(False, f"frame lies where its source {source} does", f"{origin} {slices[source][1]}")
        rows, columns = numpy.nonzero(mask)
        places = origin + numpy.outer(columns * spacing[1], plane[:3]) + numpy.outer(rows * spacing[0], plane[3:])
        voxel = spacing[0] * spacing[1] * thickness[source]
        volume[number] += len(rows) * voxel
        moment[number] += places.sum(axis=0) * voxel
    return {number: (volume[number], moment[number] / volume[number]) for number in volume}


# ---- one object, one job ----------------------------------------------------------------

def valid(path, what):
    run = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True, errors="replace")
    errors = [line for line in (run.stdout + run.stderr).splitlines() if line.startswith("Error")]
    tell(not errors and run.returncode == 0, f"dciodvfy accepts the {what}", "; ".join(errors[:3]))


def nums(item, found):
    """Every NUM of the SR's tree: meaning -> values."""
    for child in item.get("ContentSequence", []):
        if child.ValueType == "NUM" and child.get("MeasuredValueSequence"):
            meaning = child.ConceptNameCodeSequence[0].CodeMeaning
            found[meaning].append(float(child.MeasuredValueSequence[0].NumericValue))
        nums(child, found)
    return found


def check_seg(ds, findings, thickness, slices):
    got, lesions = segment_volumes(ds, thickness, slices), findings["lesions"]
    tell(sorted(got) == list(range(1, len(lesions) + 1)), "the SEG has one segment per lesion", str(sorted(got)))
    for number, lesion in enumerate(lesions, 1):
        if number not in got:
            continue
        volume, centroid = got[number]
        tell(abs(volume - lesion["volume_mm3"]) <= 1e-3 * lesion["volume_mm3"],
             f"segment {number} has the volume of its finding", f"{volume:.2f} {lesion['volume_mm3']:.2f}")
        off = numpy.abs(centroid - numpy.array(lesion["centroid_mm"])).max()
        tell(off <= 0.05, f"segment {number} has the centroid of its finding", f"{off:.3f} mm off")


def check_organs(ds, findings, thickness, slices):
    """The segmentation of organs has those that were found, by their names, with their volumes and places."""
    organs = {organ["name"]: organ for organ in findings["organs"] if organ["found"]}
    got = segment_volumes(ds, thickness, slices)
    names = {segment.SegmentNumber: segment.SegmentLabel for segment in ds.SegmentSequence}
    tell(sorted(got) == sorted(names), "each organ's segment has voxels", f"{sorted(got)} {names}")
    for number, (volume, centroid) in got.items():
        organ = organs[names[number]]
        tell(abs(volume / 1000 - organ["volume_ml"]) <= 1e-3 * organ["volume_ml"],
             f"segment {number} has the volume of the {organ['name']}", f"{volume:.2f} {organ['volume_ml']:.2f}")
        off = numpy.abs(centroid - numpy.array(organ["centroid_mm"])).max()
        tell(off <= 0.05, f"segment {number} has the centroid of the {organ['name']}", f"{off:.3f} mm off")


def check_sr(path, ds, findings):
    dump = subprocess.run(["dsrdump", path], capture_output=True, text=True, errors="replace")
    tell(dump.returncode == 0 and "Imaging Measurement Report" in dump.stdout, "dsrdump prints the SR", dump.stderr[:200])
    values = [value for several in nums(ds, collections.defaultdict(list)).values() for value in several]
    wanted = [float(findings["count"])] + [lesion["volume_mm3"] for lesion in findings["lesions"]]
    missing = [value for value in wanted
               if not any(abs(value - got) <= 1e-3 * max(1, abs(value)) or abs(value / 1000 - got) <= 1e-3 * max(1, abs(value / 1000)) for got in values)]
    tell(not missing, "the SR says the count and each lesion's volume", str(missing))


def check_job(index, job, series, held, fetch, slices):
    findings = json.loads(index.one("SELECT findings FROM job WHERE id = ?", job))
    objects = index.rows("SELECT kind, name, sop_uid FROM object WHERE job = ? AND sop_uid <> ''", job)
    kinds = sorted(kind for kind, name, _ in objects if name != "organs.dcm")
    wanted = [SC, SR] + ([SEG] if findings["count"] > 0 else [])
    tell(set(kinds) == set(wanted), f"job {job} made {' '.join(sorted(wanted))}", " ".join(kinds))
    for kind, name, uid in objects:
        places = held.get(uid, [])
        tell(len(places) == 1, f"job {job}: the peer holds the {kind} once", f"{len(places)} times")
        if not places:
            continue
        got = fetch(places[0])
        path = os.path.join(index.folder, "results", str(job), name)
        tell(data_set(got) == data_set(open(path, "rb").read()), f"job {job}: the peer's {kind} has the same data set")
        valid(path, kind)
        ds = pydicom.dcmread(path)
        if name == "organs.dcm":
            check_organs(ds, findings, slice_thicknesses(slices, series), slices)
        elif kind == SEG:
            check_seg(ds, findings, slice_thicknesses(slices, series), slices)
        elif kind == SR:
            check_sr(path, ds, findings)
        else:
            tell(ds.pixel_array.shape[-1] == 3, "the capture is in colour", str(ds.pixel_array.shape))


def main(node, peer, *sources):
    index, slices = Index(node), read_sources(sources)
    held, fetch = from_orthanc(peer) if peer.startswith("http") else from_folder(peer)
    jobs = index.rows("SELECT j.id, j.series_uid FROM series s JOIN job j ON j.id = s.job WHERE j.state = ?", JOB_DONE)
    tell(bool(jobs), "there are results")
    for job, series in jobs:
        check_job(index, job, series, held, fetch, slices)
    return FAILED


if __name__ == "__main__":
    sys.exit(1 if main(*sys.argv[1:]) else 0)
