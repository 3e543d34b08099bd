#!/bin/bash
# Goal: the layout of 3D-IRCADb, plain and zipped one by one: images go as they are, masks become a segmentation
# of them, and its tumours and organs are the findings.
. "$(dirname "$0")/lib.sh"
scenario_begin "import of the layout of 3D-IRCADb"
need_program dciodvfy
GIVEN="$SCENARIO_SOURCE/tests/scenarios/given.py"
QUIET_S=1
seed=51
for form in plain zipped; do
    phantom "$WORK/$form-images" --modality CT --seed $((seed++)) --lesions 1 --size 64,64,32
    $PYTHON "$GIVEN" ircadb "$WORK/$form-images" "$WORK/$form" > "$WORK/$form.truth" || fail "no files"
done
node_start
for form in plain zipped; do
    output=$(ctl import "$WORK/$form/$form" 2>&1)
    check_same "$form: images and one segmentation" "33 instances taken, 0 files not" "$(grep 'instances taken' <<< "$output" | sed 's/ (.*//; s/, [0-9]* passed.*//')"
done
findings_of() { index findings "$1" > "$WORK/findings.json" && $PYTHON "$GIVEN" findings "$WORK/findings.json"; }
has_given() { uid=$(index reasons | awk -F '\t' '$2 == "CT" { print $1 }' | while read -r one; do grep -q "$one" <<< "${seen:-none}" || echo "$one"; done | head -n 1); findings_of "$uid" | grep -q given-mask; }
wait_decided 60
seen=
for one in 1 2; do
    wait_for 30 has_given && pass "case $one has the masks as its findings" || fail "case $one: $(index reasons)"
    check_same "with every voxel" "$(cat "$WORK/plain.truth")" "$(findings_of "$uid" | tail -n +2)"
    seen="$seen $uid"
done
for file in $(grep -l -a MASKS_DICOM -r "$NODE_DIR/objects" --include='*.dcm'); do
    check_same "dciodvfy finds no error in the segmentation" "" "$(dciodvfy -new "$file" 2>&1 | grep ^Error)"
done

# ---- masks that cannot be of the images
mkdir -p "$WORK/alone/MASKS_DICOM" && cp -r "$WORK/plain/plain/3Dircadb1.1/MASKS_DICOM/liver" "$WORK/alone/MASKS_DICOM/"
output=$(ctl import "$WORK/alone" 2>&1)
grep -q "MASKS_DICOM without images in PATIENT_DICOM beside it" <<< "$output" && pass "masks without images are named" || fail "masks without images: $output"
cp -r "$WORK/plain/plain" "$WORK/more"
cp "$WORK/more/3Dircadb1.1/MASKS_DICOM/liver/image_12" "$WORK/more/3Dircadb1.1/MASKS_DICOM/liver/image_99"
output=$(ctl import "$WORK/more" 2>&1)
grep -q "1 planes of the mask liver have no image of their number" <<< "$output" && pass "a plane too many is named" || fail "a plane too many: $output"
scenario_end
