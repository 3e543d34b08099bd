#!/bin/bash
# Goal: with little space left the node takes nothing more and says so, loses nothing of what it
# has, and goes on by itself when there is room; a peer's own limit holds for it alone.
# Alone: it fills a disk and measures rates.
. "$(dirname "$0")/lib.sh"
scenario_begin "a full disk, and a peer's own limits"
need_program dcmsend storescu
peer_yaml greedy GREEDY 0 "echo, store" && PEERS="$PEERS    max_associations: 1
"
peer_yaml slow SLOW 0 "echo, store" && PEERS="$PEERS    max_mib_s: 1
"
node_start
phantom "$WORK/ct" --modality CT --seed 5 --lesions 1
one=$(find "$WORK/ct" -type f | head -n 1) two=$(find "$WORK/ct" -type f | tail -n 1)
check "with room a file is taken" send "$one"

set_free() { # MIB: as an administrator changes it
    MIN_FREE_MIB=$1
    node_config > "$NODE_YAML"
    kill -HUP "$NODE_PID"
}
dimse() { $PYTHON "$SCENARIO_SOURCE/tests/scenarios/dimse.py" "$@"; }
(DIMSE_WAIT=3 dimse store "$NODE_PORT" "$two" > "$WORK/running.log") &
running=$!
sleep 0.5
set_free 1000000                # more than this disk has
refused() { ! storescu -v -aec "$NODE_AE" 127.0.0.1 "$NODE_PORT" "$two" > "$WORK/store.log" 2>&1; }
check_log "the node has read it" "reloaded peers"
sleep 1.2                       # it looks at the disk once a second
check "a new association is refused" refused
check "as temporary congestion" grep -q -i 'congestion' "$WORK/store.log"
check "C-ECHO is answered" echoscu -aec "$NODE_AE" 127.0.0.1 "$NODE_PORT"
check_log "the log says why" 'the disk is nearly full'
wait "$running"
check "a C-STORE that was on its way is answered with A700" grep -q 'status a700' "$WORK/running.log"
check_same "what was there is there" 1 "$(find "$NODE_DIR/objects" -name '*.dcm' | wc -l)"
set_free 16
check "with room again it is taken" wait_for 5 send "$two"
check_log "and the log says so" 'the disk has room again'

# One association of this peer at a time; others are not touched.
(DIMSE_WAIT=4 dimse store "$NODE_PORT" "$one" GREEDY > "$WORK/greedy.log") &
greedy=$!
sleep 0.7
check_same "a second association of it is rejected" rejected \
    "$(dimse store "$NODE_PORT" "$two" GREEDY | cut -d ' ' -f 1)"
check_same "another peer's is not" "status 0000" "$(dimse store "$NODE_PORT" "$two" OTHER | cut -d ' ' -f 1,2)"
wait "$greedy"
check "its first one is served" grep -q 'status 0000' "$WORK/greedy.log"
check_same "and then its next" "status 0000" "$(dimse store "$NODE_PORT" "$two" GREEDY | cut -d ' ' -f 1,2)"

# A rate of one peer: 6 MiB take it 5 s at least, and nobody else waits.
phantom "$WORK/large" --modality CT --seed 8 --lesions 0 --size 512,512,12
began=$(now_ms)
AET=SLOW send "$WORK/large" > "$WORK/slow.log" 2>&1 &
slow=$!
sleep 0.5
check "C-ECHO of another peer is answered within 1 s" within 1 echoscu -aec "$NODE_AE" 127.0.0.1 "$NODE_PORT"
check "another peer's file is taken within 1 s" within 1 storescu -aet OTHER -aec "$NODE_AE" 127.0.0.1 "$NODE_PORT" "$two"
check "meanwhile the slow one still sends" kill -0 "$slow"
wait "$slow" && pass "all of it is taken" || fail "it was not taken: $(tail -n 3 "$WORK/slow.log")"
took=$(($(now_ms) - began))
[ "$took" -ge 4500 ] && pass "not faster than its rate" || fail "6 MiB at 1 MiB/s came in $took ms"
scenario_end
