#!/bin/bash
# Goal: C-MOVE and C-GET bring what was stored, byte by byte, and our results: dcmtk's movescu
# and getscu ask, storescp and Orthanc receive; what fails is counted and named.
. "$(dirname "$0")/lib.sh"
scenario_begin "C-MOVE and C-GET, byte by byte"
need_program dcmsend movescu getscu storescp
storescp_start ARCHIVE
peer_yaml archive ARCHIVE "$STORESCP_PORT" "echo"
peer_yaml viewer MOVESCU 0 "echo, store, find, move"
peer_yaml getter GETSCU 0 "echo, store, find, get"
peer_yaml silent NOBODY "$(free_port)" "echo"
if command -v Orthanc > /dev/null; then
    orthanc_start
    peer_yaml pacs ORTHANC "$ORTHANC_PORT" "echo, store, find, move, get"
fi
node_start
phantom "$WORK/ct" --modality CT --seed 5 --lesions 2
check "a study is sent" send "$WORK/ct"
wait_decided 60 && pass "it is analysed" || fail "it is not analysed after 60 s"
ct=$(study_uid "$WORK/ct")
mkdir "$WORK/wanted" && cp "$WORK"/ct/* "$WORK/wanted" && cp "$NODE_DIR"/results/*/*.dcm "$WORK/wanted"
series=$($PYTHON -c 'import pydicom, sys; print(pydicom.dcmread(sys.argv[1]).SeriesInstanceUID)' "$(find "$WORK/ct" -type f | head -n 1)")

move() { # DESTINATION KEY…
    local to=$1 keys=() key
    shift
    for key; do keys+=(-k "$key"); done
    movescu -v -S -aet "${AET:-MOVESCU}" -aec "$NODE_AE" -aem "$to" --no-port 127.0.0.1 "$NODE_PORT" \
        "${keys[@]}" > "$WORK/move.log" 2>&1
}
retrieved() { $PYTHON "$SCENARIO_SOURCE/tests/scenarios/retrieved.py" "$@"; }

check "a study is moved to storescp" move ARCHIVE 0008,0052=STUDY 0020,000D="$ct"
check "it has every object as it was stored" retrieved "$WORK/wanted" "$WORK/ARCHIVE"
rm -f "$WORK"/ARCHIVE/*
check "a series is moved alone" move ARCHIVE 0008,0052=SERIES 0020,000D="$ct" 0020,000E="$series"
check "nothing else came with it" retrieved "$WORK/ct" "$WORK/ARCHIVE"

move NOWHERE 0008,0052=STUDY 0020,000D="$ct"
check "an unknown destination is A801" grep -q -i 'MoveDestinationUnknown\|a801' "$WORK/move.log"
move NOBODY 0008,0052=STUDY 0020,000D="$ct"
check "a destination that is not there is A702" grep -q -i 'UnableToPerformSubOperations\|SubOperations\|a702' "$WORK/move.log"
move ARCHIVE 0008,0052=STUDY
check "a move of everything is refused with A900" grep -q -i 'DoesNotMatch\|a900' "$WORK/move.log"
check "a move of what is not there moves nothing, and ends well" move ARCHIVE 0008,0052=STUDY 0020,000D=1.2.3
AET=GETSCU move ARCHIVE 0008,0052=STUDY 0020,000D="$ct"
check "a peer without the right may not move" grep -q -i 'NotAuthorized\|0x0*124' "$WORK/move.log"

get() { # OPTIONS… -- KEY…
    local options=() keys=() key
    while [ "$1" != -- ]; do options+=("$1"); shift; done
    shift
    for key; do keys+=(-k "$key"); done
    mkdir -p "$WORK/got" && rm -f "$WORK"/got/*
    getscu -v -S -aet GETSCU -aec "$NODE_AE" -od "$WORK/got" "${options[@]}" 127.0.0.1 "$NODE_PORT" \
        "${keys[@]}" > "$WORK/get.log" 2>&1
}
check "a study is got over the same association" get +B -- 0008,0052=STUDY 0020,000D="$ct"
check "it has every object as it was stored" retrieved "$WORK/wanted" "$WORK/got"
check "a series is got by who takes implicit little endian only" get +xi -- 0008,0052=SERIES 0020,000D="$ct" 0020,000E="$series"
check "its pixels are the same" retrieved "$WORK/ct" "$WORK/got" converted

if [ -n "${ORTHANC_URL:-}" ]; then
    rest() { curl --silent --fail --max-time 60 -X POST "$ORTHANC_URL$1" -d "$2"; }
    rest /modalities/x "{}" > /dev/null
    curl --silent --fail -X PUT "$ORTHANC_URL/modalities/tumord" \
        -d "{\"AET\": \"$NODE_AE\", \"Host\": \"127.0.0.1\", \"Port\": $NODE_PORT}"
    query=$(rest /modalities/tumord/query "{\"Level\": \"Study\", \"Query\": {\"StudyInstanceUID\": \"$ct\"}}" |
        $PYTHON -c 'import json, sys; print(json.load(sys.stdin)["ID"])')
    check_same "Orthanc finds the study" '["0"]' "$(orthanc_get "/queries/$query/answers" | tr -d ' \n')"
    check "and has it moved to itself" rest "/queries/$query/retrieve" "ORTHANC"
    mkdir -p "$WORK/orthanc-has"
    for id in $(orthanc_get /instances | $PYTHON -c 'import json, sys; print(*json.load(sys.stdin))'); do
        orthanc_get "/instances/$id/file" > "$WORK/orthanc-has/$id.dcm"
    done
    check "as it was stored" retrieved "$WORK/wanted" "$WORK/orthanc-has"
else
    skip "Orthanc is not installed"
fi
scenario_end
