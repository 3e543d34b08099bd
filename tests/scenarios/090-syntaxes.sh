#!/bin/bash
# Goal: every storage class in every transfer syntax is stored as it came, byte by byte, and so it
# leaves again, forwarded or by C-MOVE; its pixels are those that went into it, or that another
# decoder gives where the syntax loses some. Two more nodes are the peers that take them all.
. "$(dirname "$0")/lib.sh"
scenario_begin "every class in every syntax is stored, decoded, passed on and retrieved"
need_program dcmconv dcmcjpeg dcmcjpls dcmcrle gdcmconv ojph_compress
table() { $PYTHON "$SCENARIO_SOURCE/tests/scenarios/table.py" "$@"; }

# checked NODE_DIR 'sentence': bytes, tags of the index and pixels of all that it holds.
checked() {
    if table check "$1" "$WORK/table" "$BUILD/tests/decode" > "$WORK/checked"; then
        pass "$2: $(tail -n 1 "$WORK/checked")"
    else
        fail "$2: $(tail -n 10 "$WORK/checked" | cut -c 1-200)"
    fi
}
holds() { [ "$($PYTHON -c 'import sqlite3, sys
print(sqlite3.connect(f"file:{sys.argv[1]}/index.db?mode=ro", uri=True).execute("SELECT count(*) FROM instance").fetchone()[0])' "$1")" -ge "$2" ]; }

# other NAME AE: one more node, which takes everything from anybody, as a peer of the first.
other() {
    local port=$(free_port)
    mkdir -p "$WORK/$1"
    cat > "$WORK/$1.yaml" <<END
node: {ae_title: $2, data_dir: $WORK/$1}
dicom: {port: $port, accept_unknown: true}
web: {port: $(free_port)}
rules: []
END
    "$TUMORD" --foreground --config="$WORK/$1.yaml" > "$WORK/$1.log" 2>&1 &
    STARTED+=($!)
    wait_for 20 echoscu -aec "$2" 127.0.0.1 "$port" || fail "the node $2 does not start"
    peer_yaml "$1" "$2" "$port"
}
other second SECOND
other third THIRD
peer_yaml workstation WORKSTATION 0 "echo, find, move"
QUIET_S=2
NODE_YAML=$WORK/tumord.yaml KEEP_YAML=1
{ node_config | sed '/^rules:/,$d'; printf '%s\n' "rules:" "  - name: all" \
    "    when: {PatientID: TABLE}" "    forward_to: [second]"; } > "$NODE_YAML"
node_start
mkdir "$WORK/table"
check "files by encoders that are not ours" table make "$WORK/table"
count=$(find "$WORK/table" -name '*.dcm' | wc -l)
table send "$NODE_PORT" "$WORK/table" > "$WORK/sent"
check_same "each was answered with 0000" "$count" "$(grep -c 'status 0000' "$WORK/sent")"
wait_decided 60 && pass "every series has its reason" || fail "not every series has a reason after 60 s"
checked "$NODE_DIR" "stored and decoded"
sed -n 's/^classes by/        classes by/p' "$WORK/checked" | fold -s -w 100
wait_for 60 holds "$WORK/second" "$count" && pass "all were passed on" || fail "not all were passed on after 60 s"
checked "$WORK/second" "passed on"
# By series: an association has room for 120 pairs of class and syntax, and the study has more.
moved=0
for series in $(seq 16); do
    movescu -S --no-port -aet WORKSTATION -aec "$NODE_AE" -aem THIRD -k QueryRetrieveLevel=SERIES \
        -k StudyInstanceUID=2.25.70 -k SeriesInstanceUID=2.25.70.$series 127.0.0.1 "$NODE_PORT" \
        >> "$WORK/move.log" 2>&1 && moved=$((moved + 1))
done
check_same "C-MOVE of each series to a third node" 16 $moved
wait_for 30 holds "$WORK/third" "$count"    # the last ones may still be in its journal
wait_for 30 holds "$WORK/third" "$count"    # the last ones may still be in its journal
checked "$WORK/third" "retrieved"
check "the node answers" echoscu -aec "$NODE_AE" 127.0.0.1 "$NODE_PORT"
scenario_end
