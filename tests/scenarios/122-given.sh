#!/bin/bash
# Goal: masks that come with a study are its findings: a structure set that comes later takes the place of the
# method's result, contours that overlap keep all of their voxels in the segmentation that is sent, organs lie beside
# tumours; a mask that does not fit gets its sentence, and our own results are no masks.
. "$(dirname "$0")/lib.sh"
scenario_begin "masks that come with a study"
need_program dcmsend dcmqrscp dciodvfy
GIVEN="$SCENARIO_SOURCE/tests/scenarios/given.py"
dcmqrscp_start
peer_yaml pacs QRSCP "$QRSCP_PORT"
DELIVER_TO=pacs QUIET_S=1
node_start

series_of() { $PYTHON -c "import glob, pydicom, sys; print(pydicom.dcmread(sorted(glob.glob(sys.argv[1] + '/*'))[0], stop_before_pixels=True).SeriesInstanceUID)" "$1"; }
findings_of() { index findings "$1" > "$WORK/findings.json" && $PYTHON "$GIVEN" findings "$WORK/findings.json"; }
has_method() { findings_of "$1" | grep -q "^$2 "; }
told() { index findings "$1" | grep -F -q -- "$2"; }

# ---- real ones: IBSI's sarcoma, whose contours are masks to the voxel, and a PET with two that overlap
if has_data ctpetmr_cropped_sts002 && has_data pet_fdg_ge_sts001; then
    ct=$DATA/dicom/ctpetmr_cropped_sts002/ct
    uid=$(series_of "$ct")
    check "a CT comes without its contours" send "$ct"
    wait_for 60 has_method "$uid" otsu3-morphology && pass "it is looked at by the method" || fail "no result of the method"
    check "its structure set comes later" send "$DATA/dicom/ctpetmr_cropped_sts002/ct_rtstruct"
    wait_for 60 has_method "$uid" given-mask && pass "then the contours are the result" || fail "no result of the contours"
    check_same "with the voxels and the volume of the truth" "given-mask 1 53.30
region GTV_Mass_CT 17090" "$(findings_of "$uid")"
    check "that says from where" told "$uid" "taken from the mask given by MIM Software Inc., IBSI_1_STS_002_CT_mask"
    check "exactly one result is current" index one_result

    pet=$DATA/dicom/pet_fdg_ge_sts001
    uid=$(series_of "$pet/image")
    check "a PET comes with its structure set" send "$pet"
    wait_for 90 has_method "$uid" given-mask && pass "its two contours are the result" || fail "no result of the PET"
    findings_of "$uid" > "$WORK/pet"
    check_same "both, the larger first" "GTV_Edema GTV_Mass" "$(awk '$1 == "region" { print $2 }' "$WORK/pet" | xargs)"
    check "to 2 % of the truth" awk '$2 == "GTV_Edema" { e = $3 / 8172 } $2 == "GTV_Mass" { m = $3 / 5167 }
        END { exit !(e > .98 && e < 1.02 && m > .98 && m < 1.02) }' "$WORK/pet"
    wait_delivered 60
    seg=$(grep -l -a "GTV_Edema" "$QRSCP_DIR"/SG* "$QRSCP_DIR"/*.dcm "$QRSCP_DIR"/* 2> /dev/null | while read -r file; do
        $PYTHON -c "import pydicom, sys; sys.exit(pydicom.dcmread(sys.argv[1]).Modality != 'SEG')" "$file" && echo "$file" && break
    done)
    check_same "the archive's segmentation has all voxels of both" "$(awk '$1 == "region" { print $2 " Neoplasm " $3 } END { print "overlap YES" }' "$WORK/pet")" \
        "$($PYTHON "$GIVEN" segments "$seg" 2>&1)"
    check_same "and dciodvfy finds no error in it" "" "$(dciodvfy -new "$seg" 2>&1 | grep ^Error)"
else
    skip "the real contours are not here"
fi

# ---- drawn ones, good and bad, each on a phantom of its own
seed=40
for kind in good frame short outside far organ; do
    phantom "$WORK/$kind" --modality CT --seed $((seed++)) --lesions 1 --size 64,64,32
    $PYTHON "$GIVEN" seg "$WORK/$kind" "$WORK/$kind/mask.dcm" $kind || fail "no mask $kind"
    check "a phantom with a mask: $kind" send "$WORK/$kind"
done
wait_decided 90 && pass "all are decided" || fail "not decided after 90 s"
for kind in good frame short outside far organ; do
    rm "$WORK/$kind/mask.dcm"
    eval "uid_$kind=$(series_of "$WORK/$kind")"
done
check_same "a tumour in its organ" "given-mask 1 0.21
region Tumour 210
organ Liver 4320" "$(findings_of "$uid_good")"
check_same "its sentence" "analysed: 1 region of the mask that was given, 0.2 ml" "$(index reasons | grep "$uid_good" | cut -f 4)"
for kind in frame short far; do
    uid=uid_$kind
    check "the method looks where the mask does not fit: $kind" has_method "${!uid}" otsu3-morphology
done
check "another frame of reference" told "$uid_frame" "Tumour of Hand & work, drawn by a reader is not used: it was drawn in another frame of reference"
check "too few pixels" told "$uid_short" "sizes disagree"
check "all of it outside" told "$uid_far" "Tumour: 210 of its pixels lie outside of the series"
check "the tumour outside, the organ not" told "$uid_outside" "Tumour: 210 of its pixels lie outside of the series"
check_same "the organ is told, and the method looks for tumours" "organ Liver 4320" "$(findings_of "$uid_outside" | tail -n 1)"
check_same "so it is where only the organ was drawn" "otsu3-morphology+given-mask" "$(findings_of "$uid_organ" | head -n 1 | cut -d ' ' -f 1)"

# ---- our own segmentation comes back: no mask, and no other result
before=$(index objects)
cp "$(index objects seg | head -n 1 | cut -f 1)" "$WORK/own.dcm"
check "our segmentation is sent back" send "$WORK/own.dcm"
wait_for 20 eval 'index reasons | grep -q "a result of this program"'
wait_decided 30
check_same "it changes no result" "$before" "$(index objects)"

# ---- beside, and ignored
study=$(study_uid "$WORK/good")
sed -i 's/^rules:/analyses:\n  default: {masks: beside}\nrules:/' "$NODE_YAML"
reloaded() { kill -HUP "$NODE_PID"; wait_for 10 eval 'tail -n 3 "$NODE_LOG" | grep -q reloaded'; ctl rerun "$study"; }
check "with masks: beside it is analysed again" reloaded
wait_for 60 has_method "$uid_good" otsu3-morphology+given-mask && pass "by both" || fail "not by both: $(findings_of "$uid_good")"
check_same "the drawn ones are there" "region Tumour 210 organ Liver 4320" "$(findings_of "$uid_good" | grep -E 'Tumour|Liver' | xargs)"
sed -i 's/masks: beside/masks: ignore/' "$NODE_YAML"
check "with masks: ignore once more" reloaded
wait_for 60 has_method "$uid_good" otsu3-morphology && pass "by the method alone" || fail "not by the method"
check_same "no mask is told of" "" "$(index findings "$uid_good" | grep -F "Hand & work")"
scenario_end
