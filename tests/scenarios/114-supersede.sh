#!/bin/bash
# Goal: a study that is analysed anew by another configuration gets a new result; a peer that takes notes of
# rejection is told which objects it supersedes, others are not; the old ones are not served any more.
. "$(dirname "$0")/lib.sh"
scenario_begin "a new result supersedes the old one, and peers are told"
need_program dcmsend storescp findscu
storescp_start TOLD
peer_yaml told TOLD "$STORESCP_PORT" "echo, find" && PEERS="$PEERS    rejection_notes: true
"
storescp_start UNTOLD
peer_yaml untold UNTOLD "$STORESCP_PORT" "echo"
DELIVER_TO="told, untold"
if command -v Orthanc > /dev/null; then
    orthanc_start
    peer_yaml pacs ORTHANC "$ORTHANC_PORT" "echo" && PEERS="$PEERS    rejection_notes: true
"
    DELIVER_TO="$DELIVER_TO, pacs"
fi
node_start
phantom "$WORK/ct" --modality CT --seed 5 --lesions 2
study=$(study_uid "$WORK/ct")
check "a study is sent" send "$WORK/ct"
wait_delivered 60 && pass "its result is delivered" || fail "nothing is delivered after 60 s"
# uids FOLDER: class and UID of each object there.
uids() {
    $PYTHON - "$1" <<'END'
import os, sys, pydicom
for base, _, names in sorted(os.walk(sys.argv[1])):
    for name in sorted(names):
        if not name.endswith((".json", ".png")):
            one = pydicom.dcmread(os.path.join(base, name), stop_before_pixels=True)
            print(one.SOPClassUID, one.SOPInstanceUID)
END
}
KO=1.2.840.10008.5.1.4.1.1.88.59
uids "$WORK/TOLD" | sort > "$WORK/first"
check_same "three objects, no note" "3 0" "$(wc -l < "$WORK/first") $(grep -c "^$KO " "$WORK/first")"

check "a rerun by the same configuration is taken" ctl rerun "$study"
sleep 3
wait_delivered 30
check_same "and changes nothing" "3" "$(find "$WORK/TOLD" -type f | wc -l)"

KEEP_YAML=1
node_config | sed 's/^log:/analyses:\n  default:\n    min_lesion_mm3: 20\nlog:/' > "$WORK/tumord.yaml"
kill -HUP "$NODE_PID"
wait_for 5 grep -q 'reload' "$NODE_LOG"
check "a rerun by another one" ctl rerun "$study"
told() { [ "$(uids "$WORK/TOLD" | grep -c "^$KO ")" = 1 ]; }
wait_for 40 told && pass "a note is there" || fail "no note after 40 s: $(ctl why "$study")"
wait_delivered 30
uids "$WORK/TOLD" | sort > "$WORK/both"
check_same "beside the old and the new objects" 7 "$(wc -l < "$WORK/both")"
check_same "the other peer has none" "6 0" "$(uids "$WORK/UNTOLD" | wc -l) $(uids "$WORK/UNTOLD" | grep -c "^$KO ")"
[ -z "${ORTHANC_URL:-}" ] || check "Orthanc has one" eval 'orthanc_get "/instances?expand" | grep -q "113037\|tumord superseded" ||
    [ "$(orthanc_get /statistics | $PYTHON -c "import json, sys; print(json.load(sys.stdin)[\"CountInstances\"])")" = 7 ]'
note=$(grep -l -a "$KO" -r "$WORK/TOLD" | head -n 1)
check "pydicom reads it: its title, and that it names the old objects and no other" $PYTHON - "$note" "$WORK/first" <<'END'
import sys, pydicom
note = pydicom.dcmread(sys.argv[1])
old = {tuple(line.split()) for line in open(sys.argv[2])}
title = note.ConceptNameCodeSequence[0]
assert (title.CodeValue, title.CodingSchemeDesignator) == ("113037", "DCM"), title
assert note.Modality == "KO" and note.ContentTemplateSequence[0].TemplateIdentifier == "2010"
named = {(r.ReferencedSOPClassUID, r.ReferencedSOPInstanceUID) for item in note.ContentSequence
         for r in item.get("ReferencedSOPSequence", [])}
evidence = {(r.ReferencedSOPClassUID, r.ReferencedSOPInstanceUID)
            for study in note.CurrentRequestedProcedureEvidenceSequence
            for series in study.ReferencedSeriesSequence for r in series.ReferencedSOPSequence}
assert named == old and evidence == old, (named, evidence, old)
assert note.CurrentRequestedProcedureEvidenceSequence[0].StudyInstanceUID == note.StudyInstanceUID
END
if command -v dciodvfy > /dev/null; then
    dciodvfy "$note" > "$WORK/verified" 2>&1
    check_same "dciodvfy finds no error" "" "$(grep -i '^Error' "$WORK/verified")"
fi
old=$(head -n 1 "$WORK/first" | cut -d' ' -f 2)
findscu -v -S -aet TOLD -aec "$NODE_AE" 127.0.0.1 "$NODE_PORT" -k 0008,0052=IMAGE -k 0020,000D="$study" -k 0020,000E \
    -k 0008,0018 > "$WORK/found" 2>&1
check "the old objects are not served any more" eval '! grep -q "$old" "$WORK/found"'
check "the new ones are" grep -q "$(comm -13 "$WORK/first" "$WORK/both" | grep -v "^$KO" | head -n 1 | cut -d' ' -f 2)" "$WORK/found"
check "and results tells of the note" eval 'ctl results "$study" | grep -q -w ko'
scenario_end
