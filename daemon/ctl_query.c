/* Ctl query: tumorctl asks a peer in the node's name, and has its studies brought to the node. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/ctl.h"
#include "daemon/limits.h"
#include "dicom/scu.h"
#include "dicom/tls.h"
#include "util/error.h"
#include "util/text.h"

#define SETTLE_S 30             /* for what was acknowledged to be in the node's index */

/* What is known of the node and of one of its peers. */
struct caller {
    json_t *peers;              /* holds the texts of the target */
    char ae_title[17];
    struct tls *tls;
    const char *way[2];         /* move, get, in their order; NULL for none */
    const char *hours;          /* limits.h */
    int max_mib_s;
    struct association_target target;
};

static void caller_free(struct caller *caller)
{
    json_decref(caller->peers);
    tls_free(caller->tls);
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *const text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

static json_t *find_peer(json_t *peers, const char *name)
{
    json_t *one;
    size_t index;

    json_array_foreach(json_object_get(peers, "peers"), index, one)
        if (strcmp(text_of(one, "name"), name) == 0)
            return one;
    return NULL;
}

static bool caller_new(const struct ctl *ctl, const char *name, struct caller *ret_caller,
                       struct error *err)
{
    json_t *const node = ctl_ask(ctl, "/api/node", false, err);
    struct caller *const caller = ret_caller;

    *caller = (struct caller){ .peers = NULL };
    if (node == NULL)
        return false;
    text_format(caller->ae_title, sizeof caller->ae_title, "%s", ctl_text(node, "ae_title"));
    json_decref(node);
    caller->peers = ctl_ask(ctl, "/api/peers", false, err);
    json_t *const peer = find_peer(caller->peers, name);
    if (caller->peers == NULL)
        return false;
    caller->target = (struct association_target){
        .host = text_of(peer, "host"), .called_ae = text_of(peer, "ae_title"),
        .port = (int)json_integer_value(json_object_get(peer, "port")),
        .calling_ae = caller->ae_title, .max_pdu = 131072, .timeout_s = 60
    };
    if (peer == NULL || caller->target.port == 0)
        return error_set(err, ERROR_NOT_FOUND, "no peer %s that can be called", name);
    caller->hours = text_of(peer, "retrieve_hours");
    caller->max_mib_s = (int)json_integer_value(json_object_get(peer, "max_mib_s"));
    const char *const ways = text_of(peer, "retrieve");
    caller->way[0] = strncmp(ways, "get", 3) == 0 ? "get" : "move";
    if (strchr(ways, '_') != NULL)
        caller->way[1] = strncmp(ways, "get", 3) == 0 ? "move" : "get";
    if (!json_is_true(json_object_get(peer, "tls")))
        return true;
    const struct tls_files files = { text_of(caller->peers, "tls_certificate"),
                                     text_of(caller->peers, "tls_key"),
                                     text_of(caller->peers, "tls_authorities") };
    caller->tls = caller->target.tls = tls_new_client(&files, err);
    return caller->tls != NULL;
}

/* ---- query ---- */

/* In ascending order of their tags; all are asked for, those that were named narrow. */
static const struct {
    const char *name;
    uint32_t tag;
    const char *vr, *column;
} keys[] = {
    { "date", 0x00080020, "DA", "DATE" }, { "accession", 0x00080050, "SH", "ACCESSION" },
    { "level", 0x00080052, "CS", NULL }, { "modality", 0x00080061, "CS", "MODALITIES" },
    { "description", 0x00081030, "LO", "DESCRIPTION" }, { "name", 0x00100010, "PN", "NAME" },
    { "patient", 0x00100020, "LO", "PATIENT" }, { "study", 0x0020000d, "UI", "STUDY" },
    { "instances", 0x00201208, "IS", "INSTANCES" }
};
#define KEYS (sizeof keys / sizeof *keys)

static bool read_key(const char *argument, struct scu_key made[KEYS], struct error *err)
{
    const char *const equals = strchr(argument, '=');

    for (size_t i = 0; equals != NULL && i < KEYS; i++)
        if (strlen(keys[i].name) == (size_t)(equals - argument) && keys[i].column != NULL
            && strncmp(keys[i].name, argument, (size_t)(equals - argument)) == 0) {
            made[i].value = equals + 1;
            return true;
        }
    return error_set(err, ERROR_USAGE, "%s is no KEY=VALUE of patient, name, study, accession, "
                     "date or modality", argument);
}

static bool take_study(const struct identifier *answer, void *context)
{
    json_t *const object = json_object();

    for (size_t i = 0; i < KEYS; i++) {
        const char *const value = identifier_value(answer, keys[i].tag);
        char text[1024];
        text_to_utf8(value == NULL ? "" : value, value == NULL ? 0 : strlen(value), text,
                     sizeof text);
        if (keys[i].column != NULL)
            json_object_set_new(object, keys[i].name, json_string(text));
    }
    return json_array_append_new(context, object) == 0;
}

static void print_studies(const json_t *studies)
{
    size_t index;
    json_t *one;

    printf("%-8s  %-12s  %-20s  %-16s  %-10s  %5s  %s\n", "DATE", "PATIENT", "NAME", "ACCESSION",
           "MODALITIES", "COUNT", "STUDY");
    json_array_foreach(studies, index, one)
        printf("%-8s  %-12s  %-20s  %-16s  %-10s  %5s  %s\n", ctl_text(one, "date"),
               ctl_text(one, "patient"), ctl_text(one, "name"), ctl_text(one, "accession"),
               ctl_text(one, "modality"), ctl_text(one, "instances"), ctl_text(one, "study"));
}

/* Ends the association as it stands: a status leaves it alive. */
static bool finish(struct association *association, bool good, const struct error *err)
{
    if (good || err->code == ERROR_DENIED)
        association_release(association);
    else
        association_abort(association);
    return good;
}

static bool ask_studies(const struct caller *caller, const struct scu_key *made, json_t *studies,
                        struct error *err)
{
    struct association *const association = scu_call(&caller->target, SCU_STUDY_ROOT_FIND, err);

    return association != NULL
        && finish(association, scu_find(association, made, KEYS, take_study, studies, err), err);
}

int ctl_query(const struct ctl *ctl, const char *peer, char **arguments, int count,
              struct error *err)
{
    struct scu_key made[KEYS];
    struct caller caller;
    json_t *const studies = json_array();
    bool good = true;

    for (size_t i = 0; i < KEYS; i++)
        made[i] = (struct scu_key){ keys[i].tag, keys[i].vr,
                                    keys[i].column == NULL ? "STUDY" : "" };
    for (int i = 0; good && i < count; i++)
        good = read_key(arguments[i], made, err);
    if (good) {
        good = caller_new(ctl, peer, &caller, err) && ask_studies(&caller, made, studies, err);
        caller_free(&caller);
    }
    if (good && ctl->json)
        json_dumpf(studies, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
    else if (good)
        print_studies(studies);
    json_decref(studies);
    return good ? 0 : 1;
}

/* ---- retrieve ---- */

static void show_progress(const struct dimse_message *response, void *context)
{
    (void)context;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%u of %u", response->completed,
                response->completed + response->failed + response->remaining);
}

static bool move_study(const struct caller *caller, const char *study, struct error *err)
{
    const struct scu_key wanted[] = { { 0x00080052, "CS", "STUDY" },
                                      { 0x0020000d, "UI", study } };
    struct dimse_message last = { .status = 0 };
    struct association *const association = scu_call(&caller->target, SCU_STUDY_ROOT_MOVE, err);

    if (association == NULL)
        return false;
    const bool good = finish(association, scu_move(association, caller->ae_title, wanted, 2,
                                                   show_progress, NULL, &last, err), err);
    if (isatty(STDERR_FILENO))
        fputc('\n', stderr);
    /* What was not sent is found by the list below, which names it. */
    return good || (err->code == ERROR_DENIED && last.status == 0xb000);
}

struct series_list {
    size_t count;
    char (*uid)[TEXT_UID_SIZE];
};

static bool take_series(const struct identifier *answer, void *context)
{
    struct series_list *const list = context;
    const char *const uid = identifier_value(answer, 0x0020000e);
    void *const more = realloc(list->uid, (list->count + 1) * sizeof *list->uid);

    if (more == NULL || uid == NULL)
        return more != NULL;
    list->uid = more;
    return text_format(list->uid[list->count++], TEXT_UID_SIZE, "%s", uid);
}

static bool take_image(const struct identifier *answer, void *context)
{
    const char *const uid = identifier_value(answer, 0x00080018);
    const char *const class_uid = identifier_value(answer, 0x00080016);

    return uid == NULL
        || json_array_append_new(context, json_pack("{s:s s:s}", "uid", uid, "class",
                                                    class_uid == NULL ? "" : class_uid)) == 0;
}

/* Every SOP Instance UID that the peer has of the study: the list that retrieving is held to. */
static bool list_images(const struct caller *caller, const char *study, json_t *images,
                        struct error *err)
{
    struct series_list series = { .count = 0 };
    const struct scu_key of_study[] = { { 0x00080052, "CS", "SERIES" },
                                        { 0x0020000d, "UI", study }, { 0x0020000e, "UI", "" } };
    struct association *const association = scu_call(&caller->target, SCU_STUDY_ROOT_FIND, err);

    if (association == NULL)
        return false;
    bool good = scu_find(association, of_study, 3, take_series, &series, err);
    for (size_t i = 0; good && i < series.count; i++) {
        const struct scu_key of_series[] = {
            { 0x00080016, "UI", "" }, { 0x00080018, "UI", "" }, { 0x00080052, "CS", "IMAGE" },
            { 0x0020000d, "UI", study }, { 0x0020000e, "UI", series.uid[i] }
        };
        good = scu_find(association, of_series, 5, take_image, images, err);
    }
    free(series.uid);
    return finish(association, good, err);
}

/* Those of the peer's that the node does not have. */
static json_t *missing_of(const struct ctl *ctl, const char *study, const json_t *images,
                          struct error *err)
{
    char path[128];
    size_t index;
    json_t *one, *const missing = json_object();

    text_format(path, sizeof path, "/api/studies/%s/instances", study);
    json_t *const here = ctl_ask(ctl, path, false, err);
    json_array_foreach(images, index, one)
        json_object_set_new(missing, text_of(one, "uid"), json_true());
    json_array_foreach(here, index, one)
        json_object_del(missing, json_string_value(one));
    json_decref(here);
    return missing;
}

/* Waits while less is missing each second: what is acknowledged is in the index soon after. */
static bool compare(const struct ctl *ctl, const char *study, const json_t *images,
                    struct error *err)
{
    json_t *missing = missing_of(ctl, study, images, err);

    for (int waited = 0; json_object_size(missing) > 0 && waited < SETTLE_S; waited++) {
        nanosleep(&(struct timespec){ 0, 500000000 }, NULL);
        const size_t before = json_object_size(missing);
        json_decref(missing);
        missing = missing_of(ctl, study, images, err);
        if (json_object_size(missing) == before && waited > 4)
            break;
    }
    const size_t count = json_object_size(missing);
    const char *uid;
    json_t *ignored;
    json_object_foreach(missing, uid, ignored)
        printf("missing: %s\n", uid);
    printf("%zu of %zu instances are here\n", json_array_size(images) - count,
           json_array_size(images));
    json_decref(missing);
    return count == 0
        || error_set(err, ERROR_DATA, "%zu instances of the study did not come", count);
}

/* By the ways that the peer's configuration names, until one brought all of it. */
static bool retrieve_study(const struct ctl *ctl, const struct caller *caller, const char *study,
                           const json_t *images, struct error *err)
{
    bool good = false;

    for (int way = 0; way < 2 && !good && caller->way[way] != NULL; way++) {
        if (way > 0)
            printf("%s: %s; trying %s\n", caller->way[0], err->text, caller->way[way]);
        good = strcmp(caller->way[way], "move") == 0
            ? move_study(caller, study, err)
            : ctl_get_study(ctl, &caller->target, study, images, caller->max_mib_s, err);
        good = good && compare(ctl, study, images, err);
    }
    return good;
}

int ctl_retrieve(const struct ctl *ctl, const char *peer, const char *study, struct error *err)
{
    struct caller caller = { .peers = NULL };
    json_t *const images = json_array();
    bool good = text_is_uid(study)
        || error_set(err, ERROR_USAGE, "%s is no Study Instance UID", study);

    good = good && caller_new(ctl, peer, &caller, err);
    if (good && !ctl->now && !limits_hold_now(caller.hours))
        good = error_set(err, ERROR_DENIED, "studies are brought from %s at %s only; --now does "
                         "it all the same", peer, caller.hours);
    good = good && list_images(&caller, study, images, err);
    if (good && json_array_size(images) == 0)
        good = error_set(err, ERROR_NOT_FOUND, "the peer has no study %s", study);
    good = good && retrieve_study(ctl, &caller, study, images, err);
    json_decref(images);
    caller_free(&caller);
    return good ? 0 : 1;
}
