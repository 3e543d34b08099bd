#!/bin/bash
# Goal: compressed pixels that are damaged, cut, empty, or that lie about their size are stored and
# answered, and each series ends with its sentence; no decoder ends or fills a worker.
. "$(dirname "$0")/lib.sh"
scenario_begin "hostile pixels end in a sentence each"
need_program dcmcrle dcmcjpeg dcmcjpls gdcmconv
node_start
worker=$(node_role_pid worker)
phantom "$WORK/ct" --modality CT --seed 4 --lesions 0 --size 64,64,12
$PYTHON "$SCENARIO_SOURCE/tests/scenarios/hostile_pixels.py" "$WORK/ct" "$WORK/series" > "$WORK/names" &&
    pass "$(wc -l < "$WORK/names") series" || fail "the series cannot be made"
while read -r name; do
    $PYTHON "$SCENARIO_SOURCE/tests/scenarios/table.py" send "$NODE_PORT" "$WORK/series/$name"
done < "$WORK/names" > "$WORK/sent"
check_same "every instance is stored and answered with 0000" \
    "$(find "$WORK/series" -name '*.dcm' | wc -l)" "$(grep -c 'status 0000' "$WORK/sent")"
wait_decided 120 && pass "every series has its reason" || fail "not every series has a reason after 120 s"
index reasons | cut -f 4 | sort | uniq -c | sort -rn | cut -c 1-150 | sed 's/^/      /'
# RLE has no check of its own: what is damaged in it may decode to other values.
analysed=$(index reasons | grep -c 'analysed: ')
[ "$analysed" -le 4 ] && pass "$analysed damaged series were taken for whole ones" ||
    fail "$analysed damaged series were taken for whole ones"
check "the assertion of OpenJPEG is a sentence" eval 'index reasons | grep -q "the code of a block is damaged"'
check "the tile bomb is one" eval 'index reasons | grep -q "more than 4096 tiles"'
check "an image that is larger than its data set is one" eval 'index reasons | grep -q "65500 x 65500 pixels"'
check "2147483647 frames are one" eval 'index reasons | grep -q "Number of Frames 2147483647\|4 GiB"'
check_same "the worker is still the same process" "$worker" "$(node_role_pid worker)"
memory=$(awk '/VmHWM/ { print int($2 / 1024) }' "/proc/$worker/status")
[ "$memory" -lt 600 ] && pass "it took $memory MiB at most" || fail "it took $memory MiB"
check "C-ECHO is answered within 1 s" within 1 echoscu -aec "$NODE_AE" 127.0.0.1 "$NODE_PORT"
scenario_end
