#!/bin/bash
# Goal: files and index are compared, and an index that is lost or broken comes back from the files
# alone: every instance, every result under the same UIDs, and its deliveries.
. "$(dirname "$0")/lib.sh"
scenario_begin "the index against the files, and from the files"
need_program dcmsend storescp
storescp_start ARCHIVE
peer_yaml archive ARCHIVE "$STORESCP_PORT" "echo"
DELIVER_TO=archive
node_start
for n in 1 2; do phantom "$WORK/$n" --modality CT --seed $n --lesions $n; done
check "two studies are sent" send "$WORK/1" "$WORK/2"
wait_delivered 60 && pass "they are analysed and delivered" || fail "not delivered after 60 s"
find "$WORK/1" "$WORK/2" -type f > "$WORK/ledger"
objects=$(index objects | sort) finished=$(grep -c 'job finished' "$NODE_LOG")
fsck() { "$TUMORD" --config="$NODE_YAML" "$@" > "$WORK/fsck.log" 2>&1; }
fsck --fsck
check_same "beside a running node it is refused" 1 $?
check "with a sentence" grep -q 'another tumord is using' "$WORK/fsck.log"
node_stop

check "all is whole" fsck --fsck
check "and it says how much" grep -q '^128 objects and [0-9]* results are whole, 0 damaged, 0 missing' "$WORK/fsck.log"

# Damage of each kind is found and named.
one=$(find "$NODE_DIR/objects" -name '*.dcm' | sort | head -n 1) two=$(find "$NODE_DIR/objects" -name '*.dcm' | sort | tail -n 1)
cp "$one" "$WORK/one" && cp "$two" "$WORK/two"
printf 'X' | dd of="$one" bs=1 seek=2000 conv=notrunc status=none
rm "$two"
mkdir -p "$NODE_DIR/objects/00" && echo stray > "$NODE_DIR/objects/00/ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff.dcm"
fsck --fsck
check_same "damage ends it with status 1" 1 $?
check "a flipped byte is named" grep -q "^objects/${one#"$NODE_DIR"/objects/}: damaged" "$WORK/fsck.log"
check "a lost file is named" grep -q "^objects/${two#"$NODE_DIR"/objects/}: missing" "$WORK/fsck.log"
check "a file without a row is named" grep -q '^objects/00/f.*: not in the index' "$WORK/fsck.log"
cp "$WORK/one" "$one" && cp "$WORK/two" "$two" && rm "$NODE_DIR"/objects/00/ffff*

# The index is destroyed.
dd if=/dev/urandom of="$NODE_DIR/index.db" bs=4096 count=8 conv=notrunc status=none
rm -f "$NODE_DIR"/index.db-*
fsck --fsck
check_same "a broken index ends it with status 1" 1 $?
check "with a sentence" grep -q '^tumord: index: ' "$WORK/fsck.log"
check "it is made anew from the files" fsck --rebuild
check "and the old one is put aside" [ -n "$(find "$NODE_DIR" -name 'index.db.before-*')" ]
check "all is whole again" fsck --fsck
rm -f "$WORK"/ARCHIVE/*
node_start
wait_delivered 60 && pass "the node completes the studies" || fail "not complete after 60 s"
check "every instance is there" index acknowledged "$WORK/ledger"
check_same "every result is, under the same UIDs" "$objects" "$(index objects | sort)"
check "one of each series counts" index one_result
check_same "and nothing was analysed again" "$finished" "$(grep -c 'job finished' "$NODE_LOG")"
check_same "the results have gone out once more" 6 "$(find "$WORK/ARCHIVE" -type f | wc -l)"
scenario_end
