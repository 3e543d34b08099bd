#!/bin/bash
# Goal: in the running node the sandbox is on: each role has its filter, a worker that leaves
# its list dies of SIGSYS, its job is quarantined, and nobody else notices.
. "$(dirname "$0")/lib.sh"
scenario_begin "the sandbox is on"

phantom "$WORK/phantom" --modality CT --seed 1 --lesions 1 || { fail "no phantom"; scenario_end; }

for what in socket execve openat; do
    NODE_DIR=$WORK/$what NODE_LOG=$WORK/$what.log
    node_start env TUMORD_TEST_WORKER=$what
    if [ "$what" = socket ]; then
        for role in receiver scheduler worker sender http; do
            state=$(grep -E '^(Seccomp|NoNewPrivs):' "/proc/$(node_role_pid $role)/status" |
                tr -d '\t\n ')
            check_same "$role has a filter and no new privileges" 'NoNewPrivs:1Seccomp:2' "$state"
        done
        receiver=$(node_role_pid receiver)
    fi
    check "the study is received" send "$WORK/phantom"
    check_log "a worker that tries $what dies of SIGSYS" 'role="worker 0".*signal=31'
    check "its series ends with a reason" wait_decided 60
    [ "$what" != socket ] || check_same 'the receiver never noticed' "$receiver" \
        "$(node_role_pid receiver)"
    check "C-ECHO is answered" node_ready
    node_stop
done
scenario_end
