#!/bin/bash
# Goal: a peer that cannot take an object as it is stored gets it in a syntax that it can take,
# with the same pixels; and one for which transfer_syntax says so gets results in JPEG 2000.
. "$(dirname "$0")/lib.sh"
scenario_begin "objects are converted for the peers that need it"
need_program storescp gdcmconv ojph_compress

# peer NAME OPTION: a storescp that prefers or knows only what the option says.
peer() {
    local port=$(free_port)
    mkdir -p "$WORK/$1"
    storescp --fork --bit-preserving --promiscuous "$2" --aetitle "$1" \
        --output-directory "$WORK/$1" "$port" > "$WORK/$1.log" 2>&1 &
    STARTED+=($!)
    wait_for 10 echoscu -aec "$1" 127.0.0.1 "$port" || { fail "storescp does not start"; scenario_end; }
    peer_yaml "${1,,}" "$1" "$port"
}
peer PLAIN +xi
peer PACKED +xv
PEERS="$PEERS    transfer_syntax: 1.2.840.10008.1.2.4.90
"
DELIVER_TO="plain, packed" FORWARD_TO=plain QUIET_S=2
node_start
phantom "$WORK/ct" --modality CT --seed 9 --lesions 2
cat > "$WORK/compare.py" <<'END'
"""compare.py pack FOLDER | same SYNTAX DECODE PEER SOURCE: each object of SOURCE is at PEER in SYNTAX, same pixels."""
import os, subprocess, sys
from pydicom import dcmread
def objects(folder):
    return {ds.SOPInstanceUID: (path, ds) for path in (os.path.join(base, name) for base, _, names in os.walk(folder)
            for name in names if not name.endswith(".json")) for ds in [dcmread(path, force=True)] if "SOPInstanceUID" in ds}
def pack(folder):
    for path, _ in objects(folder).values():
        subprocess.run(["gdcmconv", "--j2k", path, path + ".j2k"], check=True)
        os.rename(path + ".j2k", path)
def pixels(decode, path):
    subprocess.run([decode, path, path + ".raw"], check=True)
    data = open(path + ".raw", "rb").read()
    os.unlink(path + ".raw")
    return data
def same(syntax, decode, peer, source):
    sent, kept, count = objects(source), objects(peer), 0
    for uid, (path, ds) in sent.items():
        at, got = kept[uid]
        want = syntax if "PixelData" in ds else "1.2.840.10008.1.2.1"
        assert got.file_meta.TransferSyntaxUID in (want, syntax), (got.SOPClassUID, got.file_meta.TransferSyntaxUID)
        if "PixelData" in ds:
            assert pixels(decode, at) == pixels(decode, path), ds.SOPClassUID
            count += 1
        for element in ds:
            if element.tag not in (0x7fe00010, 0x00280004, 0x00280006) and element.tag.element:
                assert got[element.tag].value == element.value, element
    print(len(sent), "objects,", count, "of them with pixels")
    assert count
{"pack": pack, "same": same}[sys.argv[1]](*sys.argv[2:])
END
check "the study is JPEG 2000" $PYTHON "$WORK/compare.py" pack "$WORK/ct"
$PYTHON "$SCENARIO_SOURCE/tests/scenarios/table.py" send "$NODE_PORT" "$WORK/ct" > "$WORK/sent"
check_same "the study is sent" "$(find "$WORK/ct" -name '*.dcm' | wc -l)" "$(grep -c 'status 0000' "$WORK/sent")"
wait_delivered 120 && pass "everything is delivered" || fail "not everything is delivered after 120 s"
check "results and originals came as implicit little endian, with the same pixels" \
    $PYTHON "$WORK/compare.py" same 1.2.840.10008.1.2 "$BUILD/tests/decode" "$WORK/PLAIN" "$WORK/ct"
mkdir "$WORK/results" && find "$NODE_DIR/results" -name '*.dcm' -exec cp {} "$WORK/results" \;
check "so did the results" \
    $PYTHON "$WORK/compare.py" same 1.2.840.10008.1.2 "$BUILD/tests/decode" "$WORK/PLAIN" "$WORK/results"
check "results came as JPEG 2000 where the peer wants them so" \
    $PYTHON "$WORK/compare.py" same 1.2.840.10008.1.2.4.90 "$BUILD/tests/decode" "$WORK/PACKED" "$WORK/results"
check "the node answers" echoscu -aec "$NODE_AE" 127.0.0.1 "$NODE_PORT"
scenario_end
