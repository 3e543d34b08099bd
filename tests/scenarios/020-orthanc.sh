#!/bin/bash
# Goal: what was found in real CT, MR and PET and in a phantom is in Orthanc within 60 s of
# the last slice, as objects that validators and other readers accept.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/delivery.sh"
scenario_begin "findings of real studies and a phantom arrive in Orthanc"
need_program Orthanc storescu dciodvfy dsrdump
orthanc_start
peer_yaml pacs ORTHANC "$ORTHANC_PORT"
DELIVER_TO=pacs QUIET_S=10
node_start
send_all
arrive "$ORTHANC_URL"
scenario_end
