#!/bin/bash
# Goal: PET and NM go from C-STORE to results by uptake: regions of PET have SUVpeak, MTV and TLG in their unit, a
# series without SUV fails with what is missing, and planar views of MIBG have areas and ratios, and no volume.
. "$(dirname "$0")/lib.sh"
scenario_begin "uptake: PET in SUV, planar NM in counts"
need_program dcmsend
need_data ctpetmr_cropped_sts002
PET=$DATA/dicom/ctpetmr_cropped_sts002/pet

node_config > "$WORK/tumord.yaml"
sed -i '/^rules:/,$d' "$WORK/tumord.yaml"
cat >> "$WORK/tumord.yaml" <<END
analyses:
  uptake: {method: pet-otsu, suv: lbm}
  percist: {method: pet-percist, suv: lbm}
rules:
  - {name: PERCIST, when: {Modality: PT, PatientID: /^PHANTOM/}, analysis: percist}
  - {name: PET, when: {Modality: PT}, analysis: uptake}
  - {name: others, when: {Modality: NM}, analysis: default}
END
KEEP_YAML=1 node_start
phantom "$WORK/mibg" --kind=mibg --seed=3 --lesions=4
check "dciodvfy finds no error in the phantom" \
    eval '! dciodvfy -new "$WORK/mibg/planar.dcm" 2>&1 | grep -q ^Error'
cp -r "$PET" "$WORK/bare"
$PYTHON - "$WORK/bare" <<'END'
import os, sys, pydicom
from pydicom.uid import generate_uid
uids = {}
for name in os.listdir(sys.argv[1]):
    path = os.path.join(sys.argv[1], name)
    os.chmod(path, 0o644)
    one = pydicom.dcmread(path)
    for key in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        one[key].value = uids.setdefault(one[key].value, generate_uid())
    one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
    del one.PatientSize
    one.save_as(path)
END
phantom "$WORK/ct" --kind=trunk --seed=1 --lesions=0 --size=160,128,100 --spacing=2.6,2.6,4
$PYTHON "$SCENARIO_SOURCE/tests/scenarios/pet_of.py" "$WORK/ct" "$WORK/pet_of_ct"
$PYTHON "$SCENARIO_SOURCE/tests/scenarios/vary.py" "$WORK/pet_of_ct" "$WORK/alone" study=new
check "a PET series, the same without the patient's size, and planar NM are sent" \
    send "$PET" "$WORK/bare" "$WORK/mibg"
check "a PET with its CT, and without, are sent" send "$WORK/ct" "$WORK/pet_of_ct" "$WORK/alone"
wait_decided 120 && pass "every series is decided" || fail "not every series is decided after 120 s"
ctl show "$(study_uid "$PET")" > "$WORK/pet"
ctl show "$(study_uid "$WORK/bare")" > "$WORK/bare.txt"
ctl show "$(study_uid "$WORK/mibg")" > "$WORK/mibg.txt"
check "PET: the unit is lean body mass by James" grep -q 'g/ml{SUVlbm}' "$WORK/pet"
check "PET: a region has its peak and its glycolysis" grep -q 'peak .* g/ml{SUVlbm}, TLG .* g$' "$WORK/pet"
check "PET: the study has its metabolic volume" grep -q 'MTV .* ml, TLG .* g in all' "$WORK/pet"
check "PET: the rule is told" grep -q 'rule: about each region of at least 4 g/ml{SUVlbm}' "$WORK/pet"
check "without a size: no number, and why" \
    grep -q "the method pet-otsu needs SUV: SUV not computable: needs Patient's Size" "$WORK/bare.txt"
check "NM: regions in views" grep -q 'candidate regions in planar views' "$WORK/mibg.txt"
check "NM: from the front and from the back" eval 'grep -q anterior "$WORK/mibg.txt" && grep -q posterior "$WORK/mibg.txt"'
check "NM: ratios" grep -q 'times what lies around it' "$WORK/mibg.txt"
check "NM: no volume, no SUV" eval '! grep -q -E "[0-9] ml|SUV" "$WORK/mibg.txt"'
ctl show "$(study_uid "$WORK/pet_of_ct")" --json > "$WORK/percist.json"
check "PERCIST: the threshold is 1.5 means and 2 SD of the liver of the CT, and one lesion passes it" \
    $PYTHON - "$WORK/percist.json" <<'END'
import json, re, sys
findings, = (series["job"]["findings"] for series in json.load(open(sys.argv[1]))["series"]
             if series.get("job") and series["job"]["findings"])
threshold, mean, sd = map(float, re.match(
    r"voxels of at least ([\d.]+) = 1.5 x ([\d.]+) \+ 2 x ([\d.]+) g/ml\{SUVlbm\}", findings["rule"]).groups())
lean = (1.10 * 70 - 120 * (70 / 175) ** 2) / 70
assert abs(mean / (2 * lean) - 1) < 0.02 and abs(sd / (0.2 * lean) - 1) < 0.2, (mean, sd)
assert abs(threshold - 1.5 * mean - 2 * sd) < 0.002
assert findings["count"] == 1 and abs(findings["lesions"][0]["maximum"] / (9 * lean) - 1) < 0.001
assert any("found on the study's CT" in warning for warning in findings["warnings"])
END
ctl show "$(study_uid "$WORK/alone")" > "$WORK/alone.txt" 2>&1
check "PERCIST: without a CT there is no reference, and no number" grep -q \
    "no liver reference: the study has no CT in the same frame of reference" "$WORK/alone.txt"
ctl stats --all --json > "$WORK/stats.json"
check "statistics have glycolysis of PET and ratios of NM" \
    eval 'grep -q "\"tlg\"" "$WORK/stats.json" && grep -q "\"background_ratio\"" "$WORK/stats.json"'
for sr in $(find "$NODE_DIR" -name '*sr.dcm'); do
    check "dciodvfy finds no error in ${sr##*/}" eval '! dciodvfy -new "$sr" 2>&1 | grep -q ^Error'
done
node_stop
check_same "the node ends well" 0 "$NODE_STATUS"
scenario_end
