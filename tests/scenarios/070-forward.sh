#!/bin/bash
# Goal: forward_to passes the originals on unchanged, through the same outbox; a destination
# that is dead, and one that accepts and says nothing, delay no other.
. "$(dirname "$0")/lib.sh"
scenario_begin "originals are forwarded unchanged, dead destinations delay nobody"
need_program dcmsend storescp
storescp_start ARCHIVE
archive=$STORESCP_PORT
peer_yaml archive ARCHIVE "$archive"
peer_yaml dead DEAD "$(free_port)"
silent=$(free_port)
$PYTHON -c "
import socket, time
s = socket.create_server(('127.0.0.1', $silent)); held = []
while True: held.append(s.accept())
" & STARTED+=($!)
peer_yaml silent SILENT "$silent"
DELIVER_TO="silent, dead, archive" FORWARD_TO="dead, silent, archive" QUIET_S=2
node_start
phantom "$WORK/ct" --modality CT --seed 6 --lesions 2
count=$(find "$WORK/ct" -type f | wc -l)
check "the study is sent" send "$WORK/ct"

arrived() { [ "$(find "$WORK/ARCHIVE" -type f | wc -l)" -ge "$1" ]; }
begun=$(now_ms)
wait_for 30 arrived $((count + 3)) &&
    pass "originals and results are at the living peer $((($(now_ms) - begun) / 1000)) s later" ||
    fail "$(find "$WORK/ARCHIVE" -type f | wc -l) of $((count + 3)) objects after 30 s"
cat > "$WORK/same.py" <<'END'
import os, sys
sys.path.insert(0, sys.argv[1])
from index import data_set
from read_back import from_folder
sent, kept = from_folder(sys.argv[2])[0], from_folder(sys.argv[3])[0]
read = lambda places: data_set(open(places[0], "rb").read())
wrong = [uid for uid in sent if uid not in kept or read(sent[uid]) != read(kept[uid])]
print(len(sent), "sent,", len(wrong), "missing or changed")
sys.exit(1 if wrong or not sent else 0)
END
check "each original's data set is unchanged" $PYTHON "$WORK/same.py" "$SCENARIO_SOURCE/tests/scenarios" "$WORK/ct" "$WORK/ARCHIVE"
check_log "the dead one is told" 'peer not reached peer=DEAD|DEAD.*(refused|not reached)'
check "the node answers" echoscu -aec "$NODE_AE" 127.0.0.1 "$NODE_PORT"
scenario_end
