#!/bin/bash
# Goal: every storage class in every transfer syntax is stored as it came, byte by byte, and its
# pixels are those that went into it, or that another decoder gives where the syntax loses some.
. "$(dirname "$0")/lib.sh"
scenario_begin "every class in every syntax is stored and decoded"
need_program dcmconv dcmcjpeg dcmcjpls dcmcrle gdcmconv ojph_compress
table() { $PYTHON "$SCENARIO_SOURCE/tests/scenarios/table.py" "$@"; }
QUIET_S=2
node_start
mkdir "$WORK/table"
check "files by encoders that are not ours" table make "$WORK/table"
table send "$NODE_PORT" "$WORK/table" > "$WORK/sent"
check_same "each was answered with 0000" "$(find "$WORK/table" -name '*.dcm' | wc -l)" \
    "$(grep -c 'status 0000' "$WORK/sent")"
wait_decided 120 && pass "every series has its reason" || fail "not every series has a reason after 120 s"
table check "$NODE_DIR" "$WORK/table" "$BUILD/tests/decode" > "$WORK/checked" &&
    pass "$(tail -n 1 "$WORK/checked")" || fail "$(tail -n 20 "$WORK/checked")"
sed -n 's/^classes by/        classes by/p' "$WORK/checked" | fold -s -w 100
check "the node answers" echoscu -aec "$NODE_AE" 127.0.0.1 "$NODE_PORT"
scenario_end
