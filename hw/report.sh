#!/bin/sh
# What the entities cost, as doc/report.md has it: ghdl --synth to Verilog, yosys for iCE40, ECP5 and
# Xilinx 7; and, where a line ends with `place`, place and route on an iCE40 HX8K with its clock.
#   hw/report.sh FOLDER     for what is made
set -eu
source=$(cd "$(dirname "$0")" && pwd)
work=$1
mkdir -p "$work" && cd "$work"
for program in yosys nextpnr-ice40 icetime; do
    command -v $program >/dev/null ||
        { echo "SKIP: there is no $program (Debian: yosys nextpnr-ice40 fpga-icestorm fpga-icestorm-chipdb)" >&2; exit 77; }
done
ghdl=$(command -v ghdl-llvm || command -v ghdl) || { echo "SKIP: there is no ghdl (ghdl-llvm)" >&2; exit 77; }

files="$source/rtl/tumord.vhd"
for entity in rescale window windows threshold morph morphology histogram otsu otsu3 stage fifo \
        statistics components chain registers fork top; do
    files="$files $source/rtl/tumord_$entity.vhd"
done

# verilog ENTITY NAME GENERICS: of a comma each.
verilog() {
    # shellcheck disable=SC2086,SC2046
    "$ghdl" --synth --std=08 --workdir=. --out=verilog $(echo "$3" | tr , ' ') $files -e "tumord_$1" > "$2.v" 2> "$2.err" ||
        { cat "$2.err" >&2; exit 1; }
}

# synthesise ENTITY NAME FAMILY: the cells, each as NAME COUNT. A latch would be a mistake.
synthesise() {
    yosys -p "read_verilog $2.v; synth_$3 -top tumord_$1; tee -o $2.$3.stat stat; write_json $2.$3.json" \
        > "$2.$3.log" 2>&1 || { tail -n 5 "$2.$3.log" >&2; exit 1; }
    if grep -q 'Latch inferred' "$2.$3.log"; then echo "a latch in $2" >&2; exit 1; fi
}

# sum FILE PATTERN: of the cells whose name matches.
sum() { awk -v p="^($2)$" '$1 ~ p && NF == 2 { n += $2 } END { print n + 0 }' "$1"; }

# clock NAME: the largest by nextpnr and by icetime, in MHz; what does not fit says so.
clock() {
    if ! timeout 900 nextpnr-ice40 --hx8k --package ct256 --json "$1.ice40.json" --asc "$1.asc" --freq 60 --seed 1 \
            --pcf-allow-unconstrained --timing-allow-fail > "$1.pnr" 2>&1; then
        echo "not placed"
        return
    fi
    icetime -d hx8k -t "$1.asc" > "$1.time" 2>&1
    echo "$(sed -n 's/.*Max frequency for clock.*: \([0-9.]*\) MHz.*/\1/p' "$1.pnr" | tail -n 1) / $(sed -n 's/.*(\([0-9.]*\) MHz).*/\1/p' "$1.time" | tail -n 1)"
}

cat <<'END'
# What the entities cost
By `make -C hw report` (ghdl 2.0, yosys 0.23, nextpnr and icetime of Debian 12), which writes this page. LUT
are the lookup tables alone: carry cells, wide multiplexers, shift registers and RAM made of lookup
tables (Xilinx 7 makes the line buffers of them) are not in them. Only the iCE40 is placed and routed,
as an HX8K in a ct256, for the entities whose ports it has pins for; Debian has no place and route
for the others. MHz: the largest clock by nextpnr and by icetime.

The pipeline that must reach 60 MHz is the chain with one voxel a clock. Otsu's three classes and the
components do not: on an iCE40 they belong behind a slower clock (a slice of 512 × 512 at 30 a second takes
8 MHz), and tumord_top, which needs a larger chip, with them.

| entity | generics | family | LUT | FF | BRAM | DSP | MHz |
|---|---|---|---|---|---|---|---|
END
number=0
while read -r entity generics place; do
    number=$((number + 1))
    name=$entity$number
    [ "$generics" != - ] || generics=
    verilog "$entity" "$name" "$generics"
    for family in ice40 ecp5 xilinx; do synthesise "$entity" "$name" $family; done
    mhz=
    [ -z "$place" ] || mhz=$(clock "$name")
    told=$(echo "$generics" | sed 's/-g//g; s/,/, /g; s/=/ /g; s/_g / /g')
    i=$name.ice40.stat e=$name.ecp5.stat x=$name.xilinx.stat
    echo "| $entity | $told | iCE40 | $(sum "$i" SB_LUT4) | $(sum "$i" 'SB_DFF.*') | $(sum "$i" 'SB_RAM.*') | 0 | $mhz |"
    echo "| | | ECP5 | $(sum "$e" LUT4) | $(sum "$e" TRELLIS_FF) | $(sum "$e" DP16KD) | $(sum "$e" 'MULT18X18D|ALU54B') | |"
    echo "| | | Xilinx 7 | $(sum "$x" 'LUT[1-6]') | $(sum "$x" 'FD.*') | $(sum "$x" 'RAMB.*') | $(sum "$x" DSP48E1) | |"
done <<'END'
rescale -
window -
window -gbits_g=12
window -gsigmoid_g=true
window -glanes_g=4
threshold -
morphology -
morphology -gsize_g=5
chain - place
chain -glanes_g=4
histogram -
otsu - place
otsu3 - place
statistics -
components -glabels_g=15 place
components -glabels_g=63 place
registers -
top -glabels_g=63
components -glabels_g=255
END
