#!/bin/bash
# Goal: whatever else a hospital has (localizers, enhanced multi-frame, structure sets, other
# vendors' results, damaged files) ends with a recorded reason, and the node goes on.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/delivery.sh"
scenario_begin "every other set of the real data ends with its reason"
need_program dcmsend
[ -d "$DATA/dicom" ] || { skip "the real data are not here"; scenario_end; }
QUIET_S=3
node_start

# dcmsend reads what it sends, and some damaged file may end it: one process per file there.
send_set() {
    case $1 in
    */malformed*) find "$1" -type f -exec timeout 20 dcmsend --read-file --no-uid-checks \
        --decompress-never --aetitle SCANNER --call "$NODE_AE" 127.0.0.1 "$NODE_PORT" {} \; ;;
    *)  timeout 120 dcmsend --read-file --no-uid-checks --no-halt --no-illegal-proposal \
        --decompress-never --scan-directories --recurse \
        --aetitle SCANNER --call "$NODE_AE" 127.0.0.1 "$NODE_PORT" "$1" ;;
    esac
}
for set in "$DATA"/dicom/*/; do
    case " $REAL_SETS " in *" $(basename "$set") "*) continue ;; esac
    send_set "$set" > "$WORK/send.log" 2>&1
    check "the node answers after $(basename "$set")" within 1 echoscu -aec "$NODE_AE" 127.0.0.1 "$NODE_PORT"
done

wait_decided 120 && pass "every series has its reason" || fail "not every series has a reason after 120 s"
index reasons | cut -f 2- | sort | uniq -c | sed 's/^/        /'
[ "$(index reasons | wc -l)" -ge 40 ] && pass "$(index reasons | wc -l) series were stored" ||
    fail "only $(index reasons | wc -l) series were stored"
scenario_end
