#!/bin/bash
# Goal: the organs of a CT come with its findings, as a segmentation of their own, as groups of the report and on
# the page, with left and right as they are; what the scan was like is told; and 'organs: false' leaves them out.
. "$(dirname "$0")/lib.sh"
scenario_begin "organs with the findings"
need_program storescu
node_start
phantom "$WORK/trunk" --modality CT --kind=trunk --lesions 0 --size 110,90,40 --spacing 4,4,7
check "the trunk is sent" send "$WORK/trunk"
wait_decided 60 && pass "it is decided" || fail "not decided after 60 s"
folder=$(dirname "$(ls "$NODE_DIR"/results/*/findings.json)")
check "all organs are found, each on its side, and what was not has a reason" $PYTHON - "$folder" <<'END'
import json, sys
import pydicom
folder = sys.argv[1]
findings = json.load(open(folder + "/findings.json"))
organs = {organ["name"]: organ for organ in findings["organs"]}
for name in ("body", "left lung", "right lung", "bone", "liver", "spleen", "left kidney", "right kidney", "muscle"):
    assert organs[name]["found"], organs[name]
assert all(organ["found"] or organ["why_not"] for organ in findings["organs"])
for side, sign in (("left", 1), ("right", -1)):
    for kind in ("lung", "kidney"):
        assert organs[side + " " + kind]["centroid_mm"][0] * sign > 20
        assert organs[side + " " + kind]["laterality"] == side
assert organs["liver"]["centroid_mm"][0] < -20 and abs(organs["liver"]["percentiles"][2] - 105) < 5
assert organs["left lung"]["truncated"] and not organs["spleen"]["truncated"]
seg = pydicom.dcmread(folder + "/organs.dcm")
assert {s.SegmentLabel for s in seg.SegmentSequence} >= {"liver", "left kidney", "bone"}
assert findings["acquisition"]["slice_thickness_mm"] == 7
END
for object in "$folder"/organs.dcm "$folder"/sr.dcm; do
    if command -v dciodvfy > /dev/null; then
        check "dciodvfy has no error on $(basename "$object")" eval '! dciodvfy -new "$object" 2>&1 | grep "^Error"'
    fi
done
node_stop
echo 'analyses: {default: {organs: false}}' >> "$NODE_YAML"
KEEP_YAML=1 node_start
phantom "$WORK/again" --modality CT --kind=trunk --seed 2 --lesions 0 --size 110,90,40 --spacing 4,4,7
check "another trunk is sent" send "$WORK/again"
wait_decided 60 && pass "it is decided" || fail "not decided after 60 s"
other=$(dirname "$(ls -t "$NODE_DIR"/results/*/findings.json | head -n 1)")
check "without organs there are none in it" eval '[ "$other" != "$folder" ] && ! grep -q "\"organs\"" "$other/findings.json"'
check "and no segmentation of them" eval '[ ! -e "$other/organs.dcm" ]'
node_stop
sed -i 's/^analyses: .*/analyses: {default: {method: organ-outliers, polarity: both, organ: liver}}/' "$NODE_YAML"
KEEP_YAML=1 node_start
phantom "$WORK/third" --modality CT --kind=trunk --seed 3 --lesions 0 --size 110,90,40 --spacing 4,4,7
check "a third trunk is sent" send "$WORK/third"
wait_decided 60 && pass "it is decided" || fail "not decided after 60 s"
third=$(dirname "$(ls -t "$NODE_DIR"/results/*/findings.json | head -n 1)")
check "a method in an organ says where it looked" grep -q "searched in the liver" "$third/findings.json"
phantom "$WORK/none" --modality CT --seed 4
check "a phantom without organs is sent" send "$WORK/none"
wait_decided 60 && pass "it is decided" || fail "not decided after 60 s"
ctl why "$(study_uid "$WORK/none")" > "$WORK/why.txt" 2>&1
check "without the organ the job says so" grep -q "organ-outliers needs an organ: liver not found" "$WORK/why.txt"
scenario_end
