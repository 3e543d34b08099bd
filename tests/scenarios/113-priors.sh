#!/bin/bash
# Goal: before a study is analysed its priors come from the PACS, by rule: the right ones, marked and not
# analysed; a PACS that is away holds the analysis up to the deadline only, and why tells.
. "$(dirname "$0")/lib.sh"
scenario_begin "priors by rule, from Orthanc"
need_program Orthanc dcmsend storescu
orthanc_start
peer_yaml pacs ORTHANC "$ORTHANC_PORT" "echo, store"
peer_yaml away NOBODY "$(free_port)" "echo"
QUIET_S=2 KEEP_YAML=1
configure() { # PEER DEADLINE: the rule's priors
    node_config | sed "s/^    analysis: default/&\n    priors: {count: 2, same: [modality, body_part], within_days: 1825, deadline_s: $2, from: [$1]}/" \
        > "$WORK/tumord.yaml"
}
configure pacs 60
node_start
curl --silent --fail -X PUT "$ORTHANC_URL/modalities/tumord" \
    -d "{\"AET\": \"$NODE_AE\", \"Host\": \"127.0.0.1\", \"Port\": $NODE_PORT}"

# old NAME DATE [KEYWORD=VALUE…]: an earlier study of the patient P1, born in 1960, in the PACS.
old() {
    local name=$1 date=$2
    shift 2
    phantom "$WORK/$name" --modality "${MODALITY:-CT}" --seed "$((seed += 1))" --lesions 0 --size 64,64,8
    change "$WORK/$name" PatientID=P1 PatientBirthDate=19600101 BodyPartExamined=ABDOMEN StudyDate="$date" "$@"
    storescu -aec ORTHANC +sd +r 127.0.0.1 "$ORTHANC_PORT" "$WORK/$name" || fail "$name is not in the PACS"
}
change() {
    $PYTHON - "$@" <<'END'
import os, sys, pydicom
for name in os.listdir(sys.argv[1]):
    path = os.path.join(sys.argv[1], name)
    one = pydicom.dcmread(path)
    for change in sys.argv[2:]:
        setattr(one, *change.split("=", 1))
    one.save_as(path)
END
}
seed=20
old last 20250601
old before 20240601
old third 20230601
old ancient 20150601
old chest 20250901 BodyPartExamined=CHEST
old other 20250801 PatientID=P10
old twin 20250701 PatientBirthDate=19610101
MODALITY=MR old mr 20250801

phantom "$WORK/ct" --modality CT --seed 5 --lesions 2
change "$WORK/ct" PatientID=P1 PatientBirthDate=19600101 BodyPartExamined=ABDOMEN StudyDate=20260101
ct=$(study_uid "$WORK/ct")
check "a study is sent" send "$WORK/ct"
analysed() { ctl why "$1" | grep -q 'analysed: [0-9]'; }
wait_for 60 analysed "$ct" && pass "it is analysed" || fail "it is not analysed after 60 s: $(ctl why "$ct")"
check "with what came of its priors" eval 'ctl why "$ct" | grep -q "from pacs: priors: 2 brought, 0 here already$"'
names() { # of the studies that are here
    local name
    for name in last before third ancient chest other twin mr; do
        ctl --json studies | grep -q "$(study_uid "$WORK/$name")" && echo "$name"
    done | xargs
}
check_same "the two most recent that fit came, and no other" "last before" "$(names)"
wait_decided 30
last=$(study_uid "$WORK/last")
check "they are marked and not analysed" eval 'ctl why "$last" | grep -q "not analysed: a prior of study $ct"'
find "$WORK/last" "$WORK/before" -type f > "$WORK/ledger"
check "every instance of them is here, as the PACS has it" index acknowledged "$WORK/ledger"
check_same "one job was done" 1 "$(index analysed)"
kill -KILL "$NODE_PID" $(node_children) && wait "$NODE_PID" 2>/dev/null
sleep 0.5
node_start
check "the mark is durable" eval 'ctl why "$last" | grep -q "a prior of study"'

# Whole is what the PACS lists: one instance is of a class that the node does not take, and then Orthanc
# gives up the whole.
MODALITY=CT old odd 20250601 PatientID=P2
odd=$($PYTHON - "$WORK/odd" <<'END'
import os, sys, pydicom
path = os.path.join(sys.argv[1], sorted(os.listdir(sys.argv[1]))[3])
one = pydicom.dcmread(path)
one.SOPClassUID = one.file_meta.MediaStorageSOPClassUID = "1.2.826.0.1.3680043.10.1"
one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID + ".9"
one.save_as(path)
print(path)
END
)
curl --silent --fail -X POST "$ORTHANC_URL/instances" --data-binary "@$odd" > /dev/null || fail "Orthanc does not take it"
phantom "$WORK/p2" --modality CT --seed 8 --lesions 1
change "$WORK/p2" PatientID=P2 PatientBirthDate=19600101 BodyPartExamined=ABDOMEN StudyDate=20260101
p2=$(study_uid "$WORK/p2")
check "a study of another patient is sent" send "$WORK/p2"
wait_for 60 analysed "$p2" && pass "it is analysed" || fail "it is not analysed after 60 s: $(ctl why "$p2")"
check "why tells what of its prior did not come" eval 'ctl why "$p2" |
    grep -q "priors: 0 brought, 0 here already, not all: C-MOVE answered with c000, 9 of 9 instances of a study did not come, the first is [0-9.]*$"'

# Away: the analysis comes after the deadline, with the reason.
configure away 6
kill -HUP "$NODE_PID"
wait_for 5 grep -q reloaded "$NODE_LOG"
sleep 1
phantom "$WORK/next" --modality CT --seed 7 --lesions 1
change "$WORK/next" PatientID=P1 StudyDate=20260201
next=$(study_uid "$WORK/next")
check "another study is sent" send "$WORK/next"
wait_for 40 analysed "$next" && pass "it is analysed without priors" || fail "it is not analysed: $(ctl why "$next")"
check "why tells the reason" eval 'ctl why "$next" | grep -q "from away: no priors: .*refused"'
node_stop
scenario_end
