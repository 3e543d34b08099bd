/* Query: keys of the identifier, searched in the index, matched, and written again. */
#include "daemon/query.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config.h"
#include "daemon/log.h"
#include "dicom/charset.h"
#include "dicom/scan.h"
#include "util/error.h"
#include "util/text.h"

#define MAX_KEYS 256
#define VALUE_SIZE 1024

#define CHARACTER_SET 0x00080005u
#define LEVEL 0x00080052u
#define RETRIEVE_AE 0x00080054u
#define AVAILABILITY 0x00080056u
#define MODALITY 0x00080060u
#define SERIES_DESCRIPTION 0x0008103eu
#define SERIES_NUMBER 0x00200011u
#define PATIENT_ID 0x00100020u
#define PATIENT_NAME 0x00100010u
#define STUDY_DATE 0x00080020u
#define ACCESSION 0x00080050u
#define STUDY_UID 0x0020000du
#define SERIES_UID 0x0020000eu
#define SOP_UID 0x00080018u
#define SOP_CLASS 0x00080016u
#define STUDY_MODALITIES 0x00080061u
#define STUDY_CLASSES 0x00080062u

/* What we know of a key: its level, and its VR for those who ask implicitly. */
static const struct query_key known[] = {
    { 0x00080008, "CS", STORE_IMAGE }, { SOP_CLASS, "UI", STORE_IMAGE },
    { SOP_UID, "UI", STORE_IMAGE }, { STUDY_DATE, "DA", STORE_STUDY },
    { 0x00080021, "DA", STORE_SERIES }, { 0x00080022, "DA", STORE_IMAGE },
    { 0x00080023, "DA", STORE_IMAGE }, { 0x00080030, "TM", STORE_STUDY },
    { 0x00080031, "TM", STORE_SERIES }, { 0x00080032, "TM", STORE_IMAGE },
    { ACCESSION, "SH", STORE_STUDY }, { AVAILABILITY, "CS", STORE_PATIENT },
    { MODALITY, "CS", STORE_SERIES }, { STUDY_MODALITIES, "CS", STORE_STUDY },
    { STUDY_CLASSES, "UI", STORE_STUDY }, { 0x00080064, "CS", STORE_IMAGE },
    { 0x00080070, "LO", STORE_SERIES }, { 0x00080080, "LO", STORE_SERIES },
    { 0x00080090, "PN", STORE_STUDY }, { 0x00081010, "SH", STORE_SERIES },
    { 0x00081030, "LO", STORE_STUDY }, { SERIES_DESCRIPTION, "LO", STORE_SERIES },
    { 0x00081090, "LO", STORE_SERIES }, { PATIENT_NAME, "PN", STORE_PATIENT },
    { PATIENT_ID, "LO", STORE_PATIENT }, { 0x00100030, "DA", STORE_PATIENT },
    { 0x00100040, "CS", STORE_PATIENT }, { 0x00101010, "AS", STORE_STUDY },
    { 0x00180015, "CS", STORE_SERIES }, { 0x00180050, "DS", STORE_IMAGE },
    { 0x00181030, "LO", STORE_SERIES }, { STUDY_UID, "UI", STORE_STUDY },
    { SERIES_UID, "UI", STORE_SERIES }, { 0x00200010, "SH", STORE_STUDY },
    { SERIES_NUMBER, "IS", STORE_SERIES }, { 0x00200012, "IS", STORE_IMAGE },
    { 0x00200013, "IS", STORE_IMAGE }, { 0x00200052, "UI", STORE_SERIES },
    { 0x00201200, "IS", STORE_PATIENT }, { 0x00201202, "IS", STORE_PATIENT },
    { 0x00201204, "IS", STORE_PATIENT }, { 0x00201206, "IS", STORE_STUDY },
    { 0x00201208, "IS", STORE_STUDY }, { 0x00201209, "IS", STORE_SERIES },
    { 0x00280008, "IS", STORE_IMAGE }, { 0x00280010, "US", STORE_IMAGE },
    { 0x00280011, "US", STORE_IMAGE }
};

static const struct query_key *find_known(uint32_t tag)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].tag == tag)
            return &known[i];
    return NULL;
}

const struct query_key *query_key_at(size_t index)
{
    return index < sizeof known / sizeof *known ? &known[index] : NULL;
}

/* ---- the identifier ---- */

static const char *const levels[] = { "PATIENT", "STUDY", "SERIES", "IMAGE" };
static const uint32_t unique_keys[] = { PATIENT_ID, STUDY_UID, SERIES_UID, SOP_UID };
static const char *const unique_names[] = { "Patient ID", "Study Instance UID",
                                            "Series Instance UID", "SOP Instance UID" };

/* The classes end in root (1 patient, 2 study) and kind (1 FIND, 2 MOVE, 3 GET). */
#define CLASS_PREFIX "1.2.840.10008.5.1.4.1.2."

bool query_is_class(const char *sop_class_uid)
{
    const size_t length = strlen(CLASS_PREFIX);

    if (strncmp(sop_class_uid, CLASS_PREFIX, length) != 0)
        return false;
    const char *const rest = sop_class_uid + length;
    return (rest[0] == '1' || rest[0] == '2') && rest[1] == '.' && rest[2] >= '1'
        && rest[2] <= '3' && rest[3] == '\0';
}

static bool is_patient_root(const char *sop_class_uid)
{
    return sop_class_uid[strlen(CLASS_PREFIX)] == '1';
}

/* NULL for a key that narrows nothing. */
static const char *narrowing(const struct query *query, uint32_t tag)
{
    const char *const value = identifier_value(query->identifier, tag);

    return value == NULL || *value == '\0' || strcmp(value, "*") == 0 ? NULL : value;
}

static bool read_level(struct query *query, bool patient_root, struct error *reason)
{
    const char *const text = identifier_value(query->identifier, LEVEL);

    for (int level = patient_root ? STORE_PATIENT : STORE_STUDY; text != NULL && level <= STORE_IMAGE;
         level++)
        if (strcmp(text, levels[level]) == 0) {
            query->level = (enum store_level)level;
            return true;
        }
    return error_set(reason, ERROR_DATA, text == NULL ? "no Query/Retrieve Level"
                     : "a Query/Retrieve Level that this root does not have");
}

/* Something of the levels above (or at it, for images) must say where to look. */
static bool check_unique(const struct query *query, struct error *reason)
{
    if (query->level < STORE_SERIES)
        return true;
    for (int level = STORE_STUDY; level <= (int)query->level; level++)
        if (narrowing(query, unique_keys[level]) != NULL)
            return true;
    return error_set(reason, ERROR_DATA, "level %s needs a %s", levels[query->level],
                     unique_names[query->level - 1]);
}

/* The ends of the study date when they are whole dates; the match itself comes later. */
static void narrow_date(struct query *query)
{
    const char *const key = narrowing(query, STUDY_DATE);
    const char *const dash = key == NULL ? NULL : strchr(key, '-');
    const char *const ends[2] = { key, dash == NULL ? key : dash + 1 };

    for (int i = 0; key != NULL && i < 2; i++)
        if (strspn(ends[i], "0123456789") == 8)
            text_format(query->date[i], sizeof query->date[i], "%.8s", ends[i]);
    query->filter.date_from = query->date[0][0] != '\0' ? query->date[0] : NULL;
    query->filter.date_to = query->date[1][0] != '\0' ? query->date[1] : NULL;
}

/* A name may match in any of its groups and without its empty components. */
static void narrow_name(struct query *query)
{
    const char *const key = narrowing(query, PATIENT_NAME);

    if (key == NULL || strpbrk(key, "=^ ") != NULL)
        return;
    text_format(query->name, sizeof query->name, "*%s*", key);
    query->filter.patient_name = query->name;
}

static void narrow(struct query *query)
{
    query->filter.patient_id = narrowing(query, PATIENT_ID);
    query->filter.accession = narrowing(query, ACCESSION);
    query->filter.study_uids = narrowing(query, STUDY_UID);
    query->filter.series_uids = narrowing(query, SERIES_UID);
    query->filter.sop_uids = narrowing(query, SOP_UID);
    narrow_date(query);
    narrow_name(query);
}

static bool parse(struct query *query, const unsigned char *bytes, size_t size,
                  const char *sop_class_uid, struct error *reason)
{
    query->identifier = identifier_read(bytes, size, query->is_explicit, reason);
    if (query->identifier == NULL)
        return false;
    if (identifier_count(query->identifier) > MAX_KEYS)
        return error_set(reason, ERROR_LIMIT, "more than %d keys", MAX_KEYS);
    if (!read_level(query, is_patient_root(sop_class_uid), reason)
        || !check_unique(query, reason))
        return false;
    narrow(query);
    return true;
}

bool query_read(struct association *association, const struct dimse_message *message,
                struct query *ret_query, struct error *reason, struct error *err)
{
    unsigned char *bytes = NULL;
    size_t size = 0;

    *ret_query = (struct query){ .identifier = NULL };
    ret_query->is_explicit = identifier_is_explicit(association_syntax(association,
                                                                       message->context));
    error_set(reason, ERROR_DATA, "no identifier");
    if (message->has_data && !association_read_small(association, IDENTIFIER_MAX, &bytes, &size,
                                                     err))
        return false;
    if (message->has_data && !parse(ret_query, bytes, size, message->sop_class_uid, reason))
        query_free(ret_query);
    free(bytes);
    return true;
}

void query_free(struct query *query)
{
    identifier_free(query->identifier);
    query->identifier = NULL;
}

/* ---- values of a hit ---- */

struct key {
    uint32_t tag;
    char vr[3];
    bool sequence;
    bool served;                        /* we know it, at this level or above */
    const char *raw;                    /* what was asked for, as it came */
    char wanted[256];                   /* in UTF-8, where that is something else */
    char value[VALUE_SIZE];
};

struct search {
    struct association *association;
    const struct dimse_message *message;
    const struct config *config;
    const struct query *query;
    uint16_t pending;
    size_t count, answers;
    bool cancelled, good;
    struct error *err;
    struct key key[MAX_KEYS + 4];
};

static const char *keyword_of(uint32_t tag)
{
    for (const struct scan_tag *one = scan_tags; one->keyword != NULL; one++)
        if (one->tag == tag)
            return one->keyword;
    return "";
}

/* What the search itself has counted or named; NULL: look into the tags. */
static const char *computed(const struct search *search, const struct store_hit *hit,
                            uint32_t tag, char *number)
{
    int64_t count = -1;

    switch (tag) {
    case LEVEL: return levels[search->query->level];
    case RETRIEVE_AE: return search->config->ae_title;
    case AVAILABILITY: return "ONLINE";
    case STUDY_UID: return hit->study_uid;
    case SERIES_UID: return hit->series_uid;
    case SOP_UID: return hit->sop_uid;
    case SOP_CLASS: return hit->sop_class_uid;
    case MODALITY: return hit->modality;
    case SERIES_DESCRIPTION: return hit->result ? hit->series_description : NULL;
    case STUDY_MODALITIES: return hit->modalities;
    case STUDY_CLASSES: return hit->sop_classes;
    case SERIES_NUMBER: count = hit->result ? hit->series_number : -1; break;
    case 0x00201200: count = hit->studies; break;
    case 0x00201202: count = hit->series; break;
    case 0x00201204: count = hit->instances; break;
    case 0x00201206: count = hit->series; break;
    case 0x00201208: count = hit->instances; break;
    case 0x00201209: count = hit->instances; break;
    case 0x00200013: count = hit->result ? 1 : -1; break;
    default: break;
    }
    if (count < 0)
        return NULL;
    text_format(number, 32, "%lld", (long long)count);
    return number;
}

/* Of a result's source only patient and study are its own. */
static bool is_inherited(const struct store_hit *hit, uint32_t tag)
{
    const struct query_key *const one = find_known(tag);

    return !hit->result || (one != NULL && one->level <= STORE_STUDY) || tag == 0x00180015;
}

static void fill_value(const struct search *search, const struct store_hit *hit,
                       const json_t *tags, struct key *key)
{
    char number[32];
    const char *value = key->served ? computed(search, hit, key->tag, number) : "";

    if (value == NULL && is_inherited(hit, key->tag))
        value = json_string_value(json_object_get(tags, keyword_of(key->tag)));
    text_format(key->value, sizeof key->value, "%s", value == NULL ? "" : value);
}

static bool is_match(const struct search *search)
{
    for (size_t i = 0; i < search->count; i++) {
        const struct key *const key = &search->key[i];
        if (key->served && !key->sequence && key->tag != LEVEL && key->tag != RETRIEVE_AE
            && key->tag != CHARACTER_SET
            && !query_matches(key->vr, key->wanted[0] != '\0' ? key->wanted : key->raw,
                              key->value))
            return false;
    }
    return true;
}

/* ---- an answer ---- */

static bool is_ascii(const struct search *search)
{
    for (size_t i = 0; i < search->count; i++)
        for (const char *at = search->key[i].value; *at != '\0'; at++)
            if ((unsigned char)*at >= 0x80)
                return false;
    return true;
}

static void put_key(struct identifier_writer *writer, const struct key *key)
{
    long long number;

    if (key->sequence)
        identifier_close(writer, identifier_open(writer, key->tag));
    else if (strcmp(key->vr, "US") == 0 && text_to_int(key->value, 0, UINT16_MAX, &number))
        identifier_put_short(writer, key->tag, (uint16_t)number);
    else
        identifier_put(writer, key->tag, key->vr, strcmp(key->vr, "US") == 0 ? "" : key->value);
}

static bool send_answer(struct search *search)
{
    struct identifier_writer writer;
    struct dimse_message response = *search->message;

    identifier_begin(&writer, search->query->is_explicit);
    for (size_t i = 0; i < search->count; i++) {
        struct key *const key = &search->key[i];
        if (key->tag == CHARACTER_SET)
            text_format(key->value, sizeof key->value, "%s", is_ascii(search) ? "" : "ISO_IR 192");
        put_key(&writer, key);
    }
    response.command = search->message->command | DIMSE_RSP;
    response.responded_id = search->message->message_id;
    response.status = search->pending;
    response.has_data = true;
    const bool good = identifier_end(&writer, search->err)
        && association_send(search->association, &response, NULL, writer.bytes, writer.size,
                            search->err);
    free(writer.bytes);
    search->answers += good;
    return good;
}

static bool take_hit(const struct store_hit *hit, void *context)
{
    struct search *const search = context;
    json_t *const tags = json_loads(hit->tags, 0, NULL);

    for (size_t i = 0; i < search->count; i++)
        fill_value(search, hit, tags, &search->key[i]);
    json_decref(tags);
    search->good = association_cancelled(search->association, search->message->message_id,
                                         &search->cancelled, search->err)
        && (search->cancelled || !is_match(search) || send_answer(search));
    return search->good && !search->cancelled;
}

/* ---- the whole ---- */

static int compare_keys(const void *a, const void *b)
{
    const struct key *const left = a, *const right = b;

    return left->tag < right->tag ? -1 : left->tag > right->tag;
}

static void add_key(struct search *search, uint32_t tag, const char *vr, const char *wanted,
                    bool sequence)
{
    const struct query_key *const one = find_known(tag);

    for (size_t i = 0; i < search->count; i++)
        if (search->key[i].tag == tag)
            return;
    struct key *const key = &search->key[search->count++];
    *key = (struct key){ .tag = tag, .sequence = sequence, .raw = wanted };
    charset_to_utf8(identifier_value(search->query->identifier, CHARACTER_SET), wanted,
                    key->wanted, sizeof key->wanted);
    if (strncmp(key->wanted, wanted, sizeof key->wanted - 1) == 0)
        key->wanted[0] = '\0';
    text_format(key->vr, sizeof key->vr, "%s", one != NULL ? one->vr : *vr != '\0' ? vr : "LO");
    key->served = tag == LEVEL || tag == RETRIEVE_AE || tag == CHARACTER_SET
        || (one != NULL && one->level <= search->query->level);
    if (!key->served)
        search->pending = QUERY_PENDING_UNKNOWN_KEYS;
}

/* The keys that were asked for, and those that every answer has; ascending. */
static void make_keys(struct search *search)
{
    const struct query *const query = search->query;

    search->pending = QUERY_PENDING;
    add_key(search, CHARACTER_SET, "CS", "", false);
    add_key(search, LEVEL, "CS", "", false);
    add_key(search, RETRIEVE_AE, "AE", "", false);
    for (size_t i = 0; i < identifier_count(query->identifier); i++) {
        const struct identifier_element *const one = identifier_at(query->identifier, i);
        if (one->depth == 0 && (one->tag & 0xffff) != 0)
            add_key(search, one->tag, one->vr, one->value, one->sequence);
    }
    add_key(search, unique_keys[query->level], "UI", "", false);
    qsort(search->key, search->count, sizeof *search->key, compare_keys);
}

static bool answer_end(struct association *association, const struct dimse_message *message,
                       enum query_status status, const char *comment, struct error *err)
{
    if (comment != NULL)
        log_warning("C-FIND refused status=%04x reason=\"%s\"", status, comment);
    return association_respond(association, message, status, comment, err);
}

static bool run(struct search *search, struct store_reader *reader, struct error *err)
{
    struct error reason;

    make_keys(search);
    search->good = true;
    const bool searched = store_query(reader, search->query->level, &search->query->filter,
                                      take_hit, search, &reason);
    if (!search->good)
        return false;
    log_info("C-FIND level=%s answers=%zu%s", levels[search->query->level], search->answers,
             search->cancelled ? " cancelled" : "");
    return answer_end(search->association, search->message,
                      search->cancelled ? QUERY_CANCELLED : searched ? QUERY_SUCCESS
                      : QUERY_UNABLE, searched ? NULL : reason.text, err);
}

bool query_answer(struct association *association, const struct dimse_message *message,
                  const struct config *config, struct error *err)
{
    struct query query;
    struct error reason;

    if (!query_read(association, message, &query, &reason, err))
        return false;
    if (query.identifier == NULL)
        return answer_end(association, message, reason.code == ERROR_LIMIT ? QUERY_UNABLE
                          : QUERY_MISMATCH, reason.text, err);
    struct store_reader *const reader = store_reader_open(config->data_dir, &reason);
    struct search *const search = reader == NULL ? NULL : calloc(1, sizeof *search);
    bool good;
    if (search == NULL) {
        good = answer_end(association, message, QUERY_NO_RESOURCES, "no memory for a query", err);
    } else {
        search->association = association;
        search->message = message;
        search->config = config;
        search->query = &query;
        search->err = err;
        good = run(search, reader, err);
    }
    free(search);
    store_reader_close(reader);
    query_free(&query);
    return good;
}
