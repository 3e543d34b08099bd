#!/usr/bin/python3
"""Wrong and incomplete studies, each made by one change of a right one, and what the node must say.

studies.py make TABLE BASES DATA OUT      one folder of DICOM files for each case
studies.py compare TABLE NODE_DIR OUT     the reasons that the node recorded, or the warnings of its
                                          findings, against the table; prints what differs

A line of TABLE: name, base, change, outcome and sentence, with tabs between them. The base is a
folder below BASES (phantoms: ct, mr, pet), or 'real:' and one below DATA. The change is Python: `s` are
the base's slices along their normal, `np` and `pydicom` are there, and `each` sets elements of all. The
outcome is 'refused' (the sentence is the reason of the series), 'warned' (it is analysed, and the
sentence is among the warnings) or 'analysed'. '*' stands for whatever changes from run to run.
"""
import copy
import fnmatch
import glob
import json
import os
import re
import sqlite3
import sys
import warnings

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import generate_uid

warnings.simplefilter("ignore")
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
JPEG, JPEG_LS = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.80"
JPEG_2000, JPIP = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.94"


def read_table(path):
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        if line.strip() and not line.startswith("#"):
            fields = line.rstrip("\n").split("\t")
            assert len(fields) == 5 and fields[3] in ("refused", "warned", "analysed"), (number, fields)
            yield fields


def place(image):
    cosines = [float(v) for v in image.get("ImageOrientationPatient", [1, 0, 0, 0, 1, 0])]
    position = [float(v) for v in image.get("ImagePositionPatient", [0, 0, 0])]
    return float(np.dot(np.cross(cosines[:3], cosines[3:]), position))


def read_base(folder):
    return sorted((pydicom.dcmread(path, force=True) for path in glob.glob(folder + "/*") if os.path.isfile(path)),
                  key=place)


def each(images, **elements):
    for image in images:
        for keyword, value in elements.items():
            setattr(image, keyword, value)


def raw(image, keyword, text):
    """A text that pydicom would not take for this element."""
    element = pydicom.dataelem.RawDataElement(
        pydicom.tag.Tag(keyword), pydicom.datadict.dictionary_VR(keyword), len(text), text.encode() + b" " * (len(text) % 2),
        0, False, True)
    image[keyword] = element


def again(image, number, **elements):
    """A copy under a UID of its own."""
    other = copy.deepcopy(image)
    other.SOPInstanceUID = generate_uid(entropy_srcs=[image.SOPInstanceUID, str(number)])
    other.InstanceNumber = number
    each([other], **elements)
    return other


def encapsulated(image, syntax, fragment):
    image.file_meta.TransferSyntaxUID = syntax
    image.PixelData = encapsulate([fragment])
    image["PixelData"].is_undefined_length = True
    image["PixelData"].VR = "OB"
    image.is_little_endian, image.is_implicit_VR = True, False


def make(table, bases, data, out):
    held = {}
    for name, base, change, _, _ in read_table(table):
        if base.startswith("real:"):
            folder = os.path.join(data, base[5:])
            if not os.path.isdir(folder):
                continue
            s = read_base(folder)
        else:
            if base not in held:
                held[base] = read_base(os.path.join(bases, base))
            s = copy.deepcopy(held[base])
        for image in s:
            image.SOPInstanceUID = generate_uid(entropy_srcs=[name, image.SOPInstanceUID])
            image.StudyInstanceUID = generate_uid(entropy_srcs=[name, "study"])
            image.SeriesInstanceUID = generate_uid(entropy_srcs=[name, "series"])
            image.PatientID = "CASE-" + name
        names = {"s": s, "np": np, "pydicom": pydicom, "each": each, "raw": raw, "again": again, "Dataset": Dataset,
                 "Sequence": Sequence, "encapsulated": encapsulated, "JPEG": JPEG, "JPEG_LS": JPEG_LS,
                 "JPEG_2000": JPEG_2000, "JPIP": JPIP}
        exec(change, names)
        os.makedirs(os.path.join(out, name))
        for number, image in enumerate(names["s"]):
            image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
            image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
            image.save_as(os.path.join(out, name, "%03d.dcm" % number), write_like_original=False)


def results(node):
    """The findings by the series that they are of."""
    database = sqlite3.connect(f"file:{node}/index.db?mode=ro", uri=True, timeout=10)
    reasons = dict(database.execute("SELECT series_uid, reason FROM series"))
    found = {}
    for uid, job in database.execute("SELECT series_uid, job FROM series WHERE job IS NOT NULL"):
        path = f"{node}/results/{job}/findings.json"
        if os.path.exists(path):
            found[uid] = json.load(open(path))["warnings"]
    return reasons, found


def matches(text, sentence):
    return fnmatch.fnmatchcase(re.sub(r"[\[\]?]", "_", text), re.sub(r"[\[\]?]", "_", sentence))


def compare(table, node, out):
    reasons, found = results(node)
    wrong = count = 0
    for name, _, _, outcome, sentence in read_table(table):
        if not os.path.isdir(os.path.join(out, name)):
            print(f"{name}: skipped, its real data are not there")
            continue
        count += 1
        uid = generate_uid(entropy_srcs=[name, "series"])
        reason = reasons.get(uid, "the node does not have it")
        said = found.get(uid, [])
        good = matches(reason, sentence) if outcome == "refused" else reason.startswith("analysed") and (
            outcome == "analysed" or any(matches(one, sentence) for one in said))
        if not good:
            wrong += 1
            print(f"{name}: {outcome} '{sentence}', and it says: {reason} {said}")
    print(f"{count - wrong} of {count} studies have their sentence")
    return wrong == 0


if __name__ == "__main__":
    sys.exit({"make": make, "compare": compare}[sys.argv[1]](*sys.argv[2:]) is False)
