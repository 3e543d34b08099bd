#!/bin/bash
# Goal: of series that show the same the best is analysed, every other one is told why not, a volume
# whose values are wrong is not analysed, and then the next best has its turn.
. "$(dirname "$0")/lib.sh"
scenario_begin "the best series, and the quality of its volume"
need_program dcmsend
node_config > "$WORK/tumord.yaml"
echo "    choose: best" >> "$WORK/tumord.yaml"
KEEP_YAML=1 node_start
vary() { $PYTHON "$SCENARIO_SOURCE/tests/scenarios/vary.py" "$@"; }
# reason STUDY NUMBER, role STUDY NUMBER: of the series with that text in its description.
of_series() {
    ctl why "$1" --json | $PYTHON -c '
import json, sys
for series in json.load(sys.stdin)["series"]:
    if sys.argv[1] in series["description"]:
        print(series.get(sys.argv[2], ""))' "$2" "$3"
}

phantom "$WORK/made" --modality CT --seed 5 --lesions 2
vary "$WORK/made" "$WORK/soft" ConvolutionKernel=B30f SeriesNumber=3 SeriesDescription=soft
vary "$WORK/made" "$WORK/sharp" ConvolutionKernel=B70f SeriesNumber=4 SeriesDescription=sharp
vary "$WORK/made" "$WORK/thick" ConvolutionKernel=B30f SeriesNumber=5 SeriesDescription=thick
for file in $(ls "$WORK/thick" | sed -n 'n;p'); do rm "$WORK/thick/$file"; done
# In a study of its own the soft one has an intercept too many.
vary "$WORK/made" "$WORK/wrong" study=new ConvolutionKernel=B30f SeriesNumber=3 SeriesDescription=wrong RescaleIntercept=1024
wrong_study=$(study_uid "$WORK/wrong")
vary "$WORK/made" "$WORK/next" ConvolutionKernel=B70f SeriesNumber=4 SeriesDescription=next "StudyInstanceUID=$wrong_study"
check "two studies are sent" send "$WORK/soft" "$WORK/sharp" "$WORK/thick" "$WORK/wrong" "$WORK/next"
study=$(study_uid "$WORK/soft")
next_is_done() { of_series "$wrong_study" next reason | grep -q '^analysed'; }
wait_decided 60 && wait_for 60 next_is_done && wait_decided 60 && pass "all are decided" || fail "not decided after 60 s"

check_same "the soft kernel is analysed" analysed: "$(of_series "$study" soft reason | cut -d' ' -f1)"
check_same "the sharp one is told why not" \
    "not analysed: series 3 was chosen; this one has a sharp kernel (B70f)" "$(of_series "$study" sharp reason)"
check "the thick one, too" grep -q '^not analysed: series 3 was chosen; this one ' <<< "$(of_series "$study" thick reason)"
check_same "a CT with an intercept too many is not analysed" \
    "not analysed for its quality: the values are not HU" "$(of_series "$wrong_study" wrong reason | cut -d, -f1)"
check "and the next best had its turn" next_is_done
check_same "why tells the kernel" "CT, no contrast agent told, sharp kernel (B70f)" "$(of_series "$study" sharp role)"
ctl show "$study" --json > "$WORK/show.json" 2>&1
check "the verdict is in the findings" grep -q '"verdict": *"ok"' "$WORK/show.json"

# What these show is known at once; their analyses are not waited for.
if has_data mr_brain_tumour_siemens_pgbm003; then
    check "a brain in four sequences is sent" send "$DATA/dicom/mr_brain_tumour_siemens_pgbm003"
    brain=$(study_uid "$DATA/dicom/mr_brain_tumour_siemens_pgbm003/t1post")
    check_same "T1 is known by its times" "T1 (SE, TR 500 ms, TE 9.5 ms)" "$(of_series "$brain" T1pre role)"
    check_same "T1 with contrast by the agent" "T1 with contrast (SE, TR 500 ms, TE 9.5 ms, agent given)" \
        "$(of_series "$brain" T1post role)"
    check_same "T2 by its times" "T2 (SE, TR 4000 ms, TE 92 ms)" "$(of_series "$brain" T2 role)"
    check_same "FLAIR by its inversion" "FLAIR (SE/IR, TR 10000 ms, TE 90 ms, TI 2600 ms)" \
        "$(of_series "$brain" FLAIR role)"
    wait_for 20 grep -q "study complete study=$brain" "$NODE_LOG"
    check_same "none of the four takes another's place" "" \
        "$(ctl why "$brain" | grep 'not analysed: series')"
fi
if has_data ctpetmr_cropped_sts002; then
    check "CT, PET and MR of a thigh are sent" send "$DATA"/dicom/ctpetmr_cropped_sts002/{ct,pet,mr_t1}
    thigh=$(study_uid "$DATA/dicom/ctpetmr_cropped_sts002/pet")
    check_same "a PET finds its CT" "$(of_series "$thigh" CT_image series_uid)" "$(of_series "$thigh" PET_image partner)"
    check_same "T1 by its name, where the times are lost" "T1 (SE, by its name)" "$(of_series "$thigh" MR_T1 role)"
fi
scenario_end
