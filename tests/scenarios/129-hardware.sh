#!/bin/bash
# Goal: findings are the same whether the C or the simulated hardware takes the slices: pictures, masks,
# Otsu's thresholds and sums; and a slice that the node has becomes a script that the VHDL obeys.
. "$(dirname "$0")/lib.sh"
scenario_begin "slices through the simulated hardware"
GHDL=$(command -v ghdl-llvm || command -v ghdl) || { skip "ghdl is not installed"; scenario_end; }

# config_with ENGINE: all CT by fixed-pipeline; a wide window, so that few bins are filled and Otsu is quick.
config_with() {
    node_config | sed "s/^log:/analyses:\n  default: {method: fixed-pipeline, engine: $1, window_center: 0, window_width: 4000, min_lesion_mm3: 1}\nlog:/"
}
# compile FILE…: into the folder that it stands in; then the bench becomes a program.
compile() {
    "$GHDL" -a --std=08 -Wno-hide -Wno-library --workdir=. "$@" && "$GHDL" -e --std=08 --workdir=. tumord_top_tb
}
simulator() {
    local rtl=$SCENARIO_SOURCE/hw/rtl/tumord bench=$SCENARIO_SOURCE/hw/bench/tumord
    mkdir "$WORK/sim" && cd "$WORK/sim" &&
        compile "$rtl.vhd" "$rtl"_{rescale,window,threshold,morph,morphology,histogram,otsu,otsu3,statistics}.vhd \
            "$rtl"_{components,registers,fork,top}.vhd "$bench"_{bench,watch,axi_watch,top_tb}.vhd
}
# faulty SED: another one, whose window sed has changed.
faulty() {
    cp -r "$WORK/sim" "$WORK/faulty-sim" && cd "$WORK/faulty-sim" &&
        sed "$1" "$SCENARIO_SOURCE/hw/rtl/tumord_window.vhd" > window.vhd &&
        ! cmp -s window.vhd "$SCENARIO_SOURCE/hw/rtl/tumord_window.vhd" &&
        compile window.vhd "$SCENARIO_SOURCE"/hw/rtl/tumord_top.vhd "$SCENARIO_SOURCE"/hw/bench/tumord_top_tb.vhd
}
# run_with NAME ENGINE: a node of its own; its findings without what the engine's name makes another.
run_with() {
    NODE_DIR=$WORK/$1
    config_with "$2" > "$WORK/tumord.yaml"
    KEEP_YAML=1 node_start env TUMORD_SIMULATOR="${SIMULATOR:-$WORK/sim/tumord_top_tb}"
    check "$1: the phantom is sent" send "$WORK/phantom"
    wait_decided 120 && pass "$1: it is decided" || fail "$1: it is not decided after 120 s"
    $PYTHON - "$NODE_DIR" > "$WORK/$1.json" <<'END'
import glob, json, sys
path, = glob.glob(sys.argv[1] + "/results/*/findings.json")
findings = json.load(open(path))
def strip(value):
    if isinstance(value, dict):
        return {k: strip(v) for k, v in value.items() if k != "engine" and "uid" not in k and k not in ("created", "job", "key")}
    if isinstance(value, str):
        return value.replace('"engine":"simulated-hardware",', "")
    return [strip(v) for v in value] if isinstance(value, list) else value
print(json.dumps(strip(findings), indent=1, sort_keys=True))
END
}

# Three slices in the middle: a simulated clock takes 50 us.
phantom "$WORK/phantom" --seed=3 --lesions=1 --size=48,48,16 --spacing=4,4,4 || { fail "no phantom"; scenario_end; }
rm "$WORK"/phantom/slice-000[1-6].dcm "$WORK"/phantom/slice-001[0-6].dcm
run_with fixed fixed
check "there are regions" $PYTHON -c 'import json, sys; sys.exit(not json.load(open(sys.argv[1]))["lesions"])' "$WORK/fixed.json"
check "the rule tells thresholds, voxels and the pictures" grep -q 'Otsu threshold .* voxels; opened by 3 x 3; pictures [0-9a-f]' "$WORK/fixed.json"

# A stored image by its UID, and a file, are the same script; the VHDL obeys it.
file=$(find "$WORK/phantom" -name '*.dcm' | sort | sed -n 2p)
uid=$(dcmdump +P SOPInstanceUID "$file" | sed -n 's/.*\[\(.*\)\].*/\1/p')
check "hw-vectors of a file" eval 'ctl hw-vectors --window=0,4000 "$file" > "$WORK/file.txt"'
check "hw-vectors of a stored image" eval 'ctl hw-vectors --window=0,4000 "$uid" > "$WORK/stored.txt"'
check "they are the same" cmp "$WORK/file.txt" "$WORK/stored.txt"
check "an image that is not there is told" eval '! ctl hw-vectors 1.2.3.4 2> "$WORK/none" && grep -q "the node has no image 1.2.3.4" "$WORK/none"'
check "what is no DICOM is told" eval '! ctl hw-vectors "$WORK/tumord.yaml" 2> "$WORK/none" && [ "$(wc -l < "$WORK/none")" = 1 ]'
node_stop
check "the simulator is made" eval '(simulator)'
check "the VHDL does as the script says" "$WORK/sim/tumord_top_tb" "-gvectors_g=$WORK/stored.txt" -gcovers_g=false --ieee-asserts=disable
sed '0,/^\([0-9]* [0-9]* [0-9]*\) 1$/s//\1 0/' "$WORK/stored.txt" > "$WORK/spoilt.txt"
check "and a fault in the script is found" eval '! "$WORK/sim/tumord_top_tb" "-gvectors_g=$WORK/spoilt.txt" -gcovers_g=false --ieee-asserts=disable'

config_with simulated-hardware > "$WORK/tumord.yaml"
if ! "$TUMORD" --check-config --config="$WORK/tumord.yaml" > "$WORK/refused" 2>&1; then
    check "without the simulator in the build the engine is refused" \
        grep -q 'engine.* must be fixed, the only engine of this build' "$WORK/refused"
    skip "this build is without --enable-simulated-hardware"
    scenario_end
fi
run_with simulated simulated-hardware
check "findings by the simulated hardware equal the C's" diff "$WORK/fixed.json" "$WORK/simulated.json"
check "and they say who took the slices" eval 'grep -q simulated-hardware "$WORK"/simulated/results/*/findings.json'
node_stop

# One that is planted in the VHDL comes through to the findings.
check "a simulator with a fault is made" eval '(faulty "s/scaled + span/scaled/")'
SIMULATOR=$WORK/faulty-sim/tumord_top_tb run_with faulty simulated-hardware
check "its findings are others" eval '! diff -q "$WORK/fixed.json" "$WORK/faulty.json"'
node_stop

NODE_DIR=$WORK/without
config_with simulated-hardware > "$WORK/tumord.yaml"
KEEP_YAML=1 node_start env TUMORD_SIMULATOR=/nonexistent
check "sent to a node without a simulator" send "$WORK/phantom"
wait_decided 60 || fail "it is not decided after 60 s"
check_log "its job fails with that sentence" 'simulated hardware: the simulation ended with status'
scenario_end
