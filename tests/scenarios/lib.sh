# Scenarios: runs of the real daemon beside real peers. What they share; to be sourced.
#
# A scenario reads: its goal in a comment, `. "$(dirname "$0")/lib.sh"`, `scenario_begin`,
# steps, `scenario_end`. Each thing it shows is one `pass`, `fail` or `skip` with a sentence,
# counted in a last line like the unit tests'. Everything lives in one temporary folder and
# on free ports of 127.0.0.1, so that scenarios run beside each other and beside a real node.
#
# From the environment: TUMORD_BUILD (the build folder), TUMORD_DATA (real studies; default
# ../shared/data), KEEP=1 keeps the folder, VERBOSE=1 shows the node's log as it goes.
set -u
export LC_ALL=C

SCENARIO_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=$(cd "${TUMORD_BUILD:-$SCENARIO_SOURCE/build}" 2>/dev/null && pwd) ||
    { echo "no build folder: ${TUMORD_BUILD:-$SCENARIO_SOURCE/build}" >&2; exit 1; }
DATA=${TUMORD_DATA:-$SCENARIO_SOURCE/../shared/data}
TUMORD=$BUILD/tumord
TUMORCTL=$BUILD/tumorctl
PYTHON=/usr/bin/python3             # Debian's: pydicom and numpy are there
SCENARIO=$(basename "$0" .sh)

PASSED=0 FAILED=0 SKIPPED=0
STARTED=()                          # process ids that scenario_end stops

# ---- telling -------------------------------------------------------------------------

pass() { PASSED=$((PASSED + 1)); echo "  ok    $*"; }
fail() { FAILED=$((FAILED + 1)); echo "  FAIL  $*"; }
skip() { SKIPPED=$((SKIPPED + 1)); echo "  skip  $*"; }

# check 'sentence' command…: passes when the command does; shows its output when it does not.
check() {
    local sentence=$1 output
    shift
    if output=$("$@" 2>&1); then
        pass "$sentence"
    else
        fail "$sentence"
        printf '%s\n' "$output" | tail -n 15 | sed 's/^/        /'
    fi
}

# check_same 'sentence' expected got
check_same() {
    if [ "$2" = "$3" ]; then pass "$1"; else fail "$1: expected '$2', got '$3'"; fi
}

# check_log 'sentence' regex: the node's log has it (waits 5 s: a log line may come late).
check_log() {
    if wait_for 5 grep -E -q -- "$2" "$NODE_LOG"; then
        pass "$1"
    else
        fail "$1: no line like '$2' in the log"
        tail -n 8 "$NODE_LOG" | sed 's/^/        /'
    fi
}

# ---- waiting -------------------------------------------------------------------------

now_ms() { local t=$EPOCHREALTIME; echo $(( ${t%.*} * 1000 + 10#${t#*.} / 1000 )); }

# wait_for SECONDS command…: until the command succeeds; 1 when the time is over.
wait_for() {
    local deadline=$(( $(now_ms) + $1 * 1000 ))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(now_ms)" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}

# within SECONDS command…: runs it, and says whether it succeeded in that time.
within() { timeout --kill-after=2 "$@"; }

# ---- beginning and end ---------------------------------------------------------------

scenario_begin() {
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/tumord-$SCENARIO.XXXXXX")
    NODE_DIR=$WORK/node NODE_LOG=$WORK/node.log NODE_PID=
    trap scenario_cleanup EXIT
    trap 'exit 130' INT TERM
    echo "$SCENARIO: $*"
    [ -x "$TUMORD" ] || { fail "there is no $TUMORD: build first"; scenario_end; }
    node_defaults
}

scenario_cleanup() {
    local pid
    node_stop
    for pid in "${STARTED[@]}"; do
        kill -TERM "$pid" 2>/dev/null && wait_for 5 gone "$pid" || kill -KILL "$pid" 2>/dev/null
    done
    [ -n "${KEEP:-}" ] && echo "kept: $WORK" || rm -rf "$WORK"
}

gone() { ! kill -0 "$1" 2>/dev/null; }

scenario_end() {
    if [ "$FAILED" -gt 0 ] && [ -s "$NODE_LOG" ]; then
        echo "  the last lines of the node's log:"
        tail -n 25 "$NODE_LOG" | sed 's/^/        /'
    fi
    echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
    [ "$FAILED" -eq 0 ]
    exit
}

# A whole scenario that cannot run here: need_program NAME…, need_data SET.
need_program() {
    local name
    for name in "$@"; do
        command -v "$name" >/dev/null || { skip "$name is not installed"; scenario_end; }
    done
}
has_data() { [ -d "$DATA/dicom/$1" ]; }
need_data() { has_data "$1" || { skip "$1 of the real data is not here"; scenario_end; }; }

# A free port, below those that the kernel gives to outgoing connections: none of those can take
# it before its server is up, or while that is started again. Each caller gets another one, also
# in scenarios beside each other.
free_port() {
    $PYTHON - "${TMPDIR:-/tmp}/tumord-ports.$(id -u)" <<'END'
import fcntl, os, socket, sys
with open(os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600), "r+") as last:
    fcntl.flock(last, fcntl.LOCK_EX)
    port = int(last.read() or os.getpid())
    while True:
        port = 16000 + (port + 1) % 16000
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                break
            except OSError:
                pass
    last.seek(0)
    last.truncate()
    last.write(str(port))
print(port)
END
}

# ---- the node ------------------------------------------------------------------------

# What node_config writes; a scenario changes them between scenario_begin and node_start.
node_defaults() {
    NODE_AE=TUMORD
    NODE_PORT=$(free_port) WEB_PORT=$(free_port)
    QUIET_S=2
    ACCEPT_UNKNOWN=true
    WORKERS=1
    PEERS=                  # YAML list items of peers, each made by peer_yaml
    DELIVER_TO=             # names for the rules' deliver_to: "pacs, archive"
    FORWARD_TO=
    LOG_LEVEL=info
    TIMEOUT_S=30
    MIN_FREE_MIB=16         # so that a small disk does for the tests
}

# peer_yaml NAME AE PORT [RIGHTS]: adds a peer on this machine to the configuration.
peer_yaml() {
    PEERS="$PEERS  - name: $1
    ae_title: $2
    host: 127.0.0.1
    port: $3
    allow: [${4:-echo, store}]
"
}

node_config() {
    cat <<END
node:
  ae_title: $NODE_AE
  data_dir: $NODE_DIR
  min_free_mib: $MIN_FREE_MIB
dicom:
  bind: 127.0.0.1
  port: $NODE_PORT
  accept_unknown: $ACCEPT_UNKNOWN
  timeout_s: $TIMEOUT_S
web:
  bind: 127.0.0.1
  port: $WEB_PORT
study:
  quiet_s: $QUIET_S
analysis:
  workers: $WORKERS
log:
  level: $LOG_LEVEL
  target: stderr
END
    [ -z "$PEERS" ] || printf 'peers:\n%s' "$PEERS"
    cat <<END
rules:
  - name: all volumes
    when:
      Modality: [CT, MR, PT]
    analysis: default
    deliver_to: [$DELIVER_TO]
    forward_to: [$FORWARD_TO]
END
}

# node_start [COMMAND…]: writes the configuration (unless NODE_YAML is there) and starts
# the node, behind the command when one is given (env LD_PRELOAD=…, nice); waits until ready.
node_start() {
    NODE_YAML=$WORK/tumord.yaml
    [ -n "${KEEP_YAML:-}" ] || node_config > "$NODE_YAML"
    mkdir -p "$NODE_DIR"
    "$@" "$TUMORD" --foreground --config="$NODE_YAML" >> "$NODE_LOG" 2>&1 &
    NODE_PID=$!
    if ! wait_for 20 node_ready; then
        fail "the node does not start"
        scenario_end
    fi
    [ -z "${VERBOSE:-}" ] || { tail -f "$NODE_LOG" & STARTED+=($!); }
}

node_ready() { echoscu -to 2 -aec "$NODE_AE" 127.0.0.1 "$NODE_PORT" && web_get /readyz; }

# node_stop: SIGTERM, and after 15 s SIGKILL for the node and all of its roles.
node_stop() {
    [ -n "$NODE_PID" ] || return 0
    local all="$NODE_PID $(node_children)"
    kill -TERM "$NODE_PID" 2>/dev/null
    wait_for 15 gone "$NODE_PID" || kill -KILL $all 2>/dev/null
    wait "$NODE_PID" 2>/dev/null
    NODE_STATUS=$?
    NODE_PID=
}

node_children() { pgrep -P "${NODE_PID:-0}" | tr '\n' ' '; }

# node_role_pid NAME: a process id of the role (receiver, scheduler, worker, sender, http).
# A role carries its name, so that ps and the tests can tell them apart.
node_role_pid() {
    local pid
    for pid in $(node_children); do
        tr '\0' ' ' < "/proc/$pid/cmdline" 2>/dev/null | grep -q -w -- "$1" && echo "$pid" && return
        grep -q -w -- "$1" "/proc/$pid/comm" 2>/dev/null && echo "$pid" && return
    done
    return 1
}

ctl() { "$TUMORCTL" --socket="$NODE_DIR/run/tumord.sock" "$@"; }
web_get() { curl --silent --show-error --fail --max-time 10 "http://127.0.0.1:$WEB_PORT$1"; }

# ---- sending -------------------------------------------------------------------------

# phantom DIR [OPTIONS of tumorctl phantom…]: only the DICOM files stay in DIR; the truth
# goes to DIR.json.
phantom() {
    local dir=$1
    shift
    "$TUMORCTL" phantom "$dir" "$@" > "$WORK/phantom.log" 2>&1 || { cat "$WORK/phantom.log"; return 1; }
    mv "$dir/truth.json" "$dir.json"
}

# send PATH… : C-STORE of files and folders as they are, by dcmtk's dcmsend, which proposes
# each file's own class and syntax. AET: the calling AE title.
send() {
    dcmsend --no-uid-checks --no-illegal-proposal --no-halt --decompress-never \
        --scan-directories --recurse \
        --aetitle "${AET:-SCANNER}" --call "$NODE_AE" 127.0.0.1 "$NODE_PORT" "$@"
}

# send_study FOLDER: C-STORE as a scanner does it, by dcmtk's storescu.
send_study() {
    storescu --aetitle "${AET:-SCANNER}" --call "$NODE_AE" --required --scan-directories \
        --recurse 127.0.0.1 "$NODE_PORT" "$1"
}

# study_uid FOLDER: of the first DICOM file below it.
study_uid() {
    $PYTHON - "$1" <<'END'
import os, sys, pydicom
for base, _, names in sorted(os.walk(sys.argv[1])):
    for name in sorted(names):
        try:
            print(pydicom.dcmread(os.path.join(base, name), stop_before_pixels=True,
                                  specific_tags=["StudyInstanceUID"]).StudyInstanceUID)
            sys.exit()
        except Exception:
            pass
END
}

# index QUESTION…: what is durable, read beside the node (index.py).
index() { $PYTHON "$SCENARIO_SOURCE/tests/scenarios/index.py" "$NODE_DIR" "$@"; }

# wait_decided SECONDS: every series has its reason and no job is open.
wait_decided() { wait_for "$1" index decided; }
# wait_delivered SECONDS: and nothing waits in the outbox.
wait_delivered() { wait_for "$1" index delivered; }

# ---- peers ---------------------------------------------------------------------------

# orthanc_start [COMMAND…]: sets ORTHANC_PORT and ORTHANC_URL; AE title ORTHANC.
orthanc_start() {
    ORTHANC_PORT=$(free_port) ORTHANC_HTTP=$(free_port)
    ORTHANC_URL=http://127.0.0.1:$ORTHANC_HTTP
    mkdir -p "$WORK/orthanc"
    cat > "$WORK/orthanc.json" <<END
{ "Name": "peer", "StorageDirectory": "$WORK/orthanc", "IndexDirectory": "$WORK/orthanc",
  "DicomAet": "ORTHANC", "DicomPort": $ORTHANC_PORT, "DicomCheckCalledAet": false,
  "DicomAlwaysAllowStore": true, "UnknownSopClassAccepted": true,
  "HttpPort": $ORTHANC_HTTP, "RemoteAccessAllowed": false, "AuthenticationEnabled": false,
  "Plugins": [], "StorageCompression": false, "OverwriteInstances": true }
END
    "$@" Orthanc "$WORK/orthanc.json" > "$WORK/orthanc.log" 2>&1 &
    STARTED+=($!)
    ORTHANC_PID=$!
    wait_for 20 orthanc_get /system && return
    fail "Orthanc does not start"
    tail -n 5 "$WORK/orthanc.log"
    scenario_end
}
orthanc_get() { curl --silent --show-error --fail --max-time 20 "$ORTHANC_URL$1"; }

# dcmqrscp_start: sets QRSCP_PORT and QRSCP_DIR, where the received files lie; AE title QRSCP;
# NIGHT is another archive of it.
dcmqrscp_start() {
    QRSCP_PORT=$(free_port) QRSCP_DIR=$WORK/qrscp
    mkdir -p "$QRSCP_DIR" "$QRSCP_DIR-night"
    cat > "$WORK/dcmqrscp.cfg" <<END
NetworkTCPPort = $QRSCP_PORT
MaxPDUSize = 131072
MaxAssociations = 16
HostTable BEGIN
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
QRSCP $QRSCP_DIR RW (5000, 4096mb) ANY
NIGHT $QRSCP_DIR-night RW (5000, 4096mb) ANY
AETable END
END
    dcmqrscp --config "$WORK/dcmqrscp.cfg" > "$WORK/dcmqrscp.log" 2>&1 &
    STARTED+=($!)
    wait_for 10 echoscu -aec QRSCP 127.0.0.1 "$QRSCP_PORT" && return
    fail "dcmqrscp does not start"
    scenario_end
}

# storescp_start NAME: files as received in $WORK/NAME, its port in STORESCP_PORT.
storescp_start() {
    STORESCP_PORT=$(free_port)
    mkdir -p "$WORK/$1"
    storescp --fork --bit-preserving --promiscuous --aetitle "$1" \
        --output-directory "$WORK/$1" "$STORESCP_PORT" > "$WORK/$1.log" 2>&1 &
    STARTED+=($!)
    wait_for 10 echoscu -aec "$1" 127.0.0.1 "$STORESCP_PORT" && return
    fail "storescp does not start"
    scenario_end
}
