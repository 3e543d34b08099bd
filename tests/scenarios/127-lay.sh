#!/bin/bash
# Goal: other sequences of a study are laid on the analysed one, whose patient had moved between them,
# and tell their values of its lesions.
. "$(dirname "$0")/lib.sh"
scenario_begin "other series laid on the analysed one"
need_program dcmsend
node_config > "$WORK/tumord.yaml"
cat >> "$WORK/tumord.yaml" <<END
analyses:
  default:
    lay_on: [T1, FLAIR, CT, PT]
END
KEEP_YAML=1 node_start
vary() { $PYTHON "$SCENARIO_SOURCE/tests/scenarios/vary.py" "$@"; }
phantom "$WORK/made" --modality MR --seed 5 --lesions 2
vary "$WORK/made" "$WORK/t1" ScanningSequence=SE RepetitionTime=500 EchoTime=9 InversionTime= SeriesDescription=one
vary "$WORK/made" "$WORK/flair" ScanningSequence=SE RepetitionTime=9000 EchoTime=90 InversionTime=2500 \
    SeriesDescription=two shift=5,-3,6
check "T1 and FLAIR are sent" send "$WORK/t1" "$WORK/flair"
wait_decided 60 && pass "both are analysed" || fail "not analysed after 60 s"
study=$(study_uid "$WORK/t1")
ctl show "$study" --json > "$WORK/show.json"
check "each is laid on the other, by the 8.4 mm that its patient was moved, and says the same" $PYTHON - "$WORK/show.json" <<'END'
import json, math, sys
study = json.load(open(sys.argv[1]))
assert len(study["series"]) == 2
for series in study["series"]:
    findings = series["job"]["findings"]
    other, = findings["laid"]
    role = "FLAIR" if series["description"] == "one" else "T1"
    assert other["role"] == role and other["registered"], other
    assert abs(other["moved_mm"] - math.sqrt(25 + 9 + 36)) < 0.5 and other["turned_degrees"] < 0.5, other
    sign = 1 if role == "FLAIR" else -1
    moved = [row[3] for row in other["matrix"][:3]]
    assert all(abs(a - sign * b) < 1.5 for a, b in zip(moved, (5, -3, 6))), moved
    assert findings["lesions"]
    for lesion in findings["lesions"]:
        assert abs(lesion["laid"][role]["mean"] - lesion["mean"]) < 5, lesion
END
if has_data ctpetmr_cropped_sts002; then
    set=$DATA/dicom/ctpetmr_cropped_sts002
    check "a PET, its CT and the tumour drawn on both are sent" send "$set/ct" "$set/pet" "$set/ct_rtstruct" "$set/pet_rtstruct"
    thigh=$(study_uid "$set/pet")
    wait_for 20 grep -q "study complete study=$thigh" "$NODE_LOG"
    wait_decided 60 && pass "both are analysed" || fail "not analysed after 60 s"
    ctl show "$thigh" --json > "$WORK/thigh.json"
    # By TRUTH.tsv the tumour has 59.0 HU in its CT mask, and SUV 7.37 (to 21.7) in its PET mask.
    check "what CT and PET say of it in the other's mask is what the truth says to 3 percent" $PYTHON - "$WORK/thigh.json" <<'END'
import json, sys
for series in json.load(open(sys.argv[1]))["series"]:
    if series["modality"] not in ("CT", "PT"):
        continue
    findings = series["job"]["findings"]
    other, = findings["laid"]
    assert not other["registered"], other
    lesion = findings["lesions"][0]
    values = lesion["laid"][other["role"]]
    truth = 7.370 if other["role"] == "PT" else 59.021
    assert abs(values["mean"] - truth) < 0.03 * truth, values
    assert other["role"] == "CT" or values["maximum"] <= 21.677
END
fi
for sr in "$NODE_DIR"/results/*/sr.dcm; do
    if command -v dciodvfy > /dev/null; then
        check "dciodvfy has no error on $(basename "$(dirname "$sr")")/sr.dcm" eval '! dciodvfy "$sr" 2>&1 | grep "^Error"'
    fi
done
scenario_end
