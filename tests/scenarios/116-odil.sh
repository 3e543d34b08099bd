#!/bin/bash
# Goal: a third stack, odil, which shares no code with dcmtk or Orthanc, stores, finds at every level of both
# roots, moves to itself and gets; every element and pixel comes back; what it may not have is said to it.
. "$(dirname "$0")/lib.sh"
scenario_begin "odil: store, find at every level, move, get"
$PYTHON -c 'import odil' 2> /dev/null || { skip "python3-odil is not installed"; scenario_end; }
OWN_PORT=$(free_port)
peer_yaml odil ODIL "$OWN_PORT" "echo, store, find, move, get"
node_start
phantom "$WORK/ct" --modality CT --seed 5 --lesions 2
phantom "$WORK/pt" --modality PT --seed 6 --lesions 1
ct=$(study_uid "$WORK/ct") slices=$(find "$WORK/ct" -type f | wc -l)
value() { $PYTHON -c 'import pydicom, sys; print(pydicom.dcmread(sys.argv[1])[sys.argv[2]].value)' "$1" "$2"; }
one=$(find "$WORK/ct" -type f | sort | head -n 1)
patient=$(value "$one" PatientID) series=$(value "$one" SeriesInstanceUID) image=$(value "$one" SOPInstanceUID)
odil() { within 60 $PYTHON "$SCENARIO_SOURCE/tests/scenarios/odil_peer.py" "$NODE_PORT" "$NODE_AE" "$@" 2>&1; }

check_same "it echoes" echoed "$(odil echo)"
all=$(find "$WORK/ct" "$WORK/pt" -type f | wc -l)
check_same "it stores a CT and a PET study" "stored $all" "$(odil store "$WORK/ct" "$WORK/pt")"
wait_decided 90 && pass "they are analysed" || fail "they are not analysed after 90 s"
mkdir "$WORK/wanted" && cp "$WORK"/ct/* "$WORK/wanted"
for file in "$NODE_DIR"/results/*/*.dcm; do
    [ "$(value "$file" StudyInstanceUID)" = "$ct" ] && cp "$file" "$WORK/wanted"
done
objects=$(find "$WORK/wanted" -type f | wc -l)

for root in patient study; do
    [ $root = study ] || check_same "it finds the patient" "$patient" "$(odil find patient patient "PatientID=$patient")"
    check_same "it finds the study by the patient, $root root" "$patient $ct" \
        "$(odil find $root study "PatientID=$patient" StudyInstanceUID=)"
    above=("StudyInstanceUID=$ct") && [ $root = study ] || above+=("PatientID=$patient")
    check_same "the CT series alone, $root root" "CT $series" \
        "$(odil find $root series Modality=CT SeriesInstanceUID= "${above[@]}" | cut -d' ' -f 1,2)"
    check_same "and its images, $root root" "$slices" \
        "$(odil find $root image SOPInstanceUID= "SeriesInstanceUID=$series" "${above[@]}" | wc -l)"
done
check_same "a wildcard finds both patients" 2 "$(odil find patient patient 'PatientID=PHANTOM*' | wc -l)"
check_same "counts come with the study" "$ct $objects" \
    "$(odil find study study "StudyInstanceUID=$ct" NumberOfStudyRelatedInstances=)"

retrieved() { $PYTHON "$SCENARIO_SOURCE/tests/scenarios/retrieved.py" "$@"; }
check_same "it moves the study to itself" "moved $objects" "$(odil move "$OWN_PORT" "$WORK/moved" study "StudyInstanceUID=$ct")"
check "with every element and pixel, and our results" retrieved "$WORK/wanted" "$WORK/moved" converted
check_same "it gets the study" "got $objects" "$(odil get "$WORK/got" study "StudyInstanceUID=$ct")"
check "with every element and pixel, and our results" retrieved "$WORK/wanted" "$WORK/got" converted
check_same "it gets one image" "got 1" \
    "$(odil get "$WORK/one" image "StudyInstanceUID=$ct" "SeriesInstanceUID=$series" "SOPInstanceUID=$image")"
check_same "what is not there is not got" "got 0" "$(odil get "$WORK/none" study StudyInstanceUID=1.2.3)"
odil get "$WORK/none" study StudyInstanceUID= > "$WORK/refused.log"
check_log "a get without a key is refused" 'C-GET refused status=a900 reason="no Study Instance UID" calling=ODIL'
scenario_end
