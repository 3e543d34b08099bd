#!/bin/bash
# Goal: C-FIND at every level and root answers what is there, originals and results alike, for
# dcmtk's findscu; hostile identifiers end in a status while C-ECHO is answered.
. "$(dirname "$0")/lib.sh"
scenario_begin "C-FIND by findscu, against pydicom's reading of what was sent"
need_program dcmsend findscu
peer_yaml viewer FINDSCU 0 "echo, store, find"
peer_yaml blind BLIND 0 "echo, store"
node_start
phantom "$WORK/ct" --modality CT --seed 5 --lesions 2
phantom "$WORK/mr" --modality MR --seed 6 --lesions 1
check "two studies are sent" send "$WORK/ct" "$WORK/mr"
wait_decided 60 && pass "they are analysed" || fail "they are not analysed after 60 s"

# find ROOT KEY…: the answers as data sets in $WORK/answers; says how many.
find_all() {
    local root=$1 keys=() key
    shift
    for key; do keys+=(-k "$key"); done
    rm -rf "$WORK/answers" && mkdir "$WORK/answers"
    (cd "$WORK/answers" && findscu "$root" -aet "${AET:-FINDSCU}" -aec "$NODE_AE" -X ${FIND_OPTIONS:-} \
        127.0.0.1 "$NODE_PORT" "${keys[@]}" > ../find.log 2>&1)
    local status=$?
    find "$WORK/answers" -name 'rsp*' | wc -l
    return $status
}
expect() { # COUNT SENTENCE ROOT KEY…
    local count=$1 sentence=$2
    shift 2
    check_same "$sentence" "$count" "$(find_all "$@")"
}
answers() { $PYTHON "$SCENARIO_SOURCE/tests/scenarios/query.py" "$WORK/answers" "$@"; }

ct=$(study_uid "$WORK/ct") mr=$(study_uid "$WORK/mr")
expect 2 "every study, study root" -S 0008,0052=STUDY 0020,000D
expect 2 "every study, patient root" -P 0008,0052=STUDY 0020,000D
expect 1 "one study by its UID" -S 0008,0052=STUDY 0020,000D="$ct" 0008,0061 0020,1206 0020,1208 0010,0010 0008,0020
check "counts, modalities and the patient are those of what was sent and made" \
    answers study "$WORK/ct" 3
expect 2 "two studies by a list of UIDs" -S 0008,0052=STUDY 0020,000D="$ct\\$mr"
expect 0 "no study by an unknown UID" -S 0008,0052=STUDY 0020,000D=1.2.3
expect 1 "one study by a modality in it" -S 0008,0052=STUDY 0020,000D 0008,0061=MR
expect 2 "both by the modality of our results" -S 0008,0052=STUDY 0020,000D 0008,0061=SEG
name=$(answers name "$WORK/ct")
expect 2 "a name with a wildcard, in small letters" -S 0008,0052=STUDY "0010,0010=$(tr '[:upper:]' '[:lower:]' <<< "${name:0:3}")*" 0020,000D
expect 0 "a name that nobody has" -S 0008,0052=STUDY "0010,0010=NOBODY*" 0020,000D
date=$(answers date "$WORK/ct")
expect 2 "a range of dates" -S 0008,0052=STUDY "0008,0020=$date-" 0020,000D
expect 0 "a range of dates before it" -S 0008,0052=STUDY "0008,0020=-19991231" 0020,000D
expect 4 "the series of a study: the original, SEG, SR and pictures" -S 0008,0052=SERIES 0020,000D="$ct" 0020,000E 0008,0060 0020,1209
check "their modalities and counts" answers series "$WORK/ct"
expect 1 "a series by its modality" -S 0008,0052=SERIES 0020,000D="$ct" 0008,0060=SR 0020,000E
images=$(find "$WORK/ct" -type f | wc -l)
expect $((images + 3)) "every image of a study" -S 0008,0052=IMAGE 0020,000D="$ct" 0020,000E 0008,0018 0008,0016 0020,0013
check "they are the files that were sent, and three of ours" answers images "$WORK/ct" 3
expect 1 "a patient" -P 0008,0052=PATIENT "0010,0020=$(answers patient "$WORK/ct")" 0010,0010 0020,1200
FIND_OPTIONS=-xi expect 2 "implicit little endian gives the same" -S 0008,0052=STUDY 0020,000D 0010,0010
expect 2 "a sequence among the keys is answered empty" -S 0008,0052=STUDY 0020,000D "0008,1110[0].0008,1150"

# Names in any character set are found, and answered in UTF-8.
$PYTHON - "$WORK/ct" "$WORK/umlaut" <<'END'
import os, sys, pydicom
os.mkdir(sys.argv[2])
for n, name in enumerate(sorted(os.listdir(sys.argv[1]))[:1]):
    one = pydicom.dcmread(os.path.join(sys.argv[1], name))
    one.SpecificCharacterSet = "ISO_IR 144"
    one.PatientName, one.PatientID = "\u0418\u0432\u0430\u043d\u043e\u0432^\u041f\u0451\u0442\u0440", "IV"
    one.StudyInstanceUID, one.SeriesInstanceUID = "1.2.3.77", "1.2.3.78"
    one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = "1.2.3.79"
    one.save_as(os.path.join(sys.argv[2], "one.dcm"))
END
check "a study with a Cyrillic name is sent" send "$WORK/umlaut"
found() { [ "$(find_all -S 0008,0052=STUDY 0008,0005="ISO_IR 192" "0010,0010=Иванов*" 0020,000D)" = 1 ]; }
check "it is found by its name in UTF-8" wait_for 10 found
check_same "and answered in UTF-8" "Иванов^Пётр ISO_IR 192" "$(answers utf8 "$WORK/ct")"
check_same "the API has it so, too" "Иванов^Пётр" \
    "$(web_get /api/studies/1.2.3.77 | $PYTHON -c 'import json, sys; print(json.load(sys.stdin)["patient_name"])')"

# What cannot be served is said, and nothing is answered.
refused() { # STATUS SENTENCE ROOT KEY…
    local wanted=$1 sentence=$2
    shift 2
    find_all "$@" > /dev/null
    check "$sentence" grep -q -i -E "$wanted" "$WORK/find.log"
}
FIND_OPTIONS=-v refused 'DoesNotMatch|a900' "no level is refused with A900" -S 0020,000D
FIND_OPTIONS=-v refused 'DoesNotMatch|a900' "a level of the other root is refused with A900" -S 0008,0052=PATIENT
FIND_OPTIONS=-v refused 'DoesNotMatch|a900' "series of no study are refused with A900" -S 0008,0052=SERIES 0008,0060=CT
said=$($PYTHON "$SCENARIO_SOURCE/tests/scenarios/dimse.py" find "$NODE_PORT" cancel BLIND)
check_same "a peer without the right is refused with 0124" "status 0124" "${said% after*}"
query() { $PYTHON "$SCENARIO_SOURCE/tests/scenarios/dimse.py" find "$NODE_PORT" "$@"; }
said=$(query cancel)
check_same "a query that is cancelled at once ends with FE00" "status fe00" "${said% after*}"
receiver=$(node_role_pid receiver)
for kind in deep flat long cut lies; do
    said=$(query "$kind")
    case $said in
    "status a900"* | "status c001"* | aborted*) pass "a hostile identifier ($kind): $said" ;;
    *) fail "a hostile identifier ($kind): $said" ;;
    esac
    check "C-ECHO after it is answered within 1 s" within 1 echoscu -aec "$NODE_AE" 127.0.0.1 "$NODE_PORT"
done
check_same "the receiver is still the same process" "$receiver" "$(node_role_pid receiver)"
scenario_end
