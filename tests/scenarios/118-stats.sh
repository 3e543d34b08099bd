#!/bin/bash
# Goal: what tumorctl stats says of a study, a patient and everybody, as table, CSV and JSON, is what Python
# computes from the results' files and the phantoms' truth; what does not count has its reason; hostile names
# stay text; and thousands of studies take no more memory than their regions' numbers.
. "$(dirname "$0")/lib.sh"
scenario_begin "statistics of studies, patients and everybody"
need_program dcmsend
stats() { $PYTHON "$SCENARIO_SOURCE/tests/scenarios/stats.py" "$@"; }
# refused SENTENCE STATUS ARGUMENTS…: the sentence is all of it, and there is no output before.
refused() {
    local sentence=$1 status=$2 got
    shift 2
    ctl stats "$@" > "$WORK/out" 2> "$WORK/refused"
    got=$?
    check_same "$*: status" "$status" "$got"
    check "$*: $sentence" grep -q -F -- "$sentence" "$WORK/refused"
}
node_start
refused "the node has no studies" 1
refused "no study is called 1.2.3" 1 1.2.3
refused "no study of this patient" 1 --patient=NOBODY
refused "stats is of one study, or of one patient, or of all" 2 1.2.3 --patient=X
refused "stats is of one study, or of one patient, or of all" 2 --all --patient=X
refused "--patient needs an ID" 2 --patient=
refused "either --csv or --json" 2 --csv --json
refused "wrong number of arguments for stats" 2 1.2.3 1.2.4

# name DIR OPTIONS… : a phantom whose patient and date stats.py then sets.
mkdir "$WORK/sent"
n=0
while read -r name patient date options; do
    n=$((n + 1))
    phantom "$WORK/sent/$name" --seed=$n $options
    stats name "$WORK/sent/$name" "$patient" "$date"
done <<END
a1 ANNA 20260105 --lesions=3 --size=96,96,48
a2 ANNA 20260215 --lesions=2 --size=96,96,48
a3 ANNA 20251224 --lesions=1 --size=96,96,48
am ANNA 20260105 --lesions=2 --size=96,96,48 --modality=MR
b1 =HYPER/../LINK?x#%41 20260301 --lesions=2 --size=96,96,48
c1 - 20260401 --lesions=0 --size=96,96,48
d1 DORA - --lesions=1 --size=96,96,48 --modality=PT
loc ANNA 20260601 --lesions=1 --size=64,64,16
END
check "eight phantoms are sent" send "$WORK"/sent/*/
wait_decided 120 && pass "every series is decided" || fail "not every series is decided after 120 s"

check "all: CSV" eval 'ctl stats --csv > "$WORK/all.csv"'
check "all: JSON" eval 'ctl stats --all --json > "$WORK/all.json"'
check "all: the CSV is by RFC 4180, its figures are numpy's, its regions the results'" \
    stats compare "$WORK/all.csv" "$WORK/sent" "$NODE_DIR" all
check "the JSON says the same, with units" stats same "$WORK/all.csv" "$WORK/all.json"
check "a patient: CSV" eval 'ctl stats --patient ANNA --csv > "$WORK/anna.csv"'
check "it is followed from date to date" stats compare "$WORK/anna.csv" "$WORK/sent" "$NODE_DIR" ANNA
check "a patient whose ID looks like a path" eval 'ctl stats --patient "=HYPER/../LINK?x#%41" --csv > "$WORK/b.csv"'
check "is told apart" stats compare "$WORK/b.csv" "$WORK/sent" "$NODE_DIR" "=HYPER/../LINK?x#%41"
study=$(study_uid "$WORK/sent/a1")
check "a study: CSV" eval 'ctl stats "$study" --csv > "$WORK/study.csv"'
check "has its own figures" stats compare "$WORK/study.csv" "$WORK/sent" "$NODE_DIR" "$study"
check "a study: JSON" eval 'ctl stats "$study" --json > "$WORK/study.json"'
check "says the same" stats same "$WORK/study.csv" "$WORK/study.json"
check "the web side serves it, too" eval 'web_get /api/stats | tail -n 1 | grep -q "\"level\":\"end\""'

check "all: a table" eval 'ctl stats > "$WORK/table"'
check "it has a line for each study" test "$(grep -c '1\.2\.\|2\.25\.' "$WORK/table")" -ge 8
check "and the changes" grep -q 'ml (.* %) in 12 days' "$WORK/table"
check "and why series do not count" grep -q '1: localizer, # slices' "$WORK/table"
check "a study: a table" eval 'ctl stats "$study" | grep -q "study: 3 regions"'
check "a patient: a table" eval 'ctl stats --patient=ANNA | grep -q "the latest: 4 regions"'
refused "nothing of it has findings" 1 "$(study_uid "$WORK/sent/loc")"
check "with its reason" grep -q "not counted: localizer, 16 slices" "$WORK/out"

stats damage "$NODE_DIR" "$study"
refused "nothing of it has findings" 1 "$study"
check "findings that are damaged are not counted" grep -q "not counted: its findings in the index are damaged: count" "$WORK/out"
check "and stop nothing" eval 'ctl stats --csv | grep -c ^.cohort > "$WORK/rows"'

MANY=${MANY:-3000}
stats fill "$NODE_DIR" "$MANY"
role=$(node_role_pid http)
memory() { sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$role/status"; }
before=$(memory) began=$(now_ms)
check "$MANY studies of 20 regions" eval 'ctl stats --csv > "$WORK/many.csv"'
seconds=$(( ($(now_ms) - began + 500) / 1000 )) grown=$(( ($(memory) - before) / 1024 ))
check_same "are all there" "$((MANY * 20))" "$(grep -c '^"region",.*"MANY' "$WORK/many.csv")"
size=$(( $(stat -c %s "$WORK/many.csv") >> 20 ))
[ "$grown" -le 24 ] && pass "in $grown MiB more of memory, $seconds s, for $size MiB of rows" ||
    fail "the node has grown by $grown MiB for $size MiB of rows"
check "nothing of it is in the log as an error" eval '! grep -q "error:" "$NODE_LOG"'
scenario_end
