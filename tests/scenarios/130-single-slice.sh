#!/bin/bash
# Goal: of a single slice areas and lengths are told and no volume; a body made of it is marked synthetic in
# every object and picture, has a frame of reference of its own, and no number of it is in the report.
. "$(dirname "$0")/lib.sh"
scenario_begin "a single slice, and a body made of it"
need_program dcmsend
eval "plain_$(declare -f node_config)"
node_config() {
    plain_node_config
    printf 'analyses:\n  default:\n    synthesis_mm: 24\n'
}
node_start
phantom "$WORK/ct" --modality CT --seed 5 --lesions 2 --spacing 1,1,2
slice=$($PYTHON "$SCENARIO_SOURCE/tests/scenarios/single_slice.py" pick "$WORK/ct")
mkdir "$WORK/one" && cp "$slice" "$WORK/one"
check "the slice through the largest lesion is sent" send "$WORK/one"
wait_decided 60 && pass "it is analysed" || fail "not analysed after 60 s"
result=$(ls -d "$NODE_DIR"/results/*)
$PYTHON "$SCENARIO_SOURCE/tests/scenarios/single_slice.py" look "$result" "$slice" "$WORK/ct" > "$WORK/look.log" 2>&1
while read -r verdict line; do
    case $verdict in
    good) pass "$line" ;;
    *) fail "$verdict $line" ;;
    esac
done < "$WORK/look.log"
for object in seg synthetic sr sc; do
    if command -v dciodvfy > /dev/null; then
        check "dciodvfy has no error on $object.dcm" eval '[ -s "$result/$object.dcm" ] && ! dciodvfy "$result/$object.dcm" 2>&1 | grep "^Error"'
    fi
done
ctl show "$(study_uid "$WORK/one")" > "$WORK/show.txt"
check "tumorctl says so" grep -q "synthetic, voxels: .*not for measurement" "$WORK/show.txt"
scenario_end
