"""query.py ANSWERS WHAT FOLDER [COUNT]: what findscu wrote against the files that were sent, both as
pydicom reads them; `name`, `date` and `patient` print a value of the files."""
import glob
import os
import sys

import pydicom


def read(folder):
    return [pydicom.dcmread(path, stop_before_pixels=True, force=True)
            for path in sorted(glob.glob(os.path.join(folder, "*")))]


def check(condition, what):
    if not condition:
        sys.exit(what)


def study(answers, sent, made):
    one, first = answers[0], sent[0]
    check(len(answers) == 1, f"{len(answers)} answers")
    check(one.StudyInstanceUID == first.StudyInstanceUID, "another study")
    check(str(one.PatientName) == str(first.PatientName), f"name {one.PatientName}")
    check(one.StudyDate == first.StudyDate, f"date {one.StudyDate}")
    check(int(one.NumberOfStudyRelatedSeries) == 1 + made, f"{one.NumberOfStudyRelatedSeries} series")
    check(int(one.NumberOfStudyRelatedInstances) == len(sent) + made,
          f"{one.NumberOfStudyRelatedInstances} instances")
    modalities = one.ModalitiesInStudy
    modalities = [modalities] if isinstance(modalities, str) else list(modalities)
    check(sorted(modalities) == ["CT", "OT", "SEG", "SR"], f"modalities {modalities}")
    check(one.QueryRetrieveLevel == "STUDY", "level")
    check(one.RetrieveAETitle == "TUMORD", "retrieve AE title")


def series(answers, sent):
    found = {one.Modality: one for one in answers}
    check(sorted(found) == ["CT", "OT", "SEG", "SR"], f"modalities {sorted(found)}")
    check(found["CT"].SeriesInstanceUID == sent[0].SeriesInstanceUID, "the original's UID")
    check(int(found["CT"].NumberOfSeriesRelatedInstances) == len(sent), "the original's count")
    check(all(int(found[m].NumberOfSeriesRelatedInstances) == 1 for m in ("SEG", "SR", "OT")),
          "a result's count")
    check(len({one.SeriesInstanceUID for one in answers}) == 4, "UIDs of series")


def images(answers, sent, made):
    wanted = {one.SOPInstanceUID: one for one in sent}
    found = {one.SOPInstanceUID: one for one in answers}
    check(len(found) == len(answers), "an image twice")
    check(set(wanted) <= set(found), "an image is missing")
    check(len(set(found) - set(wanted)) == made, "our own objects")
    for uid, one in wanted.items():
        check(found[uid].SOPClassUID == one.SOPClassUID, "class")
        check(int(found[uid].InstanceNumber) == int(one.InstanceNumber), "instance number")
        check(found[uid].SeriesInstanceUID == one.SeriesInstanceUID, "series")


def main(folder, what, source, made=0):
    sent = read(source)
    values = {"name": "PatientName", "date": "StudyDate", "patient": "PatientID"}
    if what in values:
        print(sent[0].get(values[what]))
        return
    answers = read(folder)
    if what == "utf8":
        print(answers[0].PatientName, answers[0].SpecificCharacterSet)
    elif what == "study":
        study(answers, sent, int(made))
    elif what == "series":
        series(answers, sent)
    else:
        images(answers, sent, int(made))


if __name__ == "__main__":
    main(*sys.argv[1:])
