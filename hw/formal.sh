#!/bin/sh
# Proves what hw/formal states, and that a planted fault in each is refuted.
#   hw/formal.sh FOLDER     for what is made
set -eu
source=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1" && cd "$1"
command -v yosys >/dev/null || { echo "SKIP: there is no yosys (Debian package yosys)"; exit 77; }
ghdl=$(command -v ghdl-llvm || command -v ghdl) || { echo "SKIP: there is no ghdl (ghdl-llvm)"; exit 77; }

# prove ENTITY FILE LOG: status 0 when `bad` is never high, 1 when a way to it was found.
prove() {
    "$ghdl" --synth --std=08 --workdir=. --out=verilog "$source/rtl/tumord.vhd" "$2" \
        "$source/formal/tumord_$1_proof.vhd" -e "tumord_$1_proof" > proof.v 2> "$3" || return 2
    yosys -p "read_verilog proof.v; prep -flatten -top tumord_$1_proof; memory_map; opt;
        sat -tempinduct -prove bad 0 -set-init-zero -verify" > "$3" 2>&1
}

# holds ENTITY SENTENCE
holds() {
    prove "$1" "$source/rtl/tumord_$1.vhd" proof.log || { tail -n 20 proof.log; echo "FAIL: no proof: $2"; exit 1; }
    grep -q 'Induction step proven: SUCCESS' proof.log || { echo "FAIL: no proof by induction: $2"; exit 1; }
    echo "pass: $2: proven by induction"
}

# refuted ENTITY SED SENTENCE
refuted() {
    sed "$2" "$source/rtl/tumord_$1.vhd" > fault.vhd
    if cmp -s fault.vhd "$source/rtl/tumord_$1.vhd"; then echo "FAIL: sed found nothing to spoil: $3"; exit 1; fi
    if prove "$1" ./fault.vhd fault.log; then echo "FAIL: the planted fault was not found: $3"; exit 1; fi
    grep -q 'proof did fail' fault.log || { tail -n 20 fault.log; echo "FAIL: another error: $3"; exit 1; }
    echo "pass: $3: refuted"
}

holds threshold 'the register of the threshold loses, doubles and changes nothing'
refuted threshold "s/sink_ready or not held(0).valid/'1'/" 'a register that waits for nobody'
holds stage 'the stage loses, doubles, changes and turns round nothing'
refuted stage 's/elsif not kept(0).valid then/elsif false then/' 'a stage without its spare register'
refuted stage 's/held <= kept;/null;/' 'a stage that forgets what it kept'
holds fifo 'the FIFO gives out what it took, in its order'
refuted fifo 's/full   <= next_filled(log_g);/full <= '"'0'"';/' 'a FIFO that is never full'
refuted fifo 's/(sink_ready or not held);/sink_ready;/' 'a FIFO that shows nothing before it is asked'
