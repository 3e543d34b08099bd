#!/bin/sh
# Proves what hw/formal states, and that a planted fault is refuted.
#   hw/formal.sh FOLDER     for what is made
set -eu
source=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1" && cd "$1"
command -v yosys >/dev/null || { echo "SKIP: there is no yosys (Debian package yosys)"; exit 77; }
ghdl=$(command -v ghdl-llvm || command -v ghdl) || { echo "SKIP: there is no ghdl (ghdl-llvm)"; exit 77; }

# prove THRESHOLD_FILE LOG: status 0 when `bad` is never high, 1 when a way to it was found.
prove() {
    "$ghdl" --synth --std=08 --workdir=. --out=verilog "$source/rtl/tumord.vhd" "$1" \
        "$source/formal/tumord_threshold_proof.vhd" -e tumord_threshold_proof > proof.v 2> "$2" || return 2
    yosys -p 'read_verilog proof.v; prep -flatten -top tumord_threshold_proof;
        sat -tempinduct -prove bad 0 -set-init-zero -verify' > "$2" 2>&1
}

prove "$source/rtl/tumord_threshold.vhd" proof.log || { tail -n 20 proof.log; echo "FAIL: no proof"; exit 1; }
grep -q 'Induction step proven: SUCCESS' proof.log || { echo "FAIL: no proof by induction"; exit 1; }
echo "pass: the stage of the threshold loses, doubles and changes nothing: proven by induction"

sed "s/sink_ready or not held(0).valid/'1'/" "$source/rtl/tumord_threshold.vhd" > fault.vhd
if cmp -s fault.vhd "$source/rtl/tumord_threshold.vhd"; then echo "FAIL: sed found nothing to spoil"; exit 1; fi
if prove ./fault.vhd fault.log; then echo "FAIL: the planted fault was not found"; exit 1; fi
grep -q 'proof did fail' fault.log || { tail -n 20 fault.log; echo "FAIL: another error"; exit 1; }
echo "pass: a stage that waits for nobody is refuted"
