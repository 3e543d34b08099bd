"""fill_index.py NODE_DIR INSTANCES: rows of so many instances in a node's index, 200 to a series and two
series to a study, as if they had been received; the files are not there, and no study is open."""
import json
import sqlite3
import sys

index = sqlite3.connect(sys.argv[1] + "/index.db")
wanted, made, study = int(sys.argv[2]), 0, 0
index.execute("PRAGMA synchronous=OFF")
while made < wanted:
    study += 1
    uid, date = f"1.2.3.{study}", f"20{study % 25:02d}{study % 12 + 1:02d}{study % 28 + 1:02d}"
    tags = {"StudyInstanceUID": uid, "PatientID": f"P{study // 2}", "PatientName": f"NAME{study // 2}^GIVEN",
            "StudyDate": date, "AccessionNumber": f"A{study}", "Modality": "CT", "StudyTime": "101500"}
    index.execute("INSERT INTO study VALUES(?,?,?,?,?,'',1,?,?,0)",
                  (uid, tags["PatientID"], tags["PatientName"], date, tags["AccessionNumber"], study, study))
    for number in (1, 2):
        series = f"{uid}.{number}"
        index.execute("INSERT INTO series(series_uid, study_uid, modality, description, reason)"
                      " VALUES(?,?,'CT','','no rule matches')", (series, uid))
        index.executemany(
            "INSERT INTO instance(sop_uid, sop_class_uid, study_uid, series_uid, transfer_syntax, sha256, path,"
            " size, calling_ae, peer, received_ms, tags) VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
            ((f"{series}.{n}", "1.2.840.10008.5.1.4.1.1.2", uid, series, "1.2.840.10008.1.2.1", f"{study:050d}{number}{n:013d}",
              "objects/none.dcm", 526000, "SCANNER", "", study,
              json.dumps({**tags, "SeriesInstanceUID": series, "SOPInstanceUID": f"{series}.{n}", "InstanceNumber": str(n)}))
             for n in range(1, 201)))
        made += 200
    if study % 250 == 0:
        index.commit()
index.commit()
print(f"{made} instances in {study} studies")
