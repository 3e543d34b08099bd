# What 020-orthanc and 021-dcmqrscp share: real studies and a phantom go in, and their
# results arrive in a peer that is running under the name 'pacs'. Sourced after lib.sh.

REAL_SETS='ct_liver_mets_ge_crlm1006 mr_brain_tumour_siemens_pgbm003 pet_fdg_ge_sts001 ctpetmr_cropped_sts002'

# send_all: sends what is there, and fills SENT (folders) and EXPECTED (series to be analysed:
# one CT; four MR; one PET; CT, PET and MR; the phantom).
send_all() {
    local set
    SENT=() EXPECTED=0
    for set in $REAL_SETS; do
        has_data "$set" || { skip "$set of the real data is not here"; continue; }
        SENT+=("$DATA/dicom/$set")
        case $set in
        mr_*) EXPECTED=$((EXPECTED + 4)) ;;
        ctpetmr_*) EXPECTED=$((EXPECTED + 3)) ;;
        *) EXPECTED=$((EXPECTED + 1)) ;;
        esac
    done
    phantom "$WORK/phantom" --modality CT --seed 1 --lesions 3
    SENT+=("$WORK/phantom") EXPECTED=$((EXPECTED + 1))
    for set in "${SENT[@]}"; do
        check "storescu sends $(basename "$set")" send_dicom "$set"
    done
    LAST_SENT=$(now_ms)
}

# A set may hold files that are no DICOM (masks beside it): storescu gets those that are.
send_dicom() {
    find "$1" -type f -name '*.dcm' -print0 |
        xargs -0 storescu --aetitle SCANNER --call "$NODE_AE" --required 127.0.0.1 "$NODE_PORT"
}

# arrive PEER: what must hold for it, within 60 s of the last slice; PEER as in read_back.py.
arrive() {
    local line
    if wait_delivered $((60 - ($(now_ms) - LAST_SENT) / 1000)); then
        pass "everything was delivered $((($(now_ms) - LAST_SENT) / 1000)) s after the last slice"
    else
        fail "not everything was delivered within 60 s of the last slice"
        index reasons | sed 's/^/        /'
    fi
    check_same "every volume was analysed" "$EXPECTED" "$(index analysed)"
    while read -r line; do
        case $line in
        ok*) pass "${line#ok }" ;;
        *) fail "${line#FAIL }" ;;
        esac
    done < <($PYTHON "$SCENARIO_SOURCE/tests/scenarios/read_back.py" "$NODE_DIR" "$1" "${SENT[@]}" 2>&1)
}
