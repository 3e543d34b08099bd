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
rules:
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
check "a PET series, the same without the patient's size, and planar NM are sent" \
    send "$PET" "$WORK/bare" "$WORK/mibg"
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
ctl stats --all --json > "$WORK/stats.json"
check "statistics have glycolysis of PET and ratios of NM" \
    eval 'grep -q "\"tlg\"" "$WORK/stats.json" && grep -q "\"background_ratio\"" "$WORK/stats.json"'
for sr in $(find "$NODE_DIR" -name '*sr.dcm'); do
    check "dciodvfy finds no error in ${sr##*/}" eval '! dciodvfy -new "$sr" 2>&1 | grep -q ^Error'
done
node_stop
check_same "the node ends well" 0 "$NODE_STATUS"
scenario_end
