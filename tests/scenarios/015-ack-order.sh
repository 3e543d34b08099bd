#!/bin/bash
# Goal: no C-STORE is answered 0000 before its bytes and its row are on stable storage. A
# preloaded shim (tests/shim/ack_order.c) sees every write, sync and send of the receiver,
# and tells of each answer whether all that its thread wrote was synced since.
. "$(dirname "$0")/lib.sh"
scenario_begin "0000 leaves after the sync of what was written, never before"
need_program dcmsend storescu gcc
QUIET_S=60                          # nothing is analysed meanwhile
gcc -std=gnu11 -D_GNU_SOURCE -O2 -fPIC -shared -o "$WORK/ack_order.so" \
    "$SCENARIO_SOURCE/tests/shim/ack_order.c" -ldl || { fail "the shim does not compile"; scenario_end; }
phantom "$WORK/ct" --modality CT --seed 9 --lesions 1 --size 128,128,40
# One instance above the journal's buffer: it takes another way to the disk.
phantom "$WORK/large" --modality CT --seed 10 --lesions 0 --size 1024,1024,2
sent=$(find "$WORK/ct" "$WORK/large" -type f | wc -l)

# answers FILE VERDICT: how many.
answers() { grep -c "^$2" "$1" 2>/dev/null || true; }

node_start env LD_PRELOAD="$WORK/ack_order.so" ACK_ORDER_FILE="$WORK/acks"
check "a series is sent" send_study "$WORK/ct"
check "large instances are sent" send_study "$WORK/large"
for part in 1 2 3 4; do
    mkdir "$WORK/part-$part"
    phantom "$WORK/part-$part" --modality MR --seed $((20 + part)) --lesions 1 --size 64,64,30
    sent=$((sent + $(find "$WORK/part-$part" -type f | wc -l)))
done
pids=()
for part in 1 2 3 4; do send_study "$WORK/part-$part" > "$WORK/send-$part.log" 2>&1 & pids+=($!); done
status=0
for pid in "${pids[@]}"; do wait "$pid" || status=1; done
check_same "four associations at once are sent" 0 $status
check_same "every answer was seen" "$sent" "$(grep -c . "$WORK/acks")"
check_same "each came after its sync" "$sent" "$(answers "$WORK/acks" ok)"
node_stop

# Would it bark? The same with the syncs left out of account.
node_start env LD_PRELOAD="$WORK/ack_order.so" ACK_ORDER_FILE="$WORK/forgot" ACK_ORDER_FORGET=1
phantom "$WORK/again" --modality CT --seed 30 --lesions 0 --size 64,64,10
check "a series is sent while syncs do not count" send_study "$WORK/again"
check_same "then every answer is told as too early" "$(find "$WORK/again" -type f | wc -l)" \
    "$(answers "$WORK/forgot" 'not synced')"
scenario_end
