#!/bin/bash
# Goal: 64 associations at once, each sending its instances (EACH; 200 in make soak): none is lost or
# refused, the 65th is refused politely, the receiver's memory stays flat. Then 16 senders that try
# again, and kills of the receiver and of everything (KILLS; 50 in make soak): what was acknowledged
# is there once, byte by byte.
# Alone: it takes all the machine has.
. "$(dirname "$0")/lib.sh"
EACH=${EACH:-20} KILLS=${KILLS:-3}
scenario_begin "64 associations at once, and kills while 16 send"
KEEP_YAML=
node_start
phantom "$WORK/one" --modality CT --seed 1 --lesions 0 --size 64,64,4
receiver=$(node_role_pid receiver)
before=$(awk '/VmRSS/ { print int($2 / 1024) }' "/proc/$receiver/status")
many() { $PYTHON "$SCENARIO_SOURCE/tests/scenarios/many.py" "$NODE_PORT" "$(find "$WORK/one" -type f | head -n 1)" "$@"; }
said=$(many "$WORK/ledger" --associations 64 --each "$EACH" --extra)
check_same "each instance of 64 associations is acknowledged, the 65th association is rejected" \
    "acknowledged $((64 * EACH)) refused 0 broken 0 extra rejected" "${said% in *}"
echo "        $said"
after=$(awk '/VmRSS/ { print int($2 / 1024) }' "/proc/$receiver/status")
[ $((after - before)) -lt 64 ] && pass "the receiver grew by $((after - before)) MiB" ||
    fail "the receiver grew by $((after - before)) MiB"
arrived() { [ "$(index count)" -ge "$1" ]; }
wait_for 30 arrived $((64 * EACH))
check "every acknowledged instance is in store and index, as it was sent" many "$WORK/ledger" --check "$NODE_DIR"

rm -f "$WORK/ledger"
total=$((16 * 60 * KILLS))
many "$WORK/ledger" --associations 16 --each $((60 * KILLS)) --pause 0.02 --retry 60 > "$WORK/many.log" &
sender=$!
for round in $(seq "$KILLS"); do
    sleep 0.$((RANDOM % 9))
    kill -0 "$sender" 2>/dev/null || { fail "the senders were ready before kill $round"; break; }
    if [ $((round % 2)) -eq 0 ]; then
        kill -KILL "$NODE_PID" $(node_children)
        wait "$NODE_PID" 2>/dev/null
        node_start
    else
        kill -KILL "$(node_role_pid receiver)"
    fi
done 2>/dev/null
wait "$sender"
said=$(cat "$WORK/many.log")
check_same "after $KILLS kills every instance has been acknowledged" \
    "acknowledged $total refused 0 broken 0" "${said% in *}"
echo "        $said"
wait_for 30 arrived $((64 * EACH + total))
check "and is there once, as it was sent" many "$WORK/ledger" --check "$NODE_DIR"
scenario_end
