#!/usr/bin/python3
"""Reads a node's index beside the running node, for the scenarios: index.py NODE_DIR QUESTION …

The node's own answers come from tumorctl and the page; this is the independent look at what
is durable: index.db, opened read-only, and the files it names.

decided                 succeeds when there is a study, each is complete, each series has its
                        reason and no job is open
delivered               succeeds when in addition nothing waits in the outbox
reasons                 UID, modality, instances and reason of each series
count                   how many instances there are
analysed                how many series have a current job that is done
acknowledged LEDGER     each file of the ledger is in index and store: same data set, and the
                        digest that the index says
one_result              each analysed series has exactly one done job, each object's file has
                        its digest
objects [KIND]          path and SOP Instance UID of each current result object
findings SERIES         findings.json of the series' current job
seconds_to_outbox QUIET from the last C-STORE to the end of the last job, less the quiet time
deliveries PEER         how many deliveries to the peer are in which state
attempts                how often objects were sent, and how many there are
"""
import hashlib
import os
import sqlite3
import sys

STUDY_COMPLETE = 1
JOB_QUEUED, JOB_RUNNING, JOB_DONE = 0, 1, 2
DELIVERY_QUEUED, DELIVERY_SENDING, DELIVERY_ACKNOWLEDGED = 0, 1, 2


class Index:
    def __init__(self, folder):
        self.folder = folder
        self.database = sqlite3.connect(f"file:{folder}/index.db?mode=ro", uri=True, timeout=10)

    def rows(self, sql, *values):
        return self.database.execute(sql, values).fetchall()

    def one(self, sql, *values):
        return self.rows(sql, *values)[0][0]

    def decided(self):
        return self.one("SELECT count(*) FROM study") > 0 \
            and self.one("SELECT count(*) FROM study WHERE state <> ?", STUDY_COMPLETE) == 0 \
            and self.one("SELECT count(*) FROM series WHERE reason = ''") == 0 \
            and self.one("SELECT count(*) FROM job WHERE state IN (?, ?)", JOB_QUEUED, JOB_RUNNING) == 0

    def delivered(self):
        return self.decided() and self.one(
            "SELECT count(*) FROM delivery WHERE state IN (?, ?)", DELIVERY_QUEUED, DELIVERY_SENDING) == 0

    def reasons(self):
        for row in self.rows("SELECT s.series_uid, s.modality, count(i.id), s.reason FROM series s"
                             " LEFT JOIN instance i USING (series_uid) GROUP BY 1 ORDER BY 1"):
            print(*row, sep="\t")
        return True

    def count(self):
        print(self.one("SELECT count(*) FROM instance"))
        return True

    def analysed(self):
        print(self.one("SELECT count(*) FROM series s JOIN job j ON j.id = s.job WHERE j.state = ?", JOB_DONE))
        return True

    def acknowledged(self, ledger):
        from pydicom import dcmread
        kept = {}
        for uid, digest, path in self.rows("SELECT sop_uid, sha256, path FROM instance"):
            kept.setdefault(uid, []).append((digest, path))
        lost = set()
        for line in open(ledger, encoding="utf-8"):
            name = line.strip()
            uid = str(dcmread(name, specific_tags=["SOPInstanceUID"], stop_before_pixels=True).SOPInstanceUID)
            if not any(self.same(name, digest, path) for digest, path in kept.get(uid, [])):
                lost.add(name)
        for name in sorted(lost):
            print("acknowledged and lost:", name)
        return not lost

    def same(self, sent, digest, path):
        try:
            stored = open(os.path.join(self.folder, path), "rb").read()
        except OSError as error:
            print(error)
            return False
        return hashlib.sha256(stored).hexdigest() == digest \
            and data_set(stored) == data_set(open(sent, "rb").read())

    def one_result(self):
        ok = True
        for series, count in self.rows("SELECT series_uid, sum(state = ?) FROM job GROUP BY 1", JOB_DONE):
            if count != 1:
                print(f"series {series} has {count} current results")
                ok = False
        for path, uid, digest in self.object_rows():
            if hashlib.sha256(open(path, "rb").read()).hexdigest() != digest:
                print(f"{path} is not what the index says")
                ok = False
        return ok and self.one("SELECT count(*) FROM job WHERE state = ?", JOB_DONE) > 0

    def object_rows(self, kind=None):
        return [(os.path.join(self.folder, "results", str(job), name), uid, digest)
                for job, name, uid, digest, what in self.rows(
                    "SELECT job, name, o.sop_uid, o.sha256, o.kind FROM object o JOIN job j ON j.id = o.job"
                    " WHERE j.state = ? ORDER BY o.id", JOB_DONE) if kind in (None, what)]

    def objects(self, kind=None):
        for path, uid, _ in self.object_rows(kind):
            if uid:
                print(path, uid, sep="\t")
        return True

    def findings(self, series):
        print(self.one("SELECT j.findings FROM series s JOIN job j ON j.id = s.job WHERE s.series_uid = ?", series))
        return True

    def seconds_to_outbox(self, quiet_s):
        last = self.one("SELECT max(last_ms) FROM study")
        end = self.one("SELECT max(finished_ms) FROM job WHERE state = ?", JOB_DONE)
        print(f"{(end - last) / 1000 - float(quiet_s):.1f}" if end else "0")
        return bool(end)

    def deliveries(self, peer):
        names = ["queued", "sending", "acknowledged", "failed", "superseded", "committed", "seen"]
        print(", ".join(f"{count} {names[state]}" for state, count in self.rows(
            "SELECT state, count(*) FROM delivery WHERE peer = ? GROUP BY 1 ORDER BY 1", peer)))
        return True

    def attempts(self):
        count, attempts, acknowledged = self.rows(
            "SELECT count(*), coalesce(sum(attempts), 0), coalesce(sum(state = ?), 0) FROM delivery", DELIVERY_ACKNOWLEDGED)[0]
        print(f"deliveries={count} acknowledged={acknowledged} retries={attempts}")
        return True


def data_set(part10):
    """What follows the meta header; all of it when there is none."""
    if part10[128:132] != b"DICM":
        return part10
    # (0002,0000) UL 4: the group's length stands at 140 and counts from 144.
    return part10[144 + int.from_bytes(part10[140:144], "little"):]


if __name__ == "__main__":
    try:
        sys.exit(0 if getattr(Index(sys.argv[1]), sys.argv[2])(*sys.argv[3:]) else 1)
    except sqlite3.OperationalError as error:
        sys.exit(f"index.py: {error}")
