#!/bin/bash
# The kernels beside numpy, scipy and scikit-image on the same voxels, in one run: 300 slices of
# 512 × 512, two threads, the least of five runs (of PEER_REPEATS for the peers, which take minutes).
# The floors: 20 times as fast for the distance transform and closing, 5 times for the others, and
# windowing at 70 % of the bytes a second that memcpy reads and writes on the same threads.
set -e
build=${TUMORD_BUILD:-.}
source=$(dirname "${BASH_SOURCE[0]}")
slices=${BENCH_SLICES:-300} edge=${BENCH_EDGE:-512} threads=${BENCH_THREADS:-2}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$build/bench/bench_kernels" "$work" "$threads" "$slices" "$edge" 5 > "$work/ours"
if /usr/bin/python3 -c 'import numpy, scipy, skimage' 2> "$work/errors"; then
    "$source/peer_kernels.py" "$work" "$slices" "$edge" "${PEER_REPEATS:-1}" > "$work/peers"
else
    echo "  SKIP  numpy, scipy or scikit-image is not here: no figures beside"
    : > "$work/peers"
fi
printf '  %s x %s x %s, %s threads\n' "$edge" "$edge" "$slices" "$threads"
awk -v voxels=$((slices * edge * edge)) '
    BEGIN { printf "  %-14s %9s %9s %8s %7s   %s\n", "kernel", "ours s", "peer s", "ratio", "floor", "results" }
    NR == FNR { peer[$1] = $2; result[$1] = $3; next }
    $1 == "memcpy" { bytes = $3 / $2; printf "  %-14s %9.4f %9s %8.1f GB/s\n", $1, $2, "", bytes * 1e-9; next }
    {
        floor = $1 == "distance" || $1 ~ /^close/ ? 20 : 5
        if ($1 in peer)
            printf "  %-14s %9.4f %9.3f %7.1fx %6dx%s  %s %s\n", $1, $2, peer[$1], peer[$1] / $2, floor,
                peer[$1] / $2 < floor ? " !" : "  ", $3, result[$1]
        else
            printf "  %-14s %9.4f\n", $1, $2
        if ($1 == "window")
            printf "  %-14s %28.0f%% of memcpy, 70%%%s\n", "", 3 * voxels / $2 / bytes * 100,
                3 * voxels / $2 < 0.7 * bytes ? " !" : ""
    }' "$work/peers" "$work/ours"
