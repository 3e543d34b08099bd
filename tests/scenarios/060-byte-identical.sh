#!/bin/bash
# Goal: a result is a pure function of its input: the same study in two nodes gives the same
# objects byte for byte when the job's row is the same, and sending it again, or asking for
# the results again, changes no byte.
. "$(dirname "$0")/lib.sh"
scenario_begin "the same input gives the same bytes"
need_program dcmsend storescp
storescp_start ARCHIVE
peer_yaml archive ARCHIVE "$STORESCP_PORT"
DELIVER_TO=archive QUIET_S=2
phantom "$WORK/ct" --modality CT --seed 5 --lesions 3
node_start
uid=$(study_uid "$WORK/ct")

check "the study is sent" send "$WORK/ct"
wait_delivered 60 && pass "its results are at the peer" || fail "no results after 60 s"
results() { (cd "$NODE_DIR/results" && find . -type f -name '*.dcm' -exec sha256sum {} + | sort -k 2); }
held() { (cd "$WORK/ARCHIVE" && find . -type f -exec sha256sum {} + | sort -k 2); }
results > "$WORK/results-1"
held > "$WORK/held-1"
[ -s "$WORK/results-1" ] && pass "$(wc -l < "$WORK/results-1") objects" || fail "no objects"

check "the same study is sent once more" send "$WORK/ct"
sleep $((QUIET_S + 1))
wait_delivered 60
results > "$WORK/results-2"
check "the results are the same bytes" cmp "$WORK/results-1" "$WORK/results-2"

rm -f "$WORK"/ARCHIVE/*
check "tumorctl resend" ctl resend "$uid"
wait_for 30 eval '[ $(find "$WORK/ARCHIVE" -type f | wc -l) -ge $(wc -l < "$WORK/held-1") ]'
wait_delivered 30
held > "$WORK/held-2"
check "what was sent again is the same bytes" cmp "$WORK/held-1" "$WORK/held-2"

# The job runs once more, from its row: a fresh worker, the same bytes.
rm -rf "$WORK/kept" && cp -r "$NODE_DIR/results" "$WORK/kept"
node_stop
$PYTHON - "$NODE_DIR" <<'END'
import sqlite3, sys
index = sqlite3.connect(sys.argv[1] + "/index.db")
index.execute("DELETE FROM delivery")
index.execute("DELETE FROM object")
index.execute("UPDATE job SET state = 0, findings = '', reason = ''")
index.execute("UPDATE series SET reason = ''")
index.commit()
END
rm -rf "$NODE_DIR"/results/*
node_start
wait_delivered 60 && pass "the job ran a second time" || fail "the job did not run a second time"
results > "$WORK/results-3"
check "the second run gave the same bytes" cmp "$WORK/results-1" "$WORK/results-3"
scenario_end
