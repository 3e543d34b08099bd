#!/bin/bash
# Goal: PNG and JPEG pictures go in as Secondary Capture, every pixel as it was; without --spacing their unit is the
# pixel, and nothing of them is told in millimetres; bombs and damaged files get their sentence.
. "$(dirname "$0")/lib.sh"
scenario_begin "import of pictures"
need_program dciodvfy
$PYTHON -c 'import PIL' 2> /dev/null || { skip "Pillow is not installed"; scenario_end; }
PICTURES="$SCENARIO_SOURCE/tests/scenarios/pictures.py"
QUIET_S=1
check "pictures are made" $PYTHON "$PICTURES" make "$WORK"
node_start
output=$(ctl import "$WORK/good" 2>&1)
check_same "a folder of pictures is a series" "patient case_a (case_a): 1 study, 1 series (OT), 9 instances" "$(grep case_a <<< "$output")"
has() { [ "$(index count)" = "$1" ]; }
wait_for 10 has 9
for file in "$WORK"/good/case_a/*; do
    check "$(basename "$file"): as Pillow reads it, unit: pixel" $PYTHON "$PICTURES" compare "$NODE_DIR" "$file" pixel
done
valid() {
    local file
    for file in $(find "$NODE_DIR/objects" -name '*.dcm'); do
        dciodvfy -new "$file" 2>&1 | grep ^Error && return 1
    done
    return 0
}
check "dciodvfy finds no error in them" valid
check_same "with --spacing they are others, in millimetres" "9 instances taken, 0 files not" \
    "$(ctl --spacing=0.5,0.25 import "$WORK/good" 2>&1 | tail -n 1)"
wait_for 10 has 18
check "grey_1.png in millimetres" $PYTHON "$PICTURES" compare "$NODE_DIR" "$WORK/good/case_a/grey_1.png" 0.5,0.25
wait_decided 30
check_same "they are kept, and not analysed" "2 not an acquisition: secondary capture" "$(index reasons | cut -f 4 | sort | uniq -c | xargs)"
while IFS=$'\t' read -r name sentence; do
    output=$(ctl import "$WORK/bad/$name" 2>&1)
    status=$?
    [ $status -ne 0 ] && grep -q -F -- "$sentence" <<< "$output" && pass "$name: $sentence" ||
        fail "$name: status $status, no '$sentence' in '$output'"
done < "$WORK/cases"
check_same "nothing of them is there" 18 "$(index count)"
output=$(ctl --spacing=0 import "$WORK/good" 2>&1)
check_same "a spacing of 0 is none" "tumorctl: a value that is not one: 0" "$(head -n 1 <<< "$output")"
for set in brats2021_slices_png/image figshare_slices ixi_healthy_png; do
    [ -d "$DATA/labelled/$set" ] || { skip "$set of the real data is not here"; continue; }
    count=$(find "$DATA/labelled/$set" -name '*.png' -o -name '*.jpg' | wc -l)
    output=$(ctl import "$DATA/labelled/$set" 2>&1 | grep "instances taken")
    check_same "$set is taken" "$count instances taken" "${output%%,*}"
done
scenario_end
