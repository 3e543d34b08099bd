#!/bin/bash
# Receive speed: how many C-STOREs a second, of 300 CT slices of 512 × 512, tumord takes,
# beside dcmtk's storescp and Orthanc, in one run and on one machine.
#
# Twice: with a stock storescu; and with TCP_NODELAY=1 storescu -pdu 131072, where the two
# peers get TCP_NODELAY=1 too. tumord answers when the instance is durable, Orthanc when its
# file is, storescp when it has written without a sync.
#
# BENCH_SLICES (300) for a short look. The bars: 10 × Orthanc stock, 3 × Orthanc tuned.
. "$(dirname "${BASH_SOURCE[0]}")/../tests/scenarios/lib.sh"
scenario_begin "receive speed beside storescp and Orthanc"
need_program Orthanc storescp storescu

slices=${BENCH_SLICES:-300}
phantom "$WORK/ct" --modality CT --seed 1 --lesions 3 --size "512,512,$slices" || scenario_end

# rate PORT AE COMMAND…: sends the series by the command; prints instances a second.
rate() {
    local port=$1 ae=$2 begun took
    shift 2
    begun=$(now_ms)
    "$@" -aec "$ae" --scan-directories 127.0.0.1 "$port" "$WORK/ct" > "$WORK/send.log" 2>&1 ||
        { echo 0; return; }
    took=$(($(now_ms) - begun))
    awk -v n="$slices" -v ms="$took" 'BEGIN { printf "%.1f\n", n * 1000 / ms }'
}
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f", (b > 0 ? a / b : 0) }'; }
at_least() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a >= b) }'; }
stop_last() { kill "${STARTED[-1]}"; wait "${STARTED[-1]}" 2>/dev/null; unset 'STARTED[-1]'; }

storescp_bench() {                  # [TCP_NODELAY=1] as the first argument, or nothing
    STORESCP_PORT=$(free_port)
    mkdir -p "$WORK/storescp"
    env "$@" storescp -pdu 131072 --aetitle STORESCP --output-directory "$WORK/storescp" \
        "$STORESCP_PORT" > "$WORK/storescp.log" 2>&1 &
    STARTED+=($!)
    wait_for 10 echoscu -aec STORESCP 127.0.0.1 "$STORESCP_PORT"
}

round() {                           # NAME BAR SENDER… ; SERVER_ENV: for the peers
    local name=$1 bar=$2 ours storescp orthanc
    shift 2
    QUIET_S=600                     # nothing is analysed meanwhile
    NODE_DIR=$WORK/node-$name
    node_start
    ours=$(rate "$NODE_PORT" "$NODE_AE" "$@")
    node_stop
    rm -rf "$NODE_DIR"
    storescp_bench ${SERVER_ENV:-}
    storescp=$(rate "$STORESCP_PORT" STORESCP "$@")
    stop_last
    rm -rf "$WORK/storescp"
    orthanc_start env ${SERVER_ENV:-}
    orthanc=$(rate "$ORTHANC_PORT" ORTHANC "$@")
    stop_last
    rm -rf "$WORK/orthanc"
    printf '  %-44s tumord %7s /s   storescp %7s /s   Orthanc %7s /s   %s × Orthanc, %s × storescp\n' \
        "$*" "$ours" "$storescp" "$orthanc" "$(ratio "$ours" "$orthanc")" "$(ratio "$ours" "$storescp")"
    if at_least "$(ratio "$ours" "$orthanc")" "$bar"; then
        pass "$name: at least $bar × Orthanc, durable"
    else
        fail "$name: $(ratio "$ours" "$orthanc") × Orthanc, the bar is $bar"
    fi
}

SERVER_ENV='' round stock 10 storescu
SERVER_ENV='TCP_NODELAY=1' round tuned 3 env TCP_NODELAY=1 storescu -pdu 131072
scenario_end
