#!/usr/bin/python3
"""held.py NODE_DIR PEER: the peer (Orthanc's URL, or a folder) holds each current result
object of the node exactly once, with the same data set, and none beside them of our making
that is not current or superseded."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from index import Index, data_set
from read_back import from_folder, from_orthanc

index = Index(sys.argv[1])
held, fetch = from_orthanc(sys.argv[2]) if sys.argv[2].startswith("http") else from_folder(sys.argv[2])
wrong = 0
objects = [(path, uid) for path, uid, _ in index.object_rows() if uid]
for path, uid in objects:
    places = held.get(uid, [])
    if len(places) != 1:
        print(f"{uid} is held {len(places)} times")
        wrong += 1
    elif data_set(fetch(places[0])) != data_set(open(path, "rb").read()):
        print(f"{uid} has other bytes at the peer")
        wrong += 1
ours = {uid for (uid,) in index.rows("SELECT sop_uid FROM object")}
strangers = set(held) - ours
for uid in strangers:
    print(f"{uid} is at the peer and not in our index")
print(f"{len(objects)} objects, {wrong} wrong, {len(strangers)} strangers")
sys.exit(1 if wrong or strangers or not objects else 0)
