#!/bin/bash
# Goal: warm workers answer for the page: planes of a series as pictures, quickly, and a worker
# that dies costs a sentence at most.
. "$(dirname "$0")/lib.sh"
scenario_begin "planes of a series come from the warm pool"
need_program dcmsend curl
node_start
phantom "$WORK/ct" --modality CT --seed 5 --lesions 2
phantom "$WORK/mr" --modality MR --seed 6 --lesions 1
check "two studies are sent" send "$WORK/ct" "$WORK/mr"
wait_decided 60 && pass "they are analysed" || fail "they are not analysed after 60 s"
check "the pictures show the voxels that pydicom reads" \
    $PYTHON "$SCENARIO_SOURCE/tests/scenarios/planes.py" "http://127.0.0.1:$WEB_PORT" "$WORK/ct" "$WORK/mr"

series=$($PYTHON - "$WORK/ct" <<'END'
import os, sys, pydicom
print(pydicom.dcmread(os.path.join(sys.argv[1], sorted(os.listdir(sys.argv[1]))[0])).SeriesInstanceUID)
END
)
base=http://127.0.0.1:$WEB_PORT/api/series
status() { curl --silent --output "$WORK/body" --write-out '%{http_code}' --max-time 40 "$1"; }
check_same "a plane beyond the last is 422" 422 "$(status "$base/$series/planes/axial/9999.png")"
check "and a sentence" grep -q 'axial planes, and 9999 is none of them' "$WORK/body"
check_same "a plane of no kind is 422" 422 "$(status "$base/$series/planes/oblique/3.png")"
for path in "planes/axial/x.png" "planes/axial/-1.png" "planes/axial/3.jpg" "planes/3.png" \
        "planes/axial/3.png?center=1" "planes/axial/3.png?center=nan&width=4" \
        "planes/axial/3.png?center=4&width=0" "planesque"; do
    check_same "$path is 404" 404 "$(status "$base/$series/$path")"
done
check_same "a series that is not here is 404" 404 "$(status "$base/1.2.3/planes")"
check_same "a series that is no UID is 404" 404 "$(status "$base/../planes")"

# Nobody waits for somebody else's picture: the API answers while planes are loaded.
for n in $(seq 8); do status "$base/$series/planes/sagittal/$n.png" > "$WORK/status.$n" & pids[n]=$!; done
check "the API answers meanwhile" web_get /api/studies
for n in $(seq 8); do wait "${pids[n]}"; done
check_same "eight at once are all answered" "200 200 200 200 200 200 200 200" \
    "$(cat "$WORK"/status.? | sed 's/200/200 /g; s/ $//')"

# A worker that dies is started again, and the next picture comes.
kill -KILL "$(node_role_pid pool)"
check_same "after a kill of the pool's worker a picture comes" 200 "$(status "$base/$series/planes/axial/2.png")"
kill -STOP "$(node_role_pid pool)"
(sleep 1; kill -KILL "$(node_role_pid pool)") &
check_same "one that dies in the middle of it, too" 200 "$(status "$base/$series/planes/coronal/2.png")"

# A stop does not wait for pictures.
kill -STOP "$(node_role_pid pool)"
status "$base/$series/planes/coronal/3.png" > /dev/null &
sleep 0.3
node_stop
check_same "the node stops while a picture is waited for" 0 "$NODE_STATUS"
scenario_end
