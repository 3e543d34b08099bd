#!/bin/bash
# Goal: bad input gets its one sentence (log, why, exit status), and the node goes on.
. "$(dirname "$0")/lib.sh"
scenario_begin "bad input gets one sentence, and the node goes on"
need_program dcmsend echoscu storescu
hostile() { $PYTHON "$SCENARIO_SOURCE/tests/scenarios/hostile.py" "$@"; }
dimse() { $PYTHON "$SCENARIO_SOURCE/tests/scenarios/dimse.py" "$@"; }
echo_in_1s() { within 1 echoscu -aec "$NODE_AE" 127.0.0.1 "$NODE_PORT"; }
QUIET_S=2
node_start
receiver=$(node_role_pid receiver)

# ---- nesting that ends dcmtk's servers
hostile nested "$WORK/nested.dcm" 20000
said=$(dimse store "$NODE_PORT" "$WORK/nested.dcm")
case $said in
"status 0000"*) fail "a data set nested 20,000 deep was taken: $said" ;;
status* | aborted*) pass "a data set nested 20,000 deep is refused: $said" ;;
*) fail "a data set nested 20,000 deep got no answer: $said" ;;
esac
check_log "and the log says so" 'receiver: .*(deep|nest|depth)'
said=$(dimse command "$NODE_PORT" 30000)
case $said in
aborted* | status*) pass "a command set nested 30,000 deep is refused: $said" ;;
*) fail "a command set nested 30,000 deep: $said" ;;
esac
check "C-ECHO is answered within 1 s" echo_in_1s
check_same "the receiver is still the same process" "$receiver" "$(node_role_pid receiver)"

# ---- connections that say nothing
hostile silent "$NODE_PORT" 200 15 > "$WORK/silent" 2>&1 &
STARTED+=($!)
wait_for 10 grep -q open "$WORK/silent" && pass "200 connections stand and say nothing" ||
    fail "200 connections could not be opened: $(tail -n 1 "$WORK/silent")"
for try in 1 2 3; do
    check "C-ECHO is answered within 1 s beside them" echo_in_1s
done
check "a C-STORE goes through beside them" send "$(phantom "$WORK/few" --modality CT --seed 2 --lesions 0 --size 64,64,12 >/dev/null; echo "$WORK/few")"
wait_for 15 grep -q 'no association request' "$NODE_LOG"
check_log "the silent ones are ended within their deadline, and the log says so" \
    'receiver: connections closed reason="no association request in 10 s"'

# ---- files that are wrong, by import and by network
ordinary=$(find "$WORK/few" -type f | sort | head -n 1)
printf 'this is no DICOM file at all' > "$WORK/text.dcm"
output=$(ctl import "$WORK/text.dcm" 2>&1)
status=$?
[ $status -ne 0 ] && [ -n "$output" ] && pass "a file that is not DICOM: '$(tail -n 1 <<< "$output")', status $status" ||
    fail "import of a text file: status $status, '$output'"
output=$(ctl import "$WORK/nothing-here" 2>&1)
status=$?
[ $status -ne 0 ] && [ -n "$output" ] && pass "a path that is not there: '$(tail -n 1 <<< "$output")', status $status" ||
    fail "import of a path that is not there: status $status"
# Root may read everything, but not where reading is an I/O error.
secret=/proc/self/mem
if [ "$(id -u)" -ne 0 ]; then
    secret=$WORK/secret.dcm
    cp "$ordinary" "$secret"
    chmod 000 "$secret"
fi
output=$(ctl import "$secret" 2>&1)
status=$?
[ $status -ne 0 ] && grep -q -E 'denied|error' <<< "$output" &&
    pass "an unreadable file is refused by import: '$(grep -E 'denied|error' <<< "$output" | head -n 1)'" ||
    fail "import took an unreadable file: '$output', status $status"
hostile copy "$ordinary" "$WORK/whole.dcm" SOPInstanceUID=1.2.826.0.1.3680043.8.498.77 \
    SeriesInstanceUID=1.2.826.0.1.3680043.8.498.770 StudyInstanceUID=1.2.826.0.1.3680043.8.498.7700
head -c $(($(stat -c %s "$WORK/whole.dcm") / 2)) "$WORK/whole.dcm" > "$WORK/truncated.dcm"
output=$(ctl import "$WORK/truncated.dcm" 2>&1)
status=$?
[ $status -ne 0 ] && pass "a truncated file: '$(tail -n 1 <<< "$output")', status $status" ||
    fail "import took a truncated file: '$output'"
said=$(dimse store "$NODE_PORT" "$WORK/truncated.dcm")
case $said in
"status 0000"*) pass "a truncated data set by network is kept as it came, for 'why' to tell" ;;
status* | aborted*) pass "a truncated data set by network is refused: $said" ;;
*) fail "a truncated data set by network got no answer: $said" ;;
esac

# ---- series that are no volume
phantom "$WORK/gap" --modality CT --seed 3 --lesions 0 --size 64,64,16
find "$WORK/gap" -type f | sort | sed -n 8,9p | xargs rm      # one would be interpolated
check "a series with two missing slices is stored" send "$WORK/gap"
hostile nonimage "$WORK/text-sr.dcm"
check "an object without pixels is stored" send "$WORK/text-sr.dcm"
wait_decided 60 && pass "every series has its reason" || fail "a series has no reason after 60 s"

# why FOLDER REGEX: what tumorctl says of the study below it.
why() {
    local said
    said=$(ctl why "$(study_uid "$1")" 2>&1)
    if grep -E -q -i -- "$2" <<< "$said"; then
        pass "why: $(grep -E -i -m 1 -- "$2" <<< "$said" | tr -s ' ')"
    else
        fail "why does not say '$2' of $(basename "$1"): $said"
    fi
}
mkdir "$WORK/sr" && mv "$WORK/text-sr.dcm" "$WORK/sr/"
why "$WORK/gap" 'missing|gap|spacing|uneven'
why "$WORK/sr" 'SR|report|no rule|not an image'

# ---- a peer that is not listed, and a configuration that is wrong
node_stop
ACCEPT_UNKNOWN=false
node_ready() { web_get /readyz; }       # echoscu's own title may not echo
peer_yaml scanner KNOWN 0 "echo, store"
node_start
check "a listed peer may store" env AET=KNOWN bash -c "dcmsend -aet KNOWN -aec $NODE_AE 127.0.0.1 $NODE_PORT '$ordinary'"
if dcmsend -aet STRANGER -aec "$NODE_AE" 127.0.0.1 "$NODE_PORT" "$ordinary" > "$WORK/stranger.log" 2>&1; then
    fail "an unlisted AE title could store"
else
    pass "an unlisted AE title is refused: $(grep -m 1 -E '^[EF]:' "$WORK/stranger.log")"
fi
check_log "and the log names it" 'STRANGER'
sed 's/port: .*/port: 99999/' "$NODE_YAML" > "$WORK/wrong.yaml"
output=$("$TUMORD" --foreground --config="$WORK/wrong.yaml" 2>&1)
status=$?
check_same "a wrong configuration ends the start with status 3" 3 "$status"
grep -E -q 'wrong\.yaml:[0-9]+:[0-9]+: .*99999' <<< "$output" &&
    pass "and says where: $(grep -m 1 99999 <<< "$output")" || fail "and does not say where: $output"
cp "$WORK/wrong.yaml" "$NODE_YAML"
kill -HUP "$NODE_PID"
check_log "a reload of it keeps the old one and says so" 'tumord\.yaml:[0-9]+:[0-9]+|reload.*(fail|kept|keep|old)'
check "the node goes on" env echoscu -aet KNOWN -aec "$NODE_AE" 127.0.0.1 "$NODE_PORT"
scenario_end
