#!/bin/bash
# Goal: over 500 hostile data sets, made by hand in ten groups, and the malformed files of the real data: each
# is stored or refused with its status within a second, what was acknowledged is there as it was sent, every
# study ends with its reason, nothing that serves dies or grows, no file goes where a UID points; C-ECHO is answered throughout.
. "$(dirname "$0")/lib.sh"
scenario_begin "over 500 hostile files"
hostile() { $PYTHON "$SCENARIO_SOURCE/tests/scenarios/hostile_files.py" "$@"; }
resident() { awk '/VmRSS/ { print int($2 / 1024) }' "/proc/$(node_role_pid receiver)/status"; }
serving() { for role in receiver scheduler sender http; do node_role_pid $role; done | xargs; }
QUIET_S=3
node_start
before=$(resident) roles=$(serving)
mapfile -t more < <([ -d "$DATA/dicom/malformed" ] && find "$DATA/dicom/malformed" -type f | sort)
[ ${#more[@]} -gt 0 ] || skip "the malformed files of the real data are not here"

hostile send "$NODE_PORT" "$WORK/ledger" "${more[@]}" > "$WORK/sent" &&
    pass "each of $(($(hostile list | wc -l) + ${#more[@]})) is answered within 1 s, as its table says" ||
    fail "not each is answered within 1 s, as its table says"
tail -n 12 "$WORK/sent" | sed 's/^/        /'
hostile files "$WORK/heads"
within 60 "$TUMORCTL" --socket="$NODE_DIR/run/tumord.sock" import "$WORK/heads" > "$WORK/import.log" 2>&1
status=$?
heads=$(find "$WORK/heads" -type f | wc -l)
[ $status -eq 1 ] && pass "an import of $heads hostile heads ends, and says what it did not take" ||
    fail "the import of hostile heads ends with $status"
for name in no-magic no-meta no-syntax cut empty; do
    check "it names $name.dcm" grep -q "$name.dcm" "$WORK/import.log"
done
check "C-ECHO is answered within 1 s" within 1 echoscu -aec "$NODE_AE" 127.0.0.1 "$NODE_PORT"

wait_decided 120 && pass "every series has its reason" || fail "something is open after 120 s"
check "what was acknowledged is there once, as it was sent" wait_for 20 \
    $PYTHON "$SCENARIO_SOURCE/tests/scenarios/many.py" 0 - "$WORK/ledger" --check "$NODE_DIR"
check_same "no serving role died" "$roles" "$(serving)"
after=$(resident)
[ $((after - before)) -lt 64 ] && pass "the receiver grew by $((after - before)) MiB" || fail "the receiver grew by $((after - before)) MiB"
check "no file has a name that a hostile UID asked for" eval 'ls -A "${TMPDIR:-/tmp}" / | grep escaped && exit 1; [ -z "$(find "$WORK" -name "*escaped*")" ]'
check_same "no name in the store is anything but a digest" "" \
    "$(find "$NODE_DIR/objects" "$NODE_DIR/results" -type f ! -regex '.*/objects/[0-9a-f][0-9a-f]/[0-9a-f]*\.\(dcm\|json\)' \
        ! -regex '.*/results/[0-9]*/[a-z0-9.-]*' | head -n 3)"
check_same "the log has one line an event, and no control characters" 0 \
    "$(grep -v -c '^tumord [a-z]*' "$NODE_LOG")$(LC_ALL=C grep -c -P '[\x00-\x08\x0b-\x1f\x7f]' "$NODE_LOG" | sed 's/^0$//')"
scenario_end
