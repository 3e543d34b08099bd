"""Statistics again, from the results' files and the files that were sent, for 118-stats.sh.

stats.py name FOLDER PATIENT DATE      sets both in all of its files; "-" is none; "loc": a localizer
stats.py compare CSV SENT NODE WHICH   the CSV's rows against numpy; WHICH: all, a patient's ID, a study's UID
stats.py same CSV JSON                 both have the same rows
stats.py damage NODE STUDY             breaks the findings of a study in the index
stats.py fill NODE STUDIES             so many more studies with findings of 20 regions
"""
import collections
import csv
import datetime
import glob
import json
import os
import sqlite3
import sys

import numpy
import pydicom

FORMULA = "=cmd|'/C calc'!A0"
EDGES = [0, 5, 10, 15, 20, 30, 50, 100, numpy.inf]
BINS = ["0_to_5", "5_to_10", "10_to_15", "15_to_20", "20_to_30", "30_to_50", "50_to_100", "from_100"]


def name(folder, patient, date):
    for path in glob.glob(folder + "/*.dcm"):
        data = pydicom.dcmread(path)
        data.PatientID = "" if patient == "-" else patient
        data.PatientName = FORMULA + ', "x"' if patient == "ANNA" else data.PatientName
        data.StudyDate = "" if date == "-" else date
        if os.path.basename(folder) == "loc":
            data.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        data.save_as(path)


# ---- what there is, from the files alone ----

Study = collections.namedtuple("Study", "uid patient date modality regions")


def results_of(node):
    """Series UID → findings, by the SEG or SR beside each findings.json (one result a series here)."""
    found = {}
    for path in glob.glob(node + "/results/*/findings.json"):
        report = pydicom.dcmread(os.path.join(os.path.dirname(path), "sr.dcm"))
        source = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
        with open(path) as file:
            findings = json.load(file)
        for series in source:
            found[series.SeriesInstanceUID] = findings
    return found


def studies_of(sent, node):
    results, studies = results_of(node), []
    for folder in sorted(glob.glob(sent + "/*/")):
        data = pydicom.dcmread(sorted(glob.glob(folder + "*.dcm"))[0], stop_before_pixels=True)
        findings = results.get(data.SeriesInstanceUID)
        regions = None if findings is None else [
            (r["volume_mm3"] / 1000, r["longest_mm"]) for r in findings["lesions"]]
        if regions is not None:
            with open(folder.rstrip("/") + ".json") as file:
                truth = json.load(file)["lesions"]
            assert len(regions) == len(truth), (folder, len(regions), len(truth))
            volumes = sorted(v for v, _ in regions)
            for got, want in zip(volumes, sorted(t["volume_mm3"] / 1000 for t in truth)):
                assert abs(got - want) <= 0.1 * want, (folder, got, want)
        studies.append(Study(data.StudyInstanceUID, data.PatientID, data.StudyDate, data.Modality, regions))
    return studies


# ---- figures ----

def spread(values, pattern):
    if not len(values):
        return {}
    values = numpy.array(values, float)
    figures = dict(zip(("min", "q1", "median", "q3", "max"), numpy.percentile(values, [0, 25, 50, 75, 100])))
    figures["mean"] = values.mean()
    if len(values) > 1:
        figures["sd"] = values.std(ddof=1)
    return {pattern % key: float(value) for key, value in figures.items()}


def sizes(studies):
    regions = [r for s in studies for r in s.regions]
    volumes, longest = [v for v, _ in regions], [d for _, d in regions]
    row = {"regions": len(regions), "regions_sized": len(regions), "burden_ml": sum(volumes)}
    row.update(spread(volumes, "volume_%s_ml"))
    row.update(spread(longest, "longest_%s_mm"))
    row.update(spread([(6000 * v / numpy.pi) ** (1 / 3) for v in volumes], "diameter_%s_mm"))
    for count, bin_name in zip(numpy.histogram(longest, EDGES)[0], BINS):
        row["longest_%s_mm" % bin_name] = int(count)
    return row


def per_study(studies):
    by_study = collections.defaultdict(lambda: [0, 0.0])
    for one in studies:
        by_study[one.uid][0] += len(one.regions)
        by_study[one.uid][1] += sum(v for v, _ in one.regions)
    return {"studies_counted": len(by_study), "series_counted": len(studies),
            **spread([n for n, _ in by_study.values()], "regions_per_study_%s"),
            **spread([b for _, b in by_study.values()], "burden_per_study_%s_ml")}


def groups(level, studies, more=None, key=None):
    """Rows by all, modality, site and side; phantoms have neither sites nor sides."""
    key = key or {}
    rows = [{"level": level, "by": "all", **key, **sizes(studies),
             **({} if level == "study" else per_study(studies)), **(more or {})}]
    for modality in sorted({s.modality for s in studies}):
        some = [s for s in studies if s.modality == modality]
        rows.append({"level": level, "by": "modality", "group": modality, **key, **sizes(some),
                     **({} if level == "study" else per_study(some))})
    if any(s.regions for s in studies):
        for by in ("site", "side"):
            rows.append({"level": level, "by": by, "group": "not known", **key, **sizes(studies)})
    return rows


def latest(studies):
    last = {}
    for s in studies:
        if s.patient:
            last[s.patient, s.modality] = max(last.get((s.patient, s.modality), ""), s.date)
    return [s for s in studies if not s.patient or s.date == last[s.patient, s.modality]]


def day(text):
    return datetime.datetime.strptime(text, "%Y%m%d").toordinal()


def timepoints(patient, studies):
    for modality in sorted({s.modality for s in studies}):
        points = sorted((s for s in studies if s.modality == modality), key=lambda s: s.date)
        for i, one in enumerate(points):
            burden = [sum(v for v, _ in p.regions) for p in points]
            row = {"level": "timepoint", "patient_id": patient, "modality": modality, "regions": len(one.regions),
                   "burden_ml": burden[i]}
            if one.date:
                row["study_date"] = one.date
            for at, date, days, count, change, percent in (
                    (i - 1, "previous_date", "days", "regions_change", "burden_change_ml", "burden_change_percent"),
                    (0, "first_date", "days_since_first", "regions_change_since_first",
                     "burden_change_since_first_ml", "burden_change_since_first_percent")):
                if i > 0 and one.date:
                    row.update({date: points[at].date, days: day(one.date) - day(points[at].date),
                                count: len(one.regions) - len(points[at].regions), change: burden[i] - burden[at],
                                percent: 100 * (burden[i] - burden[at]) / burden[at]})
            yield row


def expected(studies, which):
    """Every row that must be there but the series'."""
    for s in (s for s in studies if which in ("all", s.patient, s.uid)):
        own, key = [s] if s.regions is not None else [], {"study_uid": s.uid, "study_date": s.date, "patient_id": s.patient}
        yield from groups("study", own, {"series": 1, "series_analysed": len(own)}, key)
        for volume, longest_mm in s.regions or []:
            yield {"level": "region", "study_uid": s.uid, "volume_ml": volume, "longest_mm": longest_mm,
                   "diameter_mm": (6000 * volume / numpy.pi) ** (1 / 3)}
    if which in {s.uid for s in studies}:
        return
    for patient in sorted({s.patient for s in studies if s.patient and which in ("all", s.patient)}):
        own = [s for s in studies if s.patient == patient]
        analysed = [s for s in own if s.regions is not None]
        yield from timepoints(patient, analysed)
        yield from groups("patient", latest(analysed), {"studies": len(own), "studies_analysed": len(analysed)},
                          {"patient_id": patient})
    if which == "all":
        analysed = [s for s in studies if s.regions is not None]
        more = {"patients": len({s.patient for s in studies if s.patient}),
                "studies_without_patient_id": sum(not s.patient for s in studies)}
        yield from groups("cohort", analysed, {**more, "studies": len(studies), "studies_analysed": len(analysed)})
        yield from groups("cohort_latest", latest(analysed), more)


# ---- the CSV ----

def read_csv(path):
    raw = open(path, newline="", encoding="utf-8").read()
    assert raw.count("\n") == raw.count("\r\n") and raw.endswith("\r\n"), "lines do not end with CR LF"
    table = list(csv.reader(raw.splitlines(True), strict=True))
    assert len(set(map(len, table))) == 1, "rows of different lengths"
    assert len(set(table[0])) == len(table[0]), "a column is there twice"
    rows = [dict(zip(table[0], row)) for row in table[1:]]
    for row in rows:
        for key, cell in row.items():
            assert cell[:1] not in "=+@\t" or not cell, (key, cell)
            assert cell[:1] != "-" or float(cell) < 0, (key, cell)
    return rows


def plain(cell):
    return cell[1:] if cell[:1] == "'" else cell


def matches(row, want):
    for key, value in want.items():
        if isinstance(value, str):
            if plain(row[key]) != value:
                return False
        elif row[key] == "" or abs(float(row[key]) - value) > 1e-9 * max(1, abs(value)):
            return False
    return all(row[key] == "" or key in want for key in row if key.endswith(("_min_ml", "_sd_ml", "_median_mm", "_percent")))


def compare(path, sent, node, which):
    rows, studies = read_csv(path), studies_of(sent, node)
    left = [row for row in rows if row["level"] not in ("series", "reason")]
    for want in expected(studies, which):
        found = [row for row in left if matches(row, want)]
        if not found:
            near = [r for r in left if all(plain(r[k]) == want[k] for k in ("level", "by", "group", "study_uid", "patient_id",
                                                                          "study_date") if k in want)]
            raise SystemExit("no row like %s\nnear: %s" % (want, [{k: v for k, v in r.items() if v} for r in near[:2]]))
        left.remove(found[0])
    assert not left, "rows that are not expected: %s" % [{k: v for k, v in r.items() if v} for r in left[:3]]
    series = [row for row in rows if row["level"] == "series"]
    for row in series:
        assert (row["reason"] == "") == (row["series_analysed"] == "1") == (row["regions"] != ""), row
    if which == "all":
        assert len(series) == len(studies), series
        assert [r["reason"] for r in series if r["reason"]] == ["localizer, 16 slices"]
        assert [(r["reason"], r["series"]) for r in rows if r["level"] == "reason"] == [("localizer, # slices", "1")]
        assert any(r["patient_name"] == "'" + FORMULA + ', "x"' for r in rows), "the name is not there"


def same(csv_path, json_path):
    rows, document = read_csv(csv_path), json.load(open(json_path, encoding="utf-8"))
    units = {c["name"]: c["unit"] for c in document["head"]["columns"]}
    for key, unit in units.items():
        for end, wanted in (("_ml", "ml"), ("_percent", "%")):
            assert not key.endswith(end) or unit == wanted, (key, unit)
    assert set(rows[0]) == set(units), "the columns are others"
    assert len(rows) == len(document["rows"]), (len(rows), len(document["rows"]))
    for row, want in zip(rows, document["rows"]):
        assert set(want) <= set(units), set(want) - set(units)
        for key, cell in row.items():
            value = want.get(key, "")
            assert plain(cell) == value if isinstance(value, str) else float(cell) == value or \
                abs(float(cell) - value) < 1e-15 * abs(value), (key, cell, value)


# ---- the index ----

def open_index(node):
    return sqlite3.connect(node + "/index.db", timeout=10)


def damage(node, study):
    with open_index(node) as index:
        index.execute("UPDATE job SET findings = replace(findings, '\"count\": ', '\"count\": -') WHERE study_uid = ?", (study,))


def fill(node, studies):
    """Ten to a patient; the files are not there, and no study is open."""
    lesions = [{"label": n + 1, "finding": "Lesion", "volume_mm3": 1000.0 + n, "longest_mm": 10.0 + n} for n in range(20)]
    findings = json.dumps({"count": 20, "total_mm3": sum(x["volume_mm3"] for x in lesions), "lesions": lesions,
                           "method": {"name": "made"}})
    with open_index(node) as index:
        for n in range(int(studies)):
            uid = "9.9.%d" % n
            index.execute("INSERT INTO study(study_uid, patient_id, patient_name, study_date, accession, description, state,"
                          " first_ms, last_ms) VALUES(?,?,'MANY','2020%02d%02d','','',1,1,1)"
                          % (n % 12 + 1, n // 12 % 28 + 1), (uid, "MANY%d" % (n // 10)))
            job = index.execute("INSERT INTO job(study_uid, series_uid, key, created, rule, analysis, parameters, deliver_to,"
                                " series_number, priority, state, queued_ms, findings) VALUES(?,?,'k','x','','','{}','[]',"
                                "9000,1,2,1,?)", (uid, uid + ".1", findings)).lastrowid
            index.execute("INSERT INTO series(series_uid, study_uid, modality, description, reason, job)"
                          " VALUES(?,?,'CT','','analysed',?)", (uid + ".1", uid, job))


if __name__ == "__main__":
    {"name": name, "compare": compare, "same": same, "damage": damage, "fill": fill}[sys.argv[1]](*sys.argv[2:])
