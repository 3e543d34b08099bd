#!/bin/bash
# Goal: the conformance statement is complete by PS3.2's outline and says what the node does: what it
# lists is what the node accepts, and the other way round.
. "$(dirname "$0")/lib.sh"
scenario_begin "the conformance statement"
peer_yaml finder FINDSCU 0 "echo, find"
ACCEPT_UNKNOWN=true
node_start
"$TUMORD" --config="$NODE_YAML" --conformance > "$WORK/statement.txt"
"$TUMORD" --config="$NODE_YAML" --conformance=html > "$WORK/statement.html"
for title in "1 Conformance statement overview" "2 Table of contents" "3 Introduction" "4 Networking" "4.1 Implementation model" \
        "4.2 AE specification" "4.2.1 Association policies" "4.2.2 Association acceptance policy" \
        "4.2.3 Association initiation policy" "4.3 Network interfaces" "4.4 Configuration" "5 Media interchange" \
        "6 Support of character sets" "7 Security" "8 Annexes" "8.1 IOD contents" "8.2 Data dictionary of private attributes" \
        "8.3 Coded terminology and templates" "8.4 Grayscale image consistency" "8.5 Standard extended" "8.6 Private transfer syntaxes"; do
    grep -q "^$title" "$WORK/statement.txt" || fail "no chapter '$title'"
    grep -q ">$title" "$WORK/statement.html" || fail "no chapter '$title' in HTML"
done
[ "$FAILED" -eq 0 ] && pass "the chapters of PS3.2 are there, in text and in HTML"
check "what is listed is accepted, and what is not is not" \
    $PYTHON "$SCENARIO_SOURCE/tests/scenarios/conformance.py" "$NODE_PORT" "$WORK/statement.txt" "$WORK/statement.html"
check "an unknown format ends with 2" eval '"$TUMORD" --config="$NODE_YAML" --conformance=pdf > /dev/null 2>&1; [ $? -eq 2 ]'
scenario_end
