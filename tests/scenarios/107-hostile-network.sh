#!/bin/bash
# Goal: nothing that comes over the network delays a C-ECHO by more than 1 s, fills the receiver's
# memory or ends a process.
# Alone: it measures answers within a second.
. "$(dirname "$0")/lib.sh"
scenario_begin "a hostile network"
TIMEOUT_S=5
node_start
receiver=$(node_role_pid receiver) all=$(node_children)
$PYTHON "$SCENARIO_SOURCE/tests/scenarios/hostile_network.py" "$NODE_PORT" "$receiver" > "$WORK/hostile.log" 2>&1
while read -r verdict line; do
    case $verdict in
    good) pass "$line" ;;
    *) fail "$line" ;;
    esac
done < "$WORK/hostile.log"
check_same "no process has died" "$all" "$(node_children)"
check "what was acknowledged before and after is kept: the node is ready" node_ready
scenario_end
