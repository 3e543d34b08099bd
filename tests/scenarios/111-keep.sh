#!/bin/bash
# Goal: what is stored stays whole, or is put aside with a sentence and healed when it comes again; of
# one UID with other bytes both are kept and one counts; what is over its retention goes, also beside
# kills, and nothing that is held, undelivered or unproven ever does.
. "$(dirname "$0")/lib.sh"
scenario_begin "checks, duplicates, retention and holds"
need_program dcmsend storescp getscu
storescp_start ARCHIVE
AWAY_PORT=$(free_port)
peer_yaml archive ARCHIVE "$STORESCP_PORT" "echo"
peer_yaml away AWAY "$AWAY_PORT" "echo"
peer_yaml getter GETSCU 0 "echo, store, find, get"
DELIVER_TO="archive, away" QUIET_S=4
KEEP_YAML=1
configure() { # first|last
    node_config | sed -e 's/^  min_free_mib.*/&\n  scrub_mib_s: 256\n  scrub_days: 0/' \
        -e "s/^  quiet_s.*/&\n  duplicates: $1/" -e 's/^    analysis: default/&\n    retention_days: 1/' \
        > "$WORK/tumord.yaml"
}
configure first
node_start
status() { ctl --json status | $PYTHON -c 'import json, sys; print(eval("s" + sys.argv[1], {"s": json.load(sys.stdin)}))' "$1"; }
damaged() { [ "$(status '["files"]["damaged"]')" = "$1" ]; }
why() { ctl why "$study" | grep -q -- "$1"; }
objects() { find "$NODE_DIR/objects" -name '*.dcm' | sort; }
sql() { $PYTHON -c 'import sqlite3, sys; d = sqlite3.connect(sys.argv[1] + "/index.db", timeout=10); d.execute(sys.argv[2]); d.commit()' "$NODE_DIR" "$1"; }

phantom "$WORK/ct" --modality CT --seed 7 --lesions 1
study=$(study_uid "$WORK/ct") slices=$(find "$WORK/ct" -type f | wc -l)
check "a study is sent" send "$WORK/ct"
wait_for 10 eval '[ "$(objects | wc -l)" = "$slices" ]'

# Damage of each kind, before the analysis.
one=$(objects | sed -n 1p) two=$(objects | sed -n 2p) three=$(objects | sed -n 3p)
printf 'X' | dd of="$one" bs=1 seek=3000 conv=notrunc status=none
truncate --size=2000 "$two"
rm "$three"
wait_for 20 damaged 3 && pass "three damaged files are found" || fail "of three damaged files $(status '["files"]["damaged"]') are found"
check "the status names them with what it found" eval 'ctl status | grep -q "its bytes are not those" && ctl status | grep -q "it has 2000 bytes" && ctl status | grep -q "missing"'
check_log "the log does" 'file is damaged path=objects/.*its bytes are not those'
check "the damaged file is put aside" [ ! -e "$one" -a -e "$one.damaged" ]
wait_for 30 why 'cannot be opened' && pass "it is not analysed, and why says so" || fail "why does not say it: $(ctl why "$study")"
mkdir "$WORK/got"
getscu -S -aet GETSCU -aec "$NODE_AE" -od "$WORK/got" 127.0.0.1 "$NODE_PORT" -k 0008,0052=STUDY -k 0020,000D="$study" > "$WORK/get.log" 2>&1
check_same "it is not served" "$((slices - 3))" "$(find "$WORK/got" -type f | wc -l)"
check "the same bytes are sent again" send "$WORK/ct"
wait_for 20 damaged 0 && pass "that heals it" || fail "it is not healed"
delivered_to_archive() { [ "$(find "$WORK/ARCHIVE" -type f | wc -l)" -ge 2 ]; }
wait_for 60 delivered_to_archive && wait_decided 20 && pass "and it is analysed" || fail "it is not analysed: $(ctl why "$study")"

# Duplicates.
$PYTHON - "$WORK/ct" "$WORK/other.dcm" <<'END'
import os, sys, pydicom
image = pydicom.dcmread(os.path.join(sys.argv[1], sorted(os.listdir(sys.argv[1]))[0]))
image.PatientName = "Somebody^Else"
image.PixelData = bytes(len(image.PixelData))
image.save_as(sys.argv[2])
END
check "one UID comes with other bytes" send "$WORK/other.dcm"
wait_decided 30
check_same "both are kept" "$((slices + 1))" "$(objects | wc -l)"
check "the difference is told by name" why 'other bytes of UID .*not alike: PatientName.*: kept, does not count'
jobs() { ctl --json status | $PYTHON -c 'import json, sys; print(sum(json.load(sys.stdin)["jobs"].values()))'; }
check_same "the first counts: nothing is analysed again" 1 "$(jobs)"
configure last && kill -HUP "$NODE_PID"
wait_for 10 why 'not alike: PatientName.*: counts' && pass "by configuration the last counts" || fail "the last does not count"
wait_for 40 eval '[ "$(jobs)" = 2 ]' && wait_decided 60 && pass "and is analysed" || fail "it is not analysed"

# Retention: over, but not delivered to the peer that is away.
old="UPDATE study SET last_ms = last_ms - 2 * 86400000"
sql "$old"
sleep 3
check "what is not delivered stays" why .
check "it is held" ctl hold "$study"
mkdir -p "$WORK/AWAY"
storescp --fork --bit-preserving --promiscuous --aetitle AWAY --output-directory "$WORK/AWAY" "$AWAY_PORT" > "$WORK/AWAY.log" 2>&1 &
STARTED+=($!)
wait_delivered 90 && pass "the other peer is there and has it" || fail "it is not delivered"
sql "$old"
sleep 3
check "what is held stays" why 'The study is held'
node_stop
check "the index is made anew from the files" "$TUMORD" --config="$NODE_YAML" --rebuild
node_start
wait_delivered 90
sql "$old"
sleep 3
check "and the hold came back with it" why 'The study is held'

# It goes, while roles are killed.
check "it is released" ctl release "$study"
for _ in 1 2 3 4 5; do
    pid=$(node_role_pid scheduler) && kill -KILL "$pid"
    sleep 0.3
done
empty() { [ -z "$(objects)" ] && [ -z "$(find "$NODE_DIR/results" -type f)" ]; }
wait_for 40 empty && pass "what is over its time and delivered is removed" || fail "it is still there"
check_same "the index has nothing of it" 0 "$(status '["instances"]')"
kill -KILL $NODE_PID $(node_children) && wait "$NODE_PID" 2>/dev/null
sleep 0.5
node_start
sleep 3
check_same "a replayed journal does not bring it back" "0 0" "$(status '["instances"]') $(objects | wc -l)"
check "but a sender does" send "$WORK/ct"
wait_for 20 eval '[ "$(objects | wc -l)" = "$slices" ]' && pass "all of it" || fail "$(objects | wc -l) of $slices"
sleep 3
check_same "and it stays" "$slices $slices" "$(status '["instances"]') $(objects | wc -l)"
node_stop
check "files and index agree" "$TUMORD" --config="$NODE_YAML" --fsck
scenario_end
