#!/bin/bash
# Goal: the same voxels as classic slices and as one enhanced multi-frame object give the same
# findings, and results that refer to frames.
. "$(dirname "$0")/lib.sh"
scenario_begin "classic and enhanced multi-frame give the same findings"
need_program dcmsend
node_start
for modality in CT MR; do
    phantom "$WORK/$modality" --modality $modality --seed 5 --lesions 2 --oblique
    check "a $modality series becomes one enhanced object" \
        $PYTHON "$SCENARIO_SOURCE/tests/scenarios/enhance.py" make "$WORK/$modality" "$WORK/$modality-enhanced"
done
check "all are sent" send "$WORK/CT" "$WORK/CT-enhanced" "$WORK/MR" "$WORK/MR-enhanced"
wait_decided 60 && pass "all are analysed" || fail "not analysed after 60 s"
check_same "four series have a result" 4 "$(index analysed)"
for modality in CT MR; do
    check "the findings of the enhanced $modality are those of the classic one" \
        $PYTHON "$SCENARIO_SOURCE/tests/scenarios/enhance.py" compare "$NODE_DIR" "$WORK/$modality" "$WORK/$modality-enhanced"
done
for seg in "$NODE_DIR"/results/*/seg.dcm "$NODE_DIR"/results/*/sr.dcm; do
    if command -v dciodvfy > /dev/null; then
        check "dciodvfy has no error on $(basename "$(dirname "$seg")")/$(basename "$seg")" \
            eval '! dciodvfy "$seg" 2>&1 | grep "^Error"'
    fi
done
scenario_end
