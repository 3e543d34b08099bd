#!/bin/bash
# Goal: DICOM over TLS in and out, with certificates on both sides, against dcmtk's tools; who does
# not do it right is refused, and nobody else is kept waiting.
. "$(dirname "$0")/lib.sh"
scenario_begin "DICOM over TLS, in and out"
need_program openssl storescu storescp dcmsend
pki=$WORK/pki
mkdir "$pki"
{
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=authority -keyout "$pki/ca.key" -out "$pki/ca.pem"
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=stranger -keyout "$pki/other.key" -out "$pki/other.pem"
    for name in node peer; do
        openssl req -newkey rsa:2048 -nodes -subj "/CN=$name" -keyout "$pki/$name.key" -out "$pki/$name.csr"
        openssl x509 -req -in "$pki/$name.csr" -CA "$pki/ca.pem" -CAkey "$pki/ca.key" -CAcreateserial -days 20 -out "$pki/$name.pem"
    done
    openssl x509 -req -in "$pki/peer.csr" -CA "$pki/ca.pem" -CAkey "$pki/ca.key" -CAcreateserial -days -1 -out "$pki/late.pem" ||
        openssl x509 -req -in "$pki/peer.csr" -CA "$pki/ca.pem" -CAkey "$pki/ca.key" -CAcreateserial \
            -not_before 20200101000000Z -not_after 20200201000000Z -out "$pki/late.pem"
} > "$WORK/openssl.log" 2>&1
cp "$pki/peer.key" "$pki/late.key"
check "certificates are made, one of them expired" eval 'openssl verify -CAfile "$pki/ca.pem" "$pki/node.pem" &&
    ! openssl verify -CAfile "$pki/ca.pem" "$pki/late.pem" && test -s "$pki/late.pem"'
TLS_PORT=$(free_port) ARCHIVE_PORT=$(free_port)
mkdir "$WORK/ARCHIVE"
storescp --fork --bit-preserving --promiscuous --aetitle ARCHIVE --output-directory "$WORK/ARCHIVE" \
    +tls "$pki/peer.key" "$pki/peer.pem" +cf "$pki/ca.pem" "$ARCHIVE_PORT" > "$WORK/ARCHIVE.log" 2>&1 &
STARTED+=($!)
peer_yaml archive ARCHIVE "$ARCHIVE_PORT" "echo" && PEERS="$PEERS    tls: true
"
peer_yaml scanner SCANNER 0 "echo, store" && PEERS="$PEERS    tls: true
"
peer_yaml plain PLAIN 0 "echo, store"
peer_yaml mover MOVESCU 0 "echo, find, move"
DELIVER_TO=archive
node_config > "$WORK/tumord.yaml"
sed -i "s|^  timeout_s: .*|&\n  tls_port: $TLS_PORT\n  tls_certificate: $pki/node.pem\n  tls_key: $pki/node.key\n  tls_authorities: $pki/ca.pem|" "$WORK/tumord.yaml"
KEEP_YAML=1
node_start
check_log "the log says how long the certificate holds" 'the TLS certificate expires soon days=(19|20)'
check "the status does, for each file" eval 'ctl --json status | grep -q -E "\"certificate\": ?(19|20)\b" && ctl status | grep -q authorities'

tls() { # TOOL ARGUMENTS…: one of dcmtk's with the peer's certificate
    local tool=$1
    shift
    timeout 15 "$tool" +tls "$pki/${CERT:-peer}.key" "$pki/${CERT:-peer}.pem" +cf "$pki/${CA:-ca}.pem" \
        -aet "${AET:-SCANNER}" -aec "$NODE_AE" 127.0.0.1 "$TLS_PORT" "$@"
}
phantom "$WORK/ct" --modality CT --seed 5 --lesions 2
one=$(find "$WORK/ct" -type f | head -n 1)
check "C-ECHO by TLS" tls echoscu
NODE_AE=WRONG tls echoscu > "$WORK/wrong.log" 2>&1 && fail "a wrong title is accepted"
check_log "who is refused by TLS is told with the address" 'called=WRONG address=127\.0\.0\.1'
check "a study by TLS" tls storescu +sd +r "$WORK/ct"
wait_delivered 60 && pass "it is analysed, and its results are delivered by TLS" || fail "not delivered after 60 s"
check_same "the archive has all three" 3 "$(find "$WORK/ARCHIVE" -type f | wc -l)"
check "C-ECHO to the archive by TLS" ctl echo archive
rm -f "$WORK"/ARCHIVE/*
ct=$(study_uid "$WORK/ct")
check "C-MOVE to the archive by TLS" movescu -S -aet MOVESCU -aec "$NODE_AE" -aem ARCHIVE --no-port 127.0.0.1 "$NODE_PORT" \
    -k 0008,0052=STUDY -k 0020,000D="$ct"
check_same "it has every object" $(($(find "$WORK/ct" -type f | wc -l) + 3)) "$(find "$WORK/ARCHIVE" -type f | wc -l)"

# Who does it wrong.
refused() { # 'sentence' COMMAND…: passes when it fails, and not for want of the command
    local sentence=$1 status
    shift
    "$@" > "$WORK/refused.log" 2>&1
    status=$?
    if [ "$status" -ne 0 ] && [ "$status" -lt 124 ]; then pass "$sentence"; else fail "$sentence: status $status"; fi
}
CERT=other refused "a certificate of another authority is refused" tls echoscu
CERT=late refused "a certificate that has expired is refused" tls echoscu
refused "no certificate is refused" timeout 15 echoscu +tla +cf "$pki/ca.pem" -aec "$NODE_AE" 127.0.0.1 "$TLS_PORT"
refused "a peer of which TLS is wanted is refused in plain" timeout 15 storescu -aet SCANNER -aec "$NODE_AE" 127.0.0.1 "$NODE_PORT" "$one"
check_log "and the log says why" 'this peer must come by TLS'
refused "plain words on the TLS port are refused" timeout 15 echoscu -to 5 -aec "$NODE_AE" 127.0.0.1 "$TLS_PORT"
TLS_PORT=$NODE_PORT refused "TLS on the plain port is refused" tls echoscu -to 5
client() { timeout 10 openssl s_client -connect "127.0.0.1:$TLS_PORT" -CAfile "$pki/ca.pem" \
    -cert "$pki/peer.pem" -key "$pki/peer.key" "$@" < /dev/null; }
refused "TLS 1.1 is refused" client -tls1_1 -cipher ALL:@SECLEVEL=0
refused "a cipher without forward secrecy is refused" client -tls1_2 -cipher AES128-SHA
check "TLS 1.2 with ECDHE and AES-GCM is taken" client -tls1_2 -cipher ECDHE-RSA-AES256-GCM-SHA384
check "and TLS 1.3" client -tls1_3
AET=PLAIN check "a peer of which TLS is not wanted may come by it" tls echoscu

# Connections that say nothing, or half of a handshake, keep nobody waiting.
receiver=$(node_role_pid receiver)
$PYTHON - "$TLS_PORT" <<'END' &
import socket, sys, time
silent = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(400)]
for one in silent[::2]:
    one.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
time.sleep(6)
END
sleep 1
check "C-ECHO by TLS within 1 s beside 400 silent connections" within 1 bash -c \
    "echoscu +tls '$pki/peer.key' '$pki/peer.pem' +cf '$pki/ca.pem' -aet SCANNER -aec $NODE_AE 127.0.0.1 $TLS_PORT"
check "and in plain" within 1 echoscu -aet PLAIN -aec "$NODE_AE" 127.0.0.1 "$NODE_PORT"
check_same "the receiver is still the same process" "$receiver" "$(node_role_pid receiver)"

# A certificate that is not there is told at the start.
sed "s|tls_certificate: .*|tls_certificate: $pki/none.pem|; s|data_dir: .*|data_dir: $WORK/other|; s|port: $NODE_PORT|port: $(free_port)|; s|port: $WEB_PORT|port: $(free_port)|; s|tls_port: .*|tls_port: $(free_port)|" \
    "$WORK/tumord.yaml" > "$WORK/none.yaml"
within 20 "$TUMORD" --foreground --config="$WORK/none.yaml" > "$WORK/none.log" 2>&1
check_same "a certificate that is not there ends the start with 1" 1 $?
check "with a sentence" grep -q 'TLS: certificate .*none.pem' "$WORK/none.log"
scenario_end
