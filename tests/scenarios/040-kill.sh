#!/bin/bash
# Goal: kill -9 of any role at random times, while 300 slices are sent and analysed, loses
# nothing that was acknowledged, makes no second result, and leaves each object once at each
# peer. Each round is a new study on the same node.
#
# KILL_ROUNDS (3; make soak: 20), KILL_SEED for the same dice again, KILL_SLICES (300).
# Alone: its kills come at random times under load.
. "$(dirname "$0")/lib.sh"
rounds=${KILL_ROUNDS:-3}
slices=${KILL_SLICES:-300}
RANDOM=${KILL_SEED:-$(date +%s)}
seed=$RANDOM
RANDOM=$seed
scenario_begin "kill -9 of any role at any time, $rounds rounds, KILL_SEED=$seed"
need_program Orthanc storescp storescu
orthanc_start
storescp_start ARCHIVE
peer_yaml pacs ORTHANC "$ORTHANC_PORT"
peer_yaml archive ARCHIVE "$STORESCP_PORT"
DELIVER_TO="pacs, archive" QUIET_S=2
node_start

roles=(receiver scheduler worker sender http)

# kill_at_random: until the file $WORK/stop is there; one line a kill in $WORK/kills.
kill_at_random() {
    local role pid
    until [ -e "$WORK/stop" ]; do
        sleep "$((RANDOM % 2)).$((RANDOM % 10))"
        role=${roles[RANDOM % ${#roles[@]}]}
        pid=$(node_role_pid "$role") && kill -KILL "$pid" 2>/dev/null && echo "$role" >> "$WORK/kills"
    done
}

for ((round = 1; round <= rounds; round++)); do
    phantom "$WORK/study-$round" --modality CT --seed "$round" --lesions 2 \
        --size "96,96,$slices" --spacing 2,2,2 || { fail "no phantom"; scenario_end; }
    rm -f "$WORK/stop"
    kill_at_random &
    killer=$!
    $PYTHON "$SCENARIO_SOURCE/tests/scenarios/ledger.py" "$WORK/ledger-$round" "$NODE_PORT" \
        "$NODE_AE" "$WORK/study-$round" 180 > "$WORK/sent-$round" 2>&1 &&
        pass "round $round: everything was acknowledged in the end: $(tail -n 1 "$WORK/sent-$round")" ||
        fail "round $round: not everything was acknowledged: $(tail -n 1 "$WORK/sent-$round")"
    # The analysis and the deliveries are hit as well: quiet time and some seconds more.
    sleep 6
    touch "$WORK/stop"
    wait "$killer"
    wait_delivered 120 && pass "round $round: every series has its reason, the outbox is empty" ||
        fail "round $round: something is still open after 120 s"
done
echo "        killed: $(sort "$WORK/kills" | uniq -c | tr -s ' \n' ' ')"
echo "        $(index attempts)"

check "the parent never died" kill -0 "$NODE_PID"
cat "$WORK"/ledger-* > "$WORK/ledger"
check "each of $(wc -l < "$WORK/ledger") acknowledged instances is in store and index" \
    index acknowledged "$WORK/ledger"
check "each study has exactly one current result" index one_result
check_same "every study was analysed" "$rounds" "$(index analysed)"

# once PEER: each object is there once, with the bytes of the store.
once() {
    $PYTHON "$SCENARIO_SOURCE/tests/scenarios/held.py" "$NODE_DIR" "$1"
}
check "Orthanc holds each object once, same bytes" once "$ORTHANC_URL"
check "storescp holds each object once, same bytes" once "$WORK/ARCHIVE"
echo "        sends that storescp saw: $(find "$WORK/ARCHIVE" -type f | wc -l) files kept"
scenario_end
