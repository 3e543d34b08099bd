#!/bin/bash
# Goal: a slice that comes after the study was complete reopens it, and the new result takes
# the place of the earlier one.
. "$(dirname "$0")/lib.sh"
scenario_begin "a late slice reopens the study and supersedes its result"
need_program dcmsend
QUIET_S=2
node_start
phantom "$WORK/ct" --modality CT --seed 7 --lesions 2
late=$(find "$WORK/ct" -type f | sort | tail -n 1)
mkdir "$WORK/late" && mv "$late" "$WORK/late/"
check "all but the last slice are sent" send "$WORK/ct"
wait_decided 60 && pass "there is a first result" || fail "no result after 60 s"
first=$(index objects)
[ -n "$first" ] || fail "the first result has no object"
check "the late slice is sent" send "$WORK/late"
reopened() { [ "$(index objects)" != "$first" ] && index decided; }
wait_for 60 reopened && pass "there is a second result" || fail "no second result after 60 s"
check "exactly one result is current" index one_result
check_same "one series is analysed" 1 "$(index analysed)"
second=$(index objects)
[ -n "$(comm -12 <(cut -f 2 <<< "$first" | sort) <(cut -f 2 <<< "$second" | sort))" ] &&
    fail "the second result reuses a UID of the first" || pass "the objects of the second have UIDs of their own"
node_stop

# The quiet time outlives a kill: the study is complete after the restart, without a send.
phantom "$WORK/mr" --modality MR --seed 8 --lesions 1
node_start
check "another study is sent" send "$WORK/mr"
kill -KILL "$NODE_PID" $(node_children)
wait "$NODE_PID" 2>/dev/null
NODE_PID=
node_start
wait_decided 60 && pass "after kill -9 of the whole node it is completed and decided" ||
    fail "it is not decided 60 s after a kill of the whole node"
check_same "both studies are analysed" 2 "$(index analysed)"
scenario_end
