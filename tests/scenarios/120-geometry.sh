#!/bin/bash
# Goal: a tilted gantry, a missing slice and uneven slices change no finding; the segmentation lies on
# the slices as they were taken, and a gap that is too long ends in its sentence.
. "$(dirname "$0")/lib.sh"
scenario_begin "results of resampled series lie on their slices"
need_program storescu
node_start
for made in tilt:--tilt=20 missing:--missing=1 uneven:--uneven=0.3; do
    phantom "$WORK/${made%%:*}" --modality CT --seed 5 --lesions 2 --size 96,96,48 "${made#*:}"
done
phantom "$WORK/gap" --modality CT --seed 5 --lesions 2 --size 96,96,48 --missing=2
check "all are sent" send "$WORK/tilt" "$WORK/missing" "$WORK/uneven" "$WORK/gap"
wait_decided 60 && pass "all are decided" || fail "not decided after 60 s"
check_same "three of the four series have a result" 3 "$(index analysed)"
for kind in tilt missing uneven; do
    check "$kind: frames lie on the slices that they name, regions where the lesions are" \
        $PYTHON "$SCENARIO_SOURCE/tests/scenarios/geometry.py" "$NODE_DIR" "$WORK/$kind" $kind
done
for kind in tilt:48:true missing:48:true gap:48:true; do
    IFS=: read -r name count even <<< "$kind"
    series=$($PYTHON -c 'import glob, sys, pydicom
print(pydicom.dcmread(glob.glob(sys.argv[1] + "/*.dcm")[0]).SeriesInstanceUID)' "$WORK/$name")
    check "$name: pictures are of an even grid, $count planes" eval \
        'web_get "/api/series/$series/planes" | grep -q "\"resampled\":$even.*\"axial\":{\"count\":$count,"'
done
check "the gap of two slices is told with its position" eval \
    'index reasons | grep -q "slices missing: a gap of 3.00 mm between positions .* at most 1 missing in a row"'
for object in "$NODE_DIR"/results/*/seg.dcm "$NODE_DIR"/results/*/sr.dcm; do
    if command -v dciodvfy > /dev/null; then
        check "dciodvfy has no error on $(basename "$(dirname "$object")")/$(basename "$object")" \
            eval '! dciodvfy "$object" 2>&1 | grep "^Error"'
    fi
done
scenario_end
