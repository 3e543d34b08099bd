/* Ctl's client: HTTP over the Unix socket by libcurl. */
#include "daemon/ctl.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"
#include "util/text.h"

#define MAX_ANSWER (64u << 20)
#define TIMEOUT_S 60L
#define MAX_LINE (4u << 20)
#define IDLE_S 60L                  /* without a byte of an answer of lines */
#define TEXTS 16                    /* that live at the same time */

struct answer {
    char *text;
    size_t size;
};

static size_t collect(char *bytes, size_t size, size_t count, void *context)
{
    struct answer *const answer = context;
    const size_t more = size * count;

    if (answer->size + more > MAX_ANSWER)
        return 0;
    char *const text = realloc(answer->text, answer->size + more + 1);
    if (text == NULL)
        return 0;
    memcpy(text + answer->size, bytes, more);
    answer->text = text;
    answer->size += more;
    text[answer->size] = '\0';
    return more;
}

static bool perform(const struct ctl *ctl, const char *path, bool post, struct answer *answer,
                    long *ret_status, struct error *err)
{
    char url[1200];
    CURL *const curl = curl_easy_init();

    if (curl == NULL)
        return error_set(err, ERROR_MEMORY, "no memory");
    text_format(url, sizeof url, "http://localhost%s", path);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, ctl->socket);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    if (post)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
    const CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
    curl_easy_cleanup(curl);
    if (code == CURLE_COULDNT_CONNECT)
        return error_set(err, ERROR_NETWORK, "no node answers at %s: is tumord running?",
                         ctl->socket);
    return code == CURLE_OK
        || error_set(err, ERROR_NETWORK, "the node's answer: %s", curl_easy_strerror(code));
}

json_t *ctl_ask(const struct ctl *ctl, const char *path, bool post, struct error *err)
{
    struct answer answer = { NULL, 0 };
    long status = 0;
    json_t *object = NULL;

    if (perform(ctl, path, post, &answer, &status, err)) {
        object = answer.text == NULL ? NULL : json_loads(answer.text, JSON_DECODE_ANY, NULL);
        if (object == NULL)
            error_set(err, ERROR_DATA, "the node answered %ld with no JSON", status);
    }
    free(answer.text);
    if (object != NULL && status >= 400) {
        error_set(err, status == 404 ? ERROR_NOT_FOUND : ERROR_DATA, "%s",
                  ctl_text(object, "error"));
        json_decref(object);
        object = NULL;
    }
    return object;
}

/* ---- answers of lines ---- */

struct lines {
    CURL *curl;
    struct answer part;             /* what has no end of line yet */
    ctl_line_fn each;
    void *context;
    struct error *err;
    bool stopped;
};

/* Hands over the lines that are whole, and keeps the rest. */
static bool hand_over(struct lines *lines)
{
    char *start = lines->part.text, *end;
    long status = 0;

    curl_easy_getinfo(lines->curl, CURLINFO_RESPONSE_CODE, &status);
    while (status < 400 && (end = strchr(start, '\n')) != NULL) {
        *end = '\0';
        if (!lines->each(start, lines->context, lines->err))
            return false;
        start = end + 1;
    }
    const size_t left = lines->part.size - (size_t)(start - lines->part.text);
    memmove(lines->part.text, start, left + 1);
    lines->part.size = left;
    return left <= MAX_LINE || error_set(lines->err, ERROR_LIMIT, "the node's answer has a line of "
                                         "more than %u bytes", MAX_LINE);
}

static size_t collect_lines(char *bytes, size_t size, size_t count, void *context)
{
    struct lines *const lines = context;
    const size_t taken = collect(bytes, size, count, &lines->part);

    lines->stopped = taken == 0 ? !error_set(lines->err, ERROR_MEMORY, "no memory")
        : !hand_over(lines);
    return lines->stopped ? 0 : taken;
}

/* The sentence of an answer that is none. */
static bool refuse(const struct lines *lines, long status, struct error *err)
{
    json_t *const object = lines->part.text == NULL ? NULL
        : json_loads(lines->part.text, 0, NULL);

    error_set(err, status == 404 ? ERROR_NOT_FOUND : ERROR_DATA, "%s", object == NULL
              ? "the node answered with no JSON" : ctl_text(object, "error"));
    json_decref(object);
    return false;
}

bool ctl_ask_lines(const struct ctl *ctl, const char *path, ctl_line_fn each, void *context,
                   struct error *err)
{
    char url[8192];
    long status = 0;
    struct lines lines = { curl_easy_init(), { NULL, 0 }, each, context, err, false };
    CURL *const curl = lines.curl;

    if (curl == NULL)
        return error_set(err, ERROR_MEMORY, "no memory");
    bool good = text_format(url, sizeof url, "http://localhost%s", path)
        || error_set(err, ERROR_LIMIT, "what is asked for is too long");
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, ctl->socket);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);     /* an ID may be '..' */
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, IDLE_S);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect_lines);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &lines);
    const CURLcode code = good ? curl_easy_perform(curl) : CURLE_OK;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_COULDNT_CONNECT)
        good = error_set(err, ERROR_NETWORK, "no node answers at %s: is tumord running?",
                         ctl->socket);
    else if (lines.stopped)
        good = false;
    else if (code != CURLE_OK)
        good = error_set(err, ERROR_NETWORK, "the node's answer: %s", curl_easy_strerror(code));
    else if (good && status >= 400)
        good = refuse(&lines, status, err);
    free(lines.part.text);
    curl_easy_cleanup(curl);
    return good;
}

const char *ctl_text(const json_t *object, const char *name)
{
    static char buffer[TEXTS][600];
    static int next;
    char *const to = buffer[next++ % TEXTS];
    const json_t *const value = json_object_get(object, name);

    to[0] = '\0';
    if (json_is_string(value))
        text_printable(json_string_value(value), to, sizeof buffer[0]);
    else if (json_is_integer(value))
        text_format(to, sizeof buffer[0], "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        text_format(to, sizeof buffer[0], "%.4g", json_real_value(value));
    return to;
}

bool ctl_node(const struct ctl *ctl, struct ctl_node *ret_node, struct error *err)
{
    json_t *const node = ctl_ask(ctl, "/api/node", false, err);

    if (node == NULL)
        return false;
    text_format(ret_node->import_ae, sizeof ret_node->import_ae, "%s",
                ctl_text(node, "import_ae"));
    text_format(ret_node->ae_title, sizeof ret_node->ae_title, "%s", ctl_text(node, "ae_title"));
    ret_node->target = (struct association_target){
        .host = "127.0.0.1", .calling_ae = ret_node->import_ae, .called_ae = ret_node->ae_title,
        .port = (int)json_integer_value(json_object_get(node, "dicom_port")),
        .max_pdu = 131072, .timeout_s = 30
    };
    json_decref(node);
    return true;
}
