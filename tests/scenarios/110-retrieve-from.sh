#!/bin/bash
# Goal: tumorctl asks a peer what it has, and brings a study by C-MOVE or C-GET; it says what did not come.
. "$(dirname "$0")/lib.sh"
scenario_begin "tumorctl query and retrieve, from Orthanc and dcmqrscp"
need_program Orthanc dcmqrscp storescu
orthanc_start
peer_yaml pacs ORTHANC "$ORTHANC_PORT" "echo, store"
dcmqrscp_start
peer_yaml archive QRSCP "$QRSCP_PORT" "echo"
closed=$(date -d '+1 hour' +%H:%M)-$(date -d '+2 hours' +%H:%M)
peer_yaml night NIGHT "$QRSCP_PORT" "echo" && PEERS="$PEERS    retrieve: get
    retrieve_hours: \"$closed\"
    max_mib_s: 1
"
peer_yaml silent NOBODY "$(free_port)" "echo"
peer_yaml scanner CT01 0 "echo, store"
node_start
curl --silent --fail -X PUT "$ORTHANC_URL/modalities/tumord" \
    -d "{\"AET\": \"$NODE_AE\", \"Host\": \"127.0.0.1\", \"Port\": $NODE_PORT}"
phantom "$WORK/ct" --modality CT --seed 5 --lesions 1
phantom "$WORK/mr" --modality MR --seed 6 --lesions 1
check "two studies lie in the archive" storescu -aec ORTHANC +sd +r 127.0.0.1 "$ORTHANC_PORT" "$WORK/ct" "$WORK/mr"
ct=$(study_uid "$WORK/ct")
ctl --json query pacs > "$WORK/all.json"
check_same "query tells of both" 2 "$($PYTHON -c 'import json, sys; print(len(json.load(open(sys.argv[1]))))' "$WORK/all.json")"
check_same "one by its modality" "$ct" \
    "$(ctl --json query pacs modality=CT | $PYTHON -c 'import json, sys; print(*(s["study"] for s in json.load(sys.stdin)))')"
check "a table for people" eval 'ctl query pacs study='"$ct"' | grep -q "$ct"'
check "a study is retrieved" ctl retrieve pacs "$ct"
find "$WORK/ct" -type f > "$WORK/ledger"
check "every instance is here, as it was sent" index acknowledged "$WORK/ledger"
wait_decided 60 && pass "and is analysed" || fail "not analysed after 60 s"

fails() { # 'sentence' PATTERN COMMAND…
    local sentence=$1 pattern=$2
    shift 2
    ! "$@" > "$WORK/fails.log" 2>&1 && grep -q -E "$pattern" "$WORK/fails.log" &&
        pass "$sentence: $(tail -n 1 "$WORK/fails.log")" || { fail "$sentence"; cat "$WORK/fails.log"; }
}
fails "a study that is not there" 'has no study' ctl retrieve pacs 1.2.3.4
fails "no UID" 'is no Study Instance UID' ctl retrieve pacs abc
fails "a key that is none" 'is no KEY=VALUE' ctl query pacs colour=red
fails "a peer that is none" 'no peer nobody' ctl query nobody
fails "a peer that is never called" 'no peer scanner that can be called' ctl query scanner
fails "a peer that does not answer" 'refused|answer' ctl query silent
curl --silent --fail -X DELETE "$ORTHANC_URL/modalities/tumord" > /dev/null
mr=$(study_uid "$WORK/mr")
fails "an archive that does not know the node" 'ended the association|answered with' ctl retrieve pacs "$mr"

# dcmqrscp knows no destination: its C-MOVE fails, and its C-GET brings the study.
phantom "$WORK/pt" --modality PT --seed 8 --lesions 1
pt=$(study_uid "$WORK/pt")
check "a PET study lies in dcmqrscp" storescu -aec QRSCP +sd +r 127.0.0.1 "$QRSCP_PORT" "$WORK/pt"
ctl retrieve archive "$pt" > "$WORK/get.log" 2>&1 && pass "C-GET brings what C-MOVE does not" || { fail "not retrieved"; cat "$WORK/get.log"; }
check "it says that it had to change" grep -q 'trying get' "$WORK/get.log"
find "$WORK/pt" -type f > "$WORK/ledger"
check "every instance is here, as it was sent" index acknowledged "$WORK/ledger"
wait_decided 60 && pass "and is analysed" || fail "not analysed after 60 s"

# A peer with hours, and a rate: 64 slices of 144 KiB at 1 MiB/s.
phantom "$WORK/late" --modality CT --seed 9 --lesions 1
late=$(study_uid "$WORK/late")
check "a CT study lies there" storescu -aec NIGHT +sd +r 127.0.0.1 "$QRSCP_PORT" "$WORK/late"
fails "outside of its hours" 'are brought from night at .* only' ctl retrieve night "$late"
begun=$(now_ms)
check "with --now it is brought" ctl --now retrieve night "$late"
took=$(($(now_ms) - begun)) size=$(du -sk --apparent-size "$WORK/late" | cut -f 1)
[ "$took" -ge $((size * 1000 / 1024 - 500)) ] && pass "not faster than its rate: $size KiB in $took ms" ||
    fail "$size KiB in $took ms"
scenario_end
