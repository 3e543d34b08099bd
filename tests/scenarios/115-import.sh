#!/bin/bash
# Goal: tumorctl import takes what researchers have, in folders, archives and archives in them, DICOMDIR
# and data sets without a header: all of it, as it was; and names each file that it does not take.
. "$(dirname "$0")/lib.sh"
scenario_begin "import of folders, archives and DICOMDIR"
need_program dcmmkdir dcmconv
PACK="$SCENARIO_SOURCE/tests/scenarios/import_pack.py"
QUIET_S=600
node_start

# patient NAME ID NAME… : a study of 8 images of its own patient, with its files in nested folders.
patient() {
    phantom "$WORK/made" --modality "$2" --seed "$3" --lesions 0 --size 64,64,8
    $PYTHON - "$WORK/made" "$WORK/all/$1" "$1" <<'END'
import os, sys, pydicom
for number, name in enumerate(sorted(os.listdir(sys.argv[1]))):
    one = pydicom.dcmread(os.path.join(sys.argv[1], name))
    one.PatientID, one.PatientName = sys.argv[3], f"DOE^{sys.argv[3]}"
    folder = os.path.join(sys.argv[2], *"abcdefgh"[:number % 4])
    os.makedirs(folder, exist_ok=True)
    one.save_as(os.path.join(folder, f"IM{number}"))
END
    rm -rf "$WORK/made"
}
patient P1 CT 31
patient P2 MR 32
patient P3 PT 33
find "$WORK/all" -type f > "$WORK/ledger"
there() { wait_for 10 index acknowledged "$WORK/ledger"; }
patients() { grep '^patient '; }

mkdir "$WORK/packs"
check "packs are made" $PYTHON "$PACK" good "$WORK/all" "$WORK/packs"
output=$(ctl import "$WORK/packs" 2>&1)
check_same "archives in archives are taken" "24 instances taken, 0 files not" "$(tail -n 1 <<< "$output")"
check "every instance is there, as it was in the folder" there
check_same "who it was about is told" "$($PYTHON "$PACK" patients "$WORK/all")" "$(patients <<< "$output")"
output=$(ctl import "$WORK/all" 2>&1)
check_same "a nested folder is taken, the same once more" "24 instances taken, 0 files not" "$(tail -n 1 <<< "$output")"
check_same "each is kept once" 24 "$(index count)"
check_same "as JSON" "24 3 0" "$(ctl --json import "$WORK/all" | $PYTHON -c 'import json, sys
said = json.load(sys.stdin); print(said["taken"], len(said["patients"]), len(said["refused"]))')"

# What lies beside images.
mkdir "$WORK/mixed"
cp -r "$WORK/all/P1" "$WORK/mixed/P1"
ln -s "$WORK/ledger" "$WORK/mixed/link"
: > "$WORK/mixed/empty"
: > "$WORK/mixed/Thumbs.db"
mkfifo "$WORK/mixed/pipe"
output=$(ctl import "$WORK/mixed" 2>&1)
check_same "beside what is no DICOM" "8 instances taken, 3 files not" "$(grep taken, <<< "$output")"
for sentence in 'mixed/link: a symbolic link, not followed' 'mixed/empty: it is empty' 'mixed/pipe: no regular file'; do
    grep -q -F "$sentence" <<< "$output" && pass "$sentence" || fail "'$sentence' is not told: $output"
done
grep -q Thumbs <<< "$output" && fail "litter is told" || pass "litter is passed over"

# Data sets without preamble and header, in both little endian encodings.
mkdir "$WORK/bare"
first=$(head -n 1 "$WORK/ledger")
dcmconv --write-dataset +te "$first" "$WORK/bare/explicit"
dcmconv --write-dataset +ti "$(sed -n 2p "$WORK/ledger")" "$WORK/bare/implicit"
output=$(ctl import "$WORK/bare" 2>&1)
check_same "data sets without a header" "2 instances taken, 0 files not" "$(tail -n 1 <<< "$output")"

# DICOMDIR: alone it stands for its files; one that is not there is named.
mkdir -p "$WORK/medium/IMAGES"
number=0
for file in $(find "$WORK/all/P2" -type f); do cp "$file" "$WORK/medium/IMAGES/IM$((number += 1))"; done
check "a medium is made" eval 'cd "$WORK/medium" && dcmmkdir --general-purpose +r +id . -Nxc IMAGES > "$WORK/dcmmkdir.log" 2>&1'
check_same "a DICOMDIR alone" "8 instances taken, 0 files not" "$(ctl import "$WORK/medium/DICOMDIR" 2>&1 | tail -n 1)"
check_same "its folder" "8 instances taken, 0 files not" "$(ctl import "$WORK/medium" 2>&1 | tail -n 1)"
mv "$WORK/medium/IMAGES" "$WORK/medium/images"
for number in 1 2 3 4 5 6 7 8; do mv "$WORK/medium/images/IM$number" "$WORK/medium/images/im$number"; done
check_same "with names in lower case" "8 instances taken, 0 files not" "$(cd "$WORK" && ctl import medium/DICOMDIR 2>&1 | tail -n 1)"
rm "$WORK/medium/images/im3"
output=$(ctl import "$WORK/medium" 2>&1)
check_same "what is not there is counted" "7 instances taken, 1 files not" "$(grep taken, <<< "$output")"
check "and named" grep -q 'DICOMDIR: it names IMAGES.IM3: which is not there' <<< "$output"
if has_data dicomdir_mini_multipatient; then
    media=$DATA/dicom/dicomdir_mini_multipatient
    whole=$(find "$media" -type f ! -name 'DICOMDIR*' ! -name '*.*' | wc -l)
    ctl import "$media/DICOMDIR" > "$WORK/media" 2>&1
    check_same "a real medium" "$whole instances taken, 0 files not" "$(grep taken, "$WORK/media")"
else
    skip "dicomdir_mini_multipatient of the real data is not here"
fi

# Each that must fail well: nothing is taken, its sentence is told, and nothing lies elsewhere.
mkdir "$WORK/bad" "$WORK/tmp"
check "bad packs are made" $PYTHON "$PACK" bad "$WORK/all" "$WORK/bad"
before=$(index count)
while IFS=$'\t' read -r name sentence; do
    output=$(TMPDIR=$WORK/tmp ctl import "$WORK/bad/$name" 2>&1)
    status=$?
    [ $status -eq 1 ] && grep -q -E -- "$sentence" <<< "$output" && pass "$(grep -m 1 -E -- "$sentence" <<< "$output" | sed "s|.*$WORK/bad/||")" ||
        fail "$name: status $status, no '$sentence' in '$output'"
done < "$WORK/bad/cases"
check_same "none of them is in the index" "$before" "$(index count)"
check_same "nothing is left over" "" "$(find "$WORK/tmp" -type f; ls /tmp/evil.dcm "$WORK"/evil* "$WORK"/*/evil* 2>/dev/null)"

# Without a node.
node_stop
output=$(ctl import "$WORK/all" 2>&1)
check "without a node there is one sentence" grep -q 'no node answers at .*: is tumord running?' <<< "$output"
scenario_end
