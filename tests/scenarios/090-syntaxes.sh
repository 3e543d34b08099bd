#!/bin/bash
# Goal: every storage class in every transfer syntax is stored as it came, byte by byte, and so it
# leaves again; its pixels are those that went into it, or that another decoder gives where the
# syntax loses some. A second node is the peer that takes them all.
. "$(dirname "$0")/lib.sh"
scenario_begin "every class in every syntax is stored, decoded and passed on"
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

second_port=$(free_port) second_dir=$WORK/second
mkdir -p "$second_dir"
cat > "$WORK/second.yaml" <<END
node: {ae_title: SECOND, data_dir: $second_dir}
dicom: {port: $second_port, accept_unknown: true}
web: {port: $(free_port)}
rules: []
END
"$TUMORD" --foreground --config="$WORK/second.yaml" > "$WORK/second.log" 2>&1 &
STARTED+=($!)
wait_for 20 echoscu -aec SECOND 127.0.0.1 "$second_port" || fail "the second node does not start"

peer_yaml second SECOND "$second_port"
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
wait_for 60 holds "$second_dir" "$count" && pass "all were passed on" || fail "not all were passed on after 60 s"
checked "$second_dir" "passed on"
check "the node answers" echoscu -aec "$NODE_AE" 127.0.0.1 "$NODE_PORT"
scenario_end
