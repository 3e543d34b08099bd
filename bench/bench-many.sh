#!/bin/bash
# Goal: instances a second over 1, 8 and 32 associations at once, of CT slices of 512 × 512, beside storescp
# and Orthanc in one run: with stock storescu, as scanners send, and with bench_send (TCP_NODELAY, PDUs of
# 128 KiB), which costs next to nothing. tumord answers when the instance is durable, Orthanc when its file
# is, storescp without a sync. The bar: 3 × Orthanc each.
#
# A file system without a journal avoids inodes that were freed within minutes: not after another bench.
. "$(dirname "${BASH_SOURCE[0]}")/../tests/scenarios/lib.sh"
scenario_begin "receive speed over several associations"
need_program Orthanc storescp storescu
phantom "$WORK/ct" --modality CT --seed 1 --lesions 0 --size 512,512,2 || scenario_end
file=$(find "$WORK/ct" -type f | head -n 1)
storescp_start STORESCP
orthanc_start
QUIET_S=600                         # nothing is analysed meanwhile
node_start
EACH=${EACH:-200}                   # instances an association; all of it takes 26 GB of disk
LEAST=${LEAST:-400}                 # and this many in all: a first few are no speed

settle() { sync; sleep 1; }           # nobody pays for what the one before left unwritten

bare() { # PORT AE ASSOCIATIONS
    settle
    "$BUILD/bench/bench_send" "$1" "$2" "$file" "$3" "$each" |
        sed -n 's/^acknowledged \([0-9]*\) of \1 .* \([0-9]*\)\/s$/\2/p'
}
stock() { # PORT AE ASSOCIATIONS: with UIDs that storescu invents
    local began pid pids=() bad=0
    settle
    began=$(now_ms)
    for _ in $(seq "$3"); do
        storescu +IR "$each" --repeat "$each" -aec "$2" 127.0.0.1 "$1" "$file" > "$WORK/stock.log" 2>&1 &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || bad=1; done
    [ $bad -eq 0 ] && echo $((each * $3 * 1000 / ($(now_ms) - began)))
}
for sender in ${SENDERS:-stock bare}; do
    for count in ${COUNTS:-1 8 32}; do
        each=$((EACH * count < LEAST ? LEAST / count : EACH))
        ours=$($sender "$NODE_PORT" "$NODE_AE" $count) theirs=$($sender "$ORTHANC_PORT" ORTHANC $count)
        plain=$($sender "$STORESCP_PORT" STORESCP $count)
        printf '  %s sender, %2d associations: tumord %s /s, Orthanc %s /s, storescp %s /s\n' "$sender" "$count" \
            "${ours:-none}" "${theirs:-none}" "${plain:-none}"
        [ "${ours:-0}" -ge $((3 * ${theirs:-100000})) ] && pass "at least 3 × Orthanc" || fail "less than 3 × Orthanc"
    done
done
scenario_end
