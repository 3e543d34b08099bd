#!/bin/bash
# Goal: NIfTI files go in by tumorctl import as DICOM, every voxel where it was and as it was but for the
# quantisation that is told, and go the way of all others; what cannot be taken gets its sentence.
. "$(dirname "$0")/lib.sh"
scenario_begin "import of NIfTI"
need_program dciodvfy
$PYTHON -c 'import nibabel' 2> /dev/null || { skip "nibabel is not installed"; scenario_end; }
NIFTI="$SCENARIO_SOURCE/tests/scenarios/nifti_check.py"
QUIET_S=2
node_start
check "files are made" $PYTHON "$NIFTI" make "$WORK"
good=$WORK/good

output=$(ctl import "$good" 2>&1)
check_same "a folder of NIfTI files is taken" "141 instances taken, 0 files not" "$(tail -n 1 <<< "$output")"
check_same "a case's sequences are one study of four series" \
    "patient Case_7 (Case_7): 1 study, 4 series (MR), 36 instances" "$(grep Case_7 <<< "$output")"
has() { [ "$(index count)" = "$1" ]; }
wait_for 10 has 141
for name in plain_ct.nii.gz flipped_ct.nii permuted_ct.nii.gz turned_t1.nii.gz second_t2.nii.gz swapped_flair.nii cohort/Case_7/Case_7_t1ce.nii.gz; do
    check "$name: every voxel and position as nibabel reads them" $PYTHON "$NIFTI" compare "$NODE_DIR" "$good/$name"
done
for channel in 0 1 2; do
    check "channel $channel of a stack" $PYTHON "$NIFTI" compare "$NODE_DIR" "$good/stack_t1.nii.gz" $channel last
done
check_same "channels first, by option" "18 instances taken, 0 files not" \
    "$(ctl --channels=first import "$WORK/first" 2>&1 | tail -n 1)"
for channel in 0 1 2; do
    check "channel $channel of it" $PYTHON "$NIFTI" compare "$NODE_DIR" "$WORK/first/planes_t1.nii.gz" $channel first
done
check_same "the same file gives the same objects" "12 instances taken, 0 files not" \
    "$(ctl import "$good/plain_ct.nii.gz" 2>&1 | tail -n 1)"
check_same "each is kept once" 159 "$(index count)"
valid() {
    local file
    for file in $(find "$NODE_DIR/objects" -name '*.dcm' | awk 'NR % 16 == 1'); do
        dciodvfy -new "$file" 2>&1 | grep ^Error && return 1
    done
    return 0
}
check "dciodvfy finds no error in them" valid
wait_decided 90 && pass "each has its reason" || fail "not decided after 90 s"

while IFS=$'\t' read -r name options sentence; do
    [ "$options" = - ] && options=--channels=last
    output=$(ctl "$options" import "$WORK/bad/$name" 2>&1)
    status=$?
    [ $status -ne 0 ] && grep -q -E -- "$sentence" <<< "$output" && pass "$(grep -m 1 -E -- "$sentence" <<< "$output" | sed "s|.*$WORK/bad/||")" ||
        fail "$name: status $status, no '$sentence' in '$output'"
done < "$WORK/bad/cases"
check_same "nothing of them is there" 159 "$(index count)"
check_same "by --modality a file without a name for it is taken" "9 instances taken, 0 files not" \
    "$(ctl --modality=PT import "$WORK/bad/unknown.nii.gz" 2>&1 | tail -n 1)"

# ---- labels beside images: a segmentation of what they lie on, and its findings
GIVEN="$SCENARIO_SOURCE/tests/scenarios/given.py"
findings_of() { index findings "$1" > "$WORK/findings.json" && $PYTHON "$GIVEN" findings "$WORK/findings.json"; }
before=$(index reasons | cut -f 1)
output=$(ctl --labels=Kidney,Tumour import "$WORK/labelled" 2>&1)
check_same "an image and the masks beside it are taken" "0 files not" "$(tail -n 1 <<< "$output" | cut -d , -f 2 | xargs)"
given() { uid=$(index reasons | grep -v -F "$before" | awk -F '\t' '$2 == "CT" { print $1 }'); [ -n "$uid" ] && findings_of "$uid" | grep -q given-mask; }
wait_for 60 given && pass "they are its findings" || fail "no findings by the masks: $(index reasons | tail -n 3)"
check_same "every voxel of both, also where they overlap" "$(cat "$WORK/labelled.truth")" "$(findings_of "$uid" | tail -n +2)"
for file in $(grep -l -a LABELS -r "$NODE_DIR/objects" --include='*.dcm'); do
    check_same "dciodvfy finds no error in the segmentation" "" "$(dciodvfy -new "$file" 2>&1 | grep ^Error)"
done

case=$DATA/labelled/brats_full/BraTS2021_01657
if [ -d "$case" ]; then
    output=$(ctl import "$case" 2>&1)
    check_same "a BraTS case is taken with its labels" "621 instances taken, 0 files not" "$(grep "instances taken," <<< "$output")"
    wait_for 20 has 802
    for role in t1 flair; do
        check "its $role as nibabel reads it" $PYTHON "$NIFTI" compare "$NODE_DIR" "$case/BraTS2021_01657_$role.nii.gz"
    done
    study=$(ctl --json studies | $PYTHON -c 'import json, sys
print(*(s["study_uid"] for s in json.load(sys.stdin) if s["patient_id"] == "BraTS2021_01657"))')
    analysed() { [ "$(ctl why "$study" | grep -c 'analysed: 1 region of the mask that was given, 135.3 ml')" = 4 ]; }
    wait_for 120 analysed && pass "its four sequences have the region of the mask" || fail "they are not: $(ctl why "$study")"
else
    skip "brats_full of the real data is not here"
fi
node_stop
scenario_end
