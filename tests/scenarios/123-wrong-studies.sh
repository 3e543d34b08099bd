#!/bin/bash
# Goal: a wrong or incomplete study always gets its sentence: each line of tests/cases/studies/studies.tsv.
. "$(dirname "$0")/lib.sh"
scenario_begin "every wrong study gets its sentence"
need_program dcmsend
CASES=$SCENARIO_SOURCE/tests/cases/studies
node_start
for modality in CT MR PT; do
    folder=$WORK/bases/$(echo "$modality" | sed 's/PT/PET/' | tr '[:upper:]' '[:lower:]')
    mkdir -p "$WORK/bases"
    phantom "$folder" --modality $modality --seed 3 --lesions 0 --size 48,48,10 --spacing 1,1,2
done
check "the studies are made" $PYTHON "$CASES/studies.py" make "$CASES/studies.tsv" "$WORK/bases" "$DATA" "$WORK/studies"
for name in jpeg-ls-damaged jpeg-2000-damaged; do      # syntaxes that dcmsend does not propose
    $PYTHON "$SCENARIO_SOURCE/tests/scenarios/table.py" send "$NODE_PORT" "$WORK/studies/$name" > "$WORK/sent.log"
done
check "all are sent" send "$WORK/studies"
wait_decided 90 && pass "all are decided" || fail "not decided after 90 s"
check "each has its sentence" $PYTHON "$CASES/studies.py" compare "$CASES/studies.tsv" "$NODE_DIR" "$WORK/studies"
scenario_end
