#!/bin/sh
# What the entities cost: ghdl --synth to Verilog, yosys for iCE40, ECP5 and Xilinx 7, and for
# the chain a place and route on iCE40 HX8K. Writes a table to the standard output.
#   hw/report.sh FOLDER     for what is made
set -eu
source=$(cd "$(dirname "$0")" && pwd)
work=$1
mkdir -p "$work" && cd "$work"
for program in yosys nextpnr-ice40 icetime; do
    command -v $program >/dev/null ||
        { echo "SKIP: there is no $program (Debian: yosys nextpnr-ice40 fpga-icestorm fpga-icestorm-chipdb)"; exit 77; }
done
ghdl=$(command -v ghdl-llvm || command -v ghdl) || { echo "SKIP: there is no ghdl (ghdl-llvm)"; exit 77; }

files="$source/rtl/tumord.vhd"
for entity in rescale window windows threshold morph morphology chain histogram otsu otsu3 statistics components; do
    files="$files $source/rtl/tumord_$entity.vhd"
done

# verilog ENTITY NAME [GENERIC]
verilog() {
    # shellcheck disable=SC2086
    "$ghdl" --synth --std=08 --workdir=. --out=verilog ${3:-} $files -e "tumord_$1" > "$2.v" 2> "$2.err" ||
        { cat "$2.err"; exit 1; }
}

# synthesise ENTITY NAME FAMILY: the cells, each as NAME COUNT. A latch would be a mistake.
synthesise() {
    yosys -p "read_verilog $2.v; synth_$3 -top tumord_$1 ${4:-}; tee -o $2.$3.stat stat" > "$2.$3.log" 2>&1 ||
        { tail -n 5 "$2.$3.log"; exit 1; }
    if grep -q 'Latch inferred' "$2.$3.log"; then echo "a latch in $2"; exit 1; fi
}

# sum FILE PATTERN: of the cells whose name matches.
sum() { awk -v p="^($2)$" '$1 ~ p && NF == 2 { n += $2 } END { print n + 0 }' "$1"; }

echo '| entity | family | LUT | FF | BRAM | DSP |'
echo '|---|---|---|---|---|---|'
for each in rescale:rescale window:window window:window12:-gbits_g=12 threshold:threshold \
        morphology:morphology histogram:histogram otsu:otsu statistics:statistics components:components components:components63:-glabels_g=63 chain:chain; do
    entity=${each%%:*} rest=${each#*:} generic=
    name=${rest%%:*}
    case $rest in *:*) generic=${rest#*:} ;; esac
    verilog "$entity" "$name" "$generic"
    synthesise "$entity" "$name" ice40
    synthesise "$entity" "$name" ecp5
    synthesise "$entity" "$name" xilinx
    echo "| $name | iCE40 | $(sum "$name.ice40.stat" SB_LUT4) | $(sum "$name.ice40.stat" 'SB_DFF.*') | $(sum "$name.ice40.stat" 'SB_RAM.*') | 0 |"
    echo "| $name | ECP5 | $(sum "$name.ecp5.stat" LUT4) | $(sum "$name.ecp5.stat" TRELLIS_FF) | $(sum "$name.ecp5.stat" 'DP16KD') | $(sum "$name.ecp5.stat" 'MULT18X18D|ALU54B') |"
    echo "| $name | Xilinx 7 | $(sum "$name.xilinx.stat" 'LUT[1-6]') | $(sum "$name.xilinx.stat" 'FD.*') | $(sum "$name.xilinx.stat" 'RAMB.*') | $(sum "$name.xilinx.stat" DSP48E1) |"
done

# The maximum clock by nextpnr and by icetime.
yosys -q -p "read_verilog chain.v; synth_ice40 -top tumord_chain -json chain.json" > chain.json.log 2>&1
nextpnr-ice40 --hx8k --package ct256 --json chain.json --asc chain.asc --freq 60 --seed 1 --pcf-allow-unconstrained > chain.pnr 2>&1 ||
    { tail -n 5 chain.pnr; exit 1; }
icetime -d hx8k -t chain.asc > chain.time 2>&1
echo
echo "chain on iCE40 HX8K (ct256): $(sed -n 's/.*Max frequency for clock.*: \([0-9.]* MHz\).*/\1/p' chain.pnr | tail -n 1) by nextpnr, $(sed -n 's/.*(\([0-9.]* MHz\)).*/\1/p' chain.time | tail -n 1) by icetime"
