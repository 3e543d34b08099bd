#!/bin/bash
# A study from its last C-STORE to its objects in the outbox, less the quiet time: 300 CT
# slices of 512 × 512. The bars: under 10 s on two cores, the worker's peak under 1.5 GiB.
# Beside it the stages of a Python user (pydicom, numpy, scipy, scikit-image) on the same
# data, by peer_analysis.py of the shared folder (TUMORD_SHARED, default ../shared).
. "$(dirname "${BASH_SOURCE[0]}")/../tests/scenarios/lib.sh"
scenario_begin "from the last C-STORE to objects in the outbox"
shared=${TUMORD_SHARED:-$SCENARIO_SOURCE/../shared}
slices=${BENCH_SLICES:-300}

phantom "$WORK/ct" --modality CT --seed 1 --lesions 3 --size "512,512,$slices" || scenario_end
storescp_start ARCHIVE
peer_yaml archive ARCHIVE "$STORESCP_PORT"
DELIVER_TO=archive QUIET_S=5
node_start

# The worker's peak resident memory in MiB: the largest VmHWM of all workers there ever were.
watch_worker() {
    local pid peak=0 now
    while :; do
        for pid in $(node_children); do
            grep -q worker "/proc/$pid/comm" 2>/dev/null || tr '\0' ' ' < "/proc/$pid/cmdline" 2>/dev/null |
                grep -q -w worker || continue
            now=$(awk '/^VmHWM/ { print int($2 / 1024) }' "/proc/$pid/status" 2>/dev/null)
            [ "${now:-0}" -le "$peak" ] || { peak=$now; echo "$peak" > "$WORK/peak"; }
        done
        sleep 0.05
    done
}
watch_worker & STARTED+=($!)

TCP_NODELAY=1 storescu -pdu 131072 -aec "$NODE_AE" --scan-directories 127.0.0.1 "$NODE_PORT" "$WORK/ct" ||
    fail "the series was not sent"
wait_decided 180 || fail "no result after 180 s"
took=$(index seconds_to_outbox "$QUIET_S")
peak=$(cat "$WORK/peak" 2>/dev/null || echo 0)
printf '  tumord: %s s from the last C-STORE to the outbox, peak of the worker %s MiB\n' "$took" "$peak"
node_stop

awk -v t="$took" 'BEGIN { exit !(t > 0 && t < 10) }' && pass "under 10 s" || fail "$took s, the bar is 10 s"
[ "$peak" -gt 0 ] && [ "$peak" -lt 1536 ] && pass "under 1.5 GiB" || fail "$peak MiB, the bar is 1536 MiB"

if [ -r "$shared/bench/peer_analysis.py" ]; then
    $PYTHON "$shared/bench/peer_analysis.py" "$WORK/ct" | sed 's/^/  python  /'
else
    skip "peer_analysis.py is not here: no Python figures beside"
fi
scenario_end
