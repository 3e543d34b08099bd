#!/bin/sh
# Runs the scenarios, or those whose numbers or names are given, one after the other, and
# sums what they say. `make scenarios`, `make soak` and ./check call it.
#
# all.sh 020 kill: 020-*.sh and every one with 'kill' in its name.
here=$(cd "$(dirname "$0")" && pwd)
status=0
log=$(mktemp "${TMPDIR:-/tmp}/scenarios.XXXXXX")
trap 'rm -f "$log"' EXIT
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
    begun=$(date +%s)
    : > "$log.one"
    "$scenario" 2>&1 | tee "$log.one"
    # Each ends with its count; one that did not get there failed.
    grep -q -E '^[0-9]+ passed, 0 failed, [0-9]+ skipped$' "$log.one" || status=1
    grep -q -E '^[0-9]+ passed, [0-9]+ failed, ' "$log.one" ||
        echo "0 passed, 1 failed, 0 skipped (no end)" >> "$log.one"
    sed -n -E 's/^([0-9]+ passed, [0-9]+ failed, [0-9]+ skipped).*/\1/p' "$log.one" >> "$log"
    echo "$(basename "$scenario"): $(($(date +%s) - begun)) s"
    echo
done
rm -f "$log.one"
awk '{ p += $1; f += $3; s += $5 }
     END { printf "scenarios: %d passed, %d failed, %d skipped\n", p, f, s }' "$log"
exit $status
