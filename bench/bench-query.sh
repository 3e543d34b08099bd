#!/bin/bash
# Goal: with a million instances in the index a C-FIND has its first answer within 100 ms, by patient,
# date range or accession number. INSTANCES: fewer for a short run. The time is a whole round: connect,
# negotiate, ask, the first answer, by a client of plain sockets.
. "$(dirname "$0")/../tests/scenarios/lib.sh"
scenario_begin "C-FIND in a large index"
INSTANCES=${INSTANCES:-1000000}
peer_yaml finder FINDSCU 0 "echo, find"
node_start
node_stop
$PYTHON "$SCENARIO_SOURCE/bench/fill_index.py" "$NODE_DIR" "$INSTANCES"
ls -l "$NODE_DIR/index.db" | awk '{ printf "  index of %d MiB\n", $5 / 1048576 }'
node_start
last=$((INSTANCES / 400))
ask() { $PYTHON "$SCENARIO_SOURCE/tests/scenarios/dimse.py" first "$NODE_PORT" "$@"; }
for question in "0010,0020=P$((last / 2 - 1))" "0008,0050=A$((last / 3))" "0008,0020=20240101-20240131" \
        "0010,0010=NAME$((last / 4))*" "0020,000D=1.2.3.$((last / 5))"; do
    ask "$question" > /dev/null                     # once to warm the cache
    took=$(for n in 1 2 3 4 5; do ask "$question"; done | sort -n | sed -n 3p)
    echo "  $question: first answer after $took ms"
    [ "${took%.*}" -lt 100 ] && pass "under 100 ms" || fail "$took ms"
done
scenario_end
