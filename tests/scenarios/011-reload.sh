#!/bin/bash
# Goal: SIGHUP takes a new configuration without refusing a caller; a wrong file changes
# nothing, and the log tells its mistake with its place.
. "$(dirname "$0")/lib.sh"
scenario_begin "reload: good, wrong, another port"
ACCEPT_UNKNOWN=false
node_ready() { web_get /readyz; }       # nobody may echo yet
node_start

echo_as() { echoscu -to 3 -aet "$1" -aec "$NODE_AE" 127.0.0.1 "$NODE_PORT"; }
refused() { ! echo_as "$1"; }
check 'a stranger is refused' refused NEWCOMER

receiver=$(node_role_pid receiver)
peer_yaml newcomer NEWCOMER 0 echo
node_config > "$NODE_YAML"
kill -HUP "$NODE_PID"
check 'after SIGHUP the new peer may echo' wait_for 10 echo_as NEWCOMER
check_same 'and the receiver is the same process' "$receiver" "$(node_role_pid receiver)"
check_log 'the reload is told' 'parent: reloaded'

sed -i 's|quiet_s:.*|quiet_s: never|' "$NODE_YAML"
kill -HUP "$NODE_PID"
check_log 'a wrong file is told with line and column' \
    'tumord.yaml:[0-9]+:[0-9]+: study.quiet_s: '
check 'and the old configuration serves on' echo_as NEWCOMER

old=$NODE_PORT
NODE_PORT=$(free_port)
node_config > "$NODE_YAML"
kill -HUP "$NODE_PID"
check 'another port is served' wait_for 15 echo_as NEWCOMER
on_old() { echoscu -to 2 -aet NEWCOMER -aec "$NODE_AE" 127.0.0.1 "$old"; }
not_on_old() { ! on_old; }
check 'and the old one is closed' wait_for 15 not_on_old
check 'the page is there all the same' wait_for 10 web_get /healthz
scenario_end
