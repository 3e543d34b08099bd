#!/bin/bash
# Goal: what a peer acknowledged counts as delivered when it has proven that it has it, by storage
# commitment or by C-FIND; a peer that lost it gets it again; and we commit for those who ask.
. "$(dirname "$0")/lib.sh"
scenario_begin "storage commitment on both sides, and proof by C-FIND"
need_program dcmsend
faulty() { # NAME ARGUMENTS…: a scripted peer; its port in FAULTY_PORT, its words in NAME.log
    FAULTY_PORT=$(free_port)
    $PYTHON "$SCENARIO_SOURCE/tests/scenarios/peer.py" "$FAULTY_PORT" "$NODE_PORT" "$WORK/$1" "${@:2}" \
        > "$WORK/$1.log" 2>&1 &
    STARTED+=($!)
}
states() { index deliveries "$1"; }             # of a peer: how many in which state
comes_to() { [ "$(states "$1")" = "$2" ]; }

faulty same --commit same
peer_yaml same SAME "$FAULTY_PORT" "echo" && PEERS="$PEERS    proof: commitment
"
faulty new --commit new --ae NEW
peer_yaml new NEW "$FAULTY_PORT" "echo" && PEERS="$PEERS    proof: commitment
"
faulty loses --commit new --ae LOSES --lose-first
peer_yaml loses LOSES "$FAULTY_PORT" "echo" && PEERS="$PEERS    proof: commitment
"
faulty mute --commit never --ae MUTE
peer_yaml mute MUTE "$FAULTY_PORT" "echo" && PEERS="$PEERS    proof: commitment
"
faulty foreign --commit foreign --ae FOREIGN
peer_yaml foreign FOREIGN "$FAULTY_PORT" "echo" && PEERS="$PEERS    proof: commitment
"
DELIVER_TO="same, new, loses, mute, foreign"
if command -v dcmqrscp > /dev/null; then
    dcmqrscp_start
    peer_yaml archive QRSCP "$QRSCP_PORT" "echo" && PEERS="$PEERS    proof: find
"
    DELIVER_TO="$DELIVER_TO, archive"
fi
if command -v Orthanc > /dev/null; then
    orthanc_start
    peer_yaml pacs ORTHANC "$ORTHANC_PORT" "echo, store, commit" && PEERS="$PEERS    proof: commitment
"
    DELIVER_TO="$DELIVER_TO, pacs"
fi
peer_yaml asker ASKER 0 "echo, store, commit"
node_start
if [ -n "${ORTHANC_URL:-}" ]; then
    curl --silent --fail -X PUT "$ORTHANC_URL/modalities/tumord" \
        -d "{\"AET\": \"$NODE_AE\", \"Host\": \"127.0.0.1\", \"Port\": $NODE_PORT, \"AllowStorageCommitment\": true}"
fi
phantom "$WORK/ct" --modality CT --seed 5 --lesions 2
check "a study is sent" send "$WORK/ct"
wait_decided 60 && pass "it is analysed" || fail "it is not analysed after 60 s"
check "a report on the same association proves all three objects" wait_for 30 comes_to same "3 committed"
check "one on a new association, too" wait_for 30 comes_to new "3 committed"
check "what a peer lost after its 0000 is sent again and proven" wait_for 30 comes_to loses "3 committed"
check_same "it was asked for more than once" yes \
    "$([ "$(grep -c '^action' "$WORK/loses.log")" -gt 1 ] && echo yes)"
check "a report of a transaction that was never asked is answered" grep -q 'reported, status' "$WORK/foreign.log"
check "and has proven nothing" comes_to foreign "3 acknowledged"
check "a peer that never reports has proven nothing" comes_to mute "3 acknowledged"
[ -z "${QRSCP_PORT:-}" ] || check "a C-FIND that shows them proves them" wait_for 30 comes_to archive "3 seen"
[ -z "${ORTHANC_URL:-}" ] || check "Orthanc commits them" wait_for 30 comes_to pacs "3 committed"

# As SCP: what is here is committed, what is not is named with its reason.
ask() { $PYTHON "$SCENARIO_SOURCE/tests/scenarios/peer.py" 0 "$NODE_PORT" "$WORK/asked" --ask "$@"; }
one=$(find "$WORK/ct" -type f | head -n 1)
check_same "an object that is here is committed" "committed 1 failed 0" "$(ask "$one")"
check_same "one of another class is not" "committed 0 failed 1 0119" "$(ask "$one" --class 1.2.840.10008.5.1.4.1.1.4)"
check_same "one that is not here is not" "committed 0 failed 1 0112" "$(ask "$one" --instance 1.2.3.4)"
check_same "no transaction is refused" "status 0115" "$(ask "$one" --no-transaction)"
check_same "30,000 nested sequences are refused" "status 0115" "$(ask "$one" --deep)"
if [ -n "${ORTHANC_URL:-}" ]; then
    id=$(curl --silent --fail -X POST "$ORTHANC_URL/instances" --data-binary "@$one" |
        $PYTHON -c 'import json, sys; print(json.load(sys.stdin)["ID"])')
    job=$(curl --silent --fail --max-time 60 -X POST "$ORTHANC_URL/modalities/tumord/storage-commitment" \
        -d "{\"Resources\": [\"$id\"]}" | $PYTHON -c 'import json, sys; print(json.load(sys.stdin)["ID"])')
    committed() { orthanc_get "/storage-commitment/$job" | grep -q '"Status" *: *"Success"'; }
    check "Orthanc asks us, and hears that we have it" wait_for 20 committed
fi

# A kill between send and proof loses neither.
kill -KILL "$(node_role_pid sender)"
check "all are proven after a kill of the sender" wait_for 30 comes_to new "3 committed"
scenario_end
