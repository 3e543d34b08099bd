#!/bin/sh
# Runs the scenarios, or those whose numbers or names are given, and sums what they say.
# `make scenarios`, `make soak` and ./check call it.
#
# all.sh 020 kill: 020-*.sh and every one with 'kill' in its name.
#
# SCENARIO_JOBS (2) of them run at once, since most of their time is waiting; each is shown when it
# ends. One that measures, or brings the machine to its limits, says so in a line '# Alone: why'
# and runs when the others are over.
here=$(cd "$(dirname "$0")" && pwd)

# One scenario, as called below: its output goes to a file of its own, then out in one piece.
if [ "${1:-}" = --one ]; then
    logs=$2 scenario=$3
    own=$logs/$(basename "$scenario").log
    begun=$(date +%s)
    "$scenario" > "$own" 2>&1
    # Each ends with its count; one that did not get there failed.
    grep -q -E '^[0-9]+ passed, [0-9]+ failed, ' "$own" ||
        echo "0 passed, 1 failed, 0 skipped (no end)" >> "$own"
    flock "$logs/lock" sh -c 'cat "$1"; echo "$2: $3 s"; echo' \
        sh "$own" "$(basename "$scenario")" $(($(date +%s) - begun))
    exit 0
fi

logs=$(mktemp -d "${TMPDIR:-/tmp}/scenarios.XXXXXX")
trap 'rm -rf "$logs"' EXIT
trap 'exit 130' INT TERM

chosen() {
    name=$(basename "$1" .sh)
    shift
    [ $# -gt 0 ] || return 0
    for pattern; do
        case $name in *"$pattern"*) return 0 ;; esac
    done
    return 1
}

for scenario in "$here"/[0-9]*.sh; do
    chosen "$scenario" "$@" || continue
    if grep -q '^# Alone: ' "$scenario"; then list=alone; else list=beside; fi
    printf '%s\n' "$scenario" >> "$logs/$list"
done
touch "$logs/alone" "$logs/beside"
xargs -r -d '\n' -n 1 -P "${SCENARIO_JOBS:-2}" "$0" --one "$logs" < "$logs/beside"
xargs -r -d '\n' -n 1 "$0" --one "$logs" < "$logs/alone"
cat "$logs"/*.log | sed -n -E 's/^([0-9]+ passed, [0-9]+ failed, [0-9]+ skipped).*/\1/p' |
    awk '{ p += $1; f += $3; s += $5 }
         END { printf "scenarios: %d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 || NR == 0 }'
