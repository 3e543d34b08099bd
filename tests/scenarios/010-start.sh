#!/bin/bash
# Goal: the node starts, tells what is wrong by its exit status, starts again what dies, and
# ends within 10 s.
. "$(dirname "$0")/lib.sh"
scenario_begin "start, failed starts, deaths of roles, end"
node_start

check 'it answers C-ECHO' echoscu -to 2 -aec "$NODE_AE" 127.0.0.1 "$NODE_PORT"
for role in receiver scheduler worker pool sender http; do
    check "there is a $role" node_role_pid "$role"
done
check 'a good file is accepted' "$TUMORD" --check-config --config="$NODE_YAML"

# status EXPECTED COMMAND…
status() {
    local expected=$1
    shift
    within 20 "$@" > "$WORK/status.log" 2>&1
    local got=$?
    [ "$got" -eq "$expected" ] || { echo "status $got"; cat "$WORK/status.log"; return 1; }
}
check 'a second node on the same folder fails with 1' \
    status 1 "$TUMORD" --foreground --config="$NODE_YAML"
check 'and says why' grep -q 'another tumord is using' "$WORK/status.log"
sed "s|data_dir:.*|data_dir: $WORK/other|" "$NODE_YAML" > "$WORK/port.yaml"
check 'a taken port fails with 1, in the background too' \
    status 1 "$TUMORD" --config="$WORK/port.yaml"
check 'and says which' grep -q "port $NODE_PORT" "$WORK/status.log"
sed 's|quiet_s:.*|quiet_s: never|' "$NODE_YAML" > "$WORK/wrong.yaml"
check 'a wrong file fails with 3' status 3 "$TUMORD" --foreground --config="$WORK/wrong.yaml"
check 'and says where' grep -E -q 'wrong.yaml:[0-9]+:[0-9]+: study.quiet_s: ' "$WORK/status.log"
sed '/^web:/,/^  bind:/s|bind:.*|bind: 0.0.0.0|' "$NODE_YAML" > "$WORK/web.yaml"
check 'a page on the network fails with 3' status 3 "$TUMORD" -f -c "$WORK/web.yaml"
check 'an unknown option fails with 2' status 2 "$TUMORD" --no-such-option

another() { local pid; pid=$(node_role_pid "$1") && [ "$pid" != "$2" ]; }
for role in receiver scheduler worker pool sender http; do
    old=$(node_role_pid "$role")
    kill -KILL "$old"
    check "a $role that was killed is started again" wait_for 10 another "$role" "$old"
done
check 'and the node is ready again' wait_for 10 node_ready

roles=$(node_children)
begun=$(now_ms)
node_stop
check_same 'SIGTERM ends it with status 0' 0 "$NODE_STATUS"
took=$(($(now_ms) - begun))
if [ "$took" -lt 10000 ]; then pass "in less than 10 s"; else fail "the end took $took ms"; fi
for pid in $roles; do gone "$pid" || fail "process $pid outlives the node"; done

node_start
roles=$(node_children)
kill -KILL "$NODE_PID"
wait "$NODE_PID" 2>/dev/null
all_gone() { local pid; for pid in $roles; do gone "$pid" || return 1; done; }
check 'roles die with a parent that is killed' wait_for 5 all_gone
node_start
check 'and a new node takes the folder' node_ready
node_stop

# In the background: the shell gets its prompt back when the node serves, and not before.
in_background() { within 20 "$TUMORD" --config="$NODE_YAML" >> "$NODE_LOG" 2>&1; }
check 'a start in the background ends with 0' in_background
check 'and at that moment the node serves' node_ready
NODE_PID=$(pgrep -f -- "$TUMORD --config=$NODE_YAML")
check 'it has left the terminal' [ "$(ps -o tty= -p "$NODE_PID" | tr -d ' ')" = '?' ]
check 'and its session' [ "$(ps -o sid= -p "$NODE_PID" | tr -d ' ')" = "$NODE_PID" ]
kill -TERM "$NODE_PID"
check 'SIGTERM ends it, too' wait_for 10 gone "$NODE_PID"
NODE_PID=
scenario_end
