#!/bin/bash
# Goal: a study comes three times at once, and one over four associations: each instance once, one analysis.
# One breaks off in the middle. Then workers, senders and other roles that do not receive are killed in turn (ROLE_KILLS; 100 in make soak)
# while 16 associations send: none of them breaks.
. "$(dirname "$0")/lib.sh"
ROLE_KILLS=${ROLE_KILLS:-8}
scenario_begin "the same three times, one over four associations, roles killed beside 16 senders"
need_program dcmsend
QUIET_S=6
node_start
phantom "$WORK/ct" --modality CT --seed 5 --lesions 2
phantom "$WORK/pt" --modality PT --seed 6 --lesions 1
slices=$(find "$WORK/ct" -type f | wc -l) more=$(find "$WORK/pt" -type f | wc -l)

# all PID…: every one of them ended well.
all() { local pid good=0; for pid; do wait "$pid" || good=1; done; return $good; }
jobs() { ctl --json status | $PYTHON -c 'import json, sys; print(sum(json.load(sys.stdin)["jobs"].values()))'; }

for _ in 1 2 3; do send "$WORK/ct" > /dev/null & pids[$_]=$!; done
all "${pids[@]}" && pass "a study is sent three times at once, all are acknowledged" || fail "a sender failed"
wait_decided 60 && pass "it is analysed" || fail "it is not analysed after 60 s"
check_same "each instance is in the index once" "$slices" "$(index count)"
check_same "and in the store once" "$slices" "$(find "$NODE_DIR/objects" -name '*.dcm' | wc -l)"
check_same "it was analysed once" 1 "$(jobs)"
check "there is one result" index one_result

part=0
for file in $(find "$WORK/pt" -type f | sort -R --random-source="$TUMORD"); do
    mkdir -p "$WORK/part-$((part % 4))" && cp "$file" "$WORK/part-$((part % 4))" && part=$((part + 1))
done
for part in 0 1 2 3; do send "$WORK/part-$part" > /dev/null & pids[$part]=$!; done
all "${pids[@]}" && pass "a series is sent over four associations at once" || fail "a sender failed"
wait_decided 60 && pass "it is analysed" || fail "it is not analysed after 60 s"
check_same "each instance is in the index once" "$((slices + more))" "$(index count)"
check_same "it was analysed once" 2 "$(jobs)"
check "each study has one result" index one_result

# An association breaks off in the middle: what was acknowledged stays, and each of its studies is partial.
phantom "$WORK/mr" --modality MR --seed 7 --lesions 1
phantom "$WORK/other" --modality MR --seed 8 --lesions 0 --size 64,64,2
mr=$(study_uid "$WORK/mr") other=$(study_uid "$WORK/other") whole=$(find "$WORK/mr" -type f | wc -l)
cp -r "$WORK/mr" "$WORK/both"
cp "$(find "$WORK/other" -type f | head -n 1)" "$WORK/both/0-first.dcm"
state() { ctl --json studies | $PYTHON -c 'import json, sys
print(*(s["state"] for s in json.load(sys.stdin) if s["study_uid"] == sys.argv[1]))' "${1:-$mr}"; }
partial() { [ "$(state "$@")" = partial ]; }
check_same "an association breaks off" "21 taken, then cut off" \
    "$($PYTHON "$SCENARIO_SOURCE/tests/scenarios/dimse.py" cut "$NODE_PORT" "$WORK/both" 21)"
wait_for 3 partial && pass "the study is marked partial" || fail "the study is '$(state)'"
check "and the one that came before it on that association" partial "$other"
kill -KILL "$(node_role_pid receiver)"
wait_for 10 node_ready
check "also after a kill of the receiver" partial
check_same "what was acknowledged is there" "$((slices + more + 21))" "$(index count)"
check "the scanner sends it anew" send "$WORK/mr"
wait_decided 60 && pass "it is analysed" || fail "it is not analysed after 60 s"
check_same "and complete" complete "$(state)"
check_same "with each instance once" "$((slices + more + 1 + whole))" "$(index count)"

phantom "$WORK/one" --modality CT --seed 1 --lesions 0 --size 64,64,4
one=$(find "$WORK/one" -type f | head -n 1)
each=$((20 * ROLE_KILLS))
$PYTHON "$SCENARIO_SOURCE/tests/scenarios/many.py" "$NODE_PORT" "$one" "$WORK/ledger" --associations 16 --each "$each" \
    --pause 0.1 > "$WORK/many.log" &
sender=$!
roles=(worker sender http pool scheduler)
killed=0
for ((round = 0; killed < ROLE_KILLS; round++)); do     # one that died often is away for 10 s
    sleep 0.2
    kill -0 "$sender" 2>/dev/null || break
    pid=$(node_role_pid "${roles[round % 5]}") && kill -KILL "$pid" && killed=$((killed + 1))
done
wait "$sender"
said=$(cat "$WORK/many.log")
check_same "$killed roles are killed, no association breaks" "acknowledged $((16 * each)) refused 0 broken 0" "${said% in *}"
check "all are there once, as they were sent" wait_for 30 \
    $PYTHON "$SCENARIO_SOURCE/tests/scenarios/many.py" "$NODE_PORT" "$one" "$WORK/ledger" --check "$NODE_DIR"
check_same "that many were killed" "$ROLE_KILLS" "$killed"
scenario_end
