#!/bin/bash
# Goal: instances a second over 1, 8 and 32 associations at once, of CT slices of 512 × 512, beside storescp
# and Orthanc in one run. The senders are the same for all (bench_send, which costs next to nothing); tumord answers when the instance is durable, Orthanc when its file is, storescp without a sync.
# The bar: 3 × Orthanc each.
. "$(dirname "${BASH_SOURCE[0]}")/../tests/scenarios/lib.sh"
scenario_begin "receive speed over several associations"
need_program Orthanc storescp
phantom "$WORK/ct" --modality CT --seed 1 --lesions 0 --size 512,512,2 || scenario_end
file=$(find "$WORK/ct" -type f | head -n 1)
storescp_start STORESCP
orthanc_start
node_start
TOTAL=${TOTAL:-320}
rate() { # PORT AE ASSOCIATIONS
    "$BUILD/bench/bench_send" "$1" "$2" "$file" "$3" $((TOTAL / $3)) |
        sed -n 's/^acknowledged \([0-9]*\) of \1 .* \([0-9]*\)\/s$/\2/p'
}
for count in 1 8 32; do
    ours=$(rate "$NODE_PORT" "$NODE_AE" $count) theirs=$(rate "$ORTHANC_PORT" ORTHANC $count)
    plain=$(rate "$STORESCP_PORT" STORESCP $count)
    echo "  $count associations: tumord ${ours:-none} /s, Orthanc ${theirs:-none} /s, storescp ${plain:-none} /s"
    [ "${ours:-0}" -ge $((3 * ${theirs:-100000})) ] && pass "at least 3 × Orthanc" || fail "less than 3 × Orthanc"
done
scenario_end
