#!/bin/bash
# Goal: the same as 020 with another stack: dcmtk's dcmqrscp, whose files are read where it
# keeps them.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/delivery.sh"
scenario_begin "findings of real studies and a phantom arrive in dcmqrscp"
need_program dcmqrscp storescu dciodvfy dsrdump
dcmqrscp_start
peer_yaml pacs QRSCP "$QRSCP_PORT"
DELIVER_TO=pacs QUIET_S=10
node_start
send_all
arrive "$QRSCP_DIR"
scenario_end
