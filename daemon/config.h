/*
 * Config: the one YAML file, or the embedded defaults. Parsed by events, so that every
 * mistake has its file, line and column; all of them are told in one run.
 */
#ifndef TUMORD_DAEMON_CONFIG_H
#define TUMORD_DAEMON_CONFIG_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "analysis/analyse.h"
#include "util/text.h"

#define CONFIG_MAX_CLASSES 32

struct error;

enum peer_right { RIGHT_ECHO = 1, RIGHT_STORE = 2, RIGHT_FIND = 4, RIGHT_MOVE = 8,
                  RIGHT_GET = 16, RIGHT_COMMIT = 32 };

/* How studies are brought from it, and what is tried when that failed. */
enum peer_retrieve { RETRIEVE_MOVE_GET, RETRIEVE_GET_MOVE, RETRIEVE_MOVE, RETRIEVE_GET };

enum peer_proof { PROOF_STORE, PROOF_COMMITMENT, PROOF_FIND };

struct config_peer {
    char name[65], ae_title[17], host[256];
    int port;                           /* 0: we never call it */
    unsigned allow;                     /* enum peer_right */
    bool tls;                           /* we call it by TLS, and it must call us so */
    int max_associations;               /* at once, of those that store; 0: the node's limit */
    enum peer_proof proof;              /* when what it was sent counts as delivered */
    enum peer_retrieve retrieve;
    char retrieve_hours[12];            /* limits.h; "": at any */
    bool rejection_notes;               /* it takes a note of what a new result supersedes */
    int max_mib_s;                      /* that it may send us; 0: no limit */
    char transfer_syntax[TEXT_UID_SIZE];    /* for results; "": as they are stored */
};

enum condition_kind { CONDITION_EQUAL, CONDITION_LIST, CONDITION_RANGE, CONDITION_REGEX };

struct config_condition {               /* on an indexed tag, by keyword: "Modality" */
    char tag[65];
    enum condition_kind kind;
    size_t value_count;
    char **value;                       /* EQUAL: one; LIST: any of them */
    double low, high;                   /* RANGE, both inclusive; -INFINITY, INFINITY */
    regex_t regex;                      /* REGEX: extended; matches anywhere */
    char *regex_text;
};

enum prior_same { PRIOR_MODALITY = 1, PRIOR_BODY_PART = 2 };

enum rule_choose { CHOOSE_EACH, CHOOSE_BEST };  /* of series that show the same (daemon/rank.h) */

struct config_rule {                    /* the first whose conditions all hold is taken */
    char name[65];
    size_t condition_count;
    struct config_condition *condition;
    char analysis[65];                  /* a name of analyses; "" only forwards */
    size_t deliver_count, forward_count;
    char (*deliver_to)[65], (*forward_to)[65];
    int prior_count;                    /* priors: 0 none */
    int prior_within_days, prior_deadline_s;
    unsigned prior_same;                /* enum prior_same */
    size_t prior_from_count;
    char (*prior_from)[65];             /* names of peers */
    enum rule_choose choose;            /* choose, each */
    int retention_days;                 /* after the study's last arrival; 0: kept for ever */
};

struct config_analysis {
    char name[65];
    bool modality_defaults;             /* start from analysis_defaults(modality of the series) */
    /* A parameter that was given overrides the modality's default. */
    unsigned given;                     /* enum analysis_given */
    struct analysis_parameters parameters;
};
enum analysis_given { GIVEN_METHOD = 1, GIVEN_WINDOW = 2, GIVEN_POLARITY = 4,
                      GIVEN_MIN_LESION = 8, GIVEN_MIN_CONTRAST = 16, GIVEN_MAX_FRACTION = 32,
                      GIVEN_FLATTEN = 64, GIVEN_SPLIT = 128, GIVEN_SUV = 256, GIVEN_MASKS = 512,
                      GIVEN_SUV_THRESHOLD = 1 << 12, GIVEN_QUALITY = 1 << 16, GIVEN_LAY_ON = 1 << 18,
                      GIVEN_MISSING = 1 << 17, GIVEN_ORGANS = 1 << 25,
                      GIVEN_WINDOWS = 1 << 24, GIVEN_ENGINE = 1 << 26,
                      GIVEN_SYNTHESIS = 1 << 19, GIVEN_OTSU_BINS = 1 << 27,
                      GIVEN_ORGAN = 1 << 28 };

struct config_organ {
    char name[65];
    double window_center, window_width, hu_low, hu_high;
};

/* Of several instances with one UID and other bytes, which counts. */
enum duplicates { DUPLICATES_FIRST, DUPLICATES_LAST };

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE, LOG_LEVEL_INFO,
                 LOG_LEVEL_DEBUG };
enum log_target { LOG_TARGET_STDERR, LOG_TARGET_SYSLOG };

struct config {
    char ae_title[17];                  /* node.ae_title, TUMORD */
    char data_dir[1024];                /* node.data_dir */
    int min_free_mib;                   /* node.min_free_mib, 512: below it nothing is taken */
    int scrub_mib_s;                    /* node.scrub_mib_s, 4: how fast files are checked; 0: never */
    int scrub_days;                     /* node.scrub_days, 30: so old a check may be */
    char bind[64];                      /* dicom.bind, 127.0.0.1 */
    int port;                           /* dicom.port, 11112 */
    int max_associations;               /* dicom.max_associations, 64 */
    long max_pdu;                       /* dicom.max_pdu, 131072 */
    int timeout_s;                      /* dicom.timeout_s, 30: between two messages */
    bool accept_unknown;                /* dicom.accept_unknown, false */
    int tls_port;                       /* dicom.tls_port, 0: none */
    char tls_certificate[1024], tls_key[1024];  /* dicom.tls_certificate, tls_key; PEM files */
    char tls_authorities[1024];         /* dicom.tls_authorities */
    bool tls_require_certificate;       /* dicom.tls_require_certificate, true */
    /* dicom.sop_classes: storage classes that DCMTK does not know; up to an empty one */
    char sop_class[CONFIG_MAX_CLASSES][TEXT_UID_SIZE];
    size_t peer_count;
    struct config_peer *peer;
    int quiet_s;                        /* study.quiet_s, 60 */
    enum duplicates duplicates;         /* study.duplicates, first */
    size_t rule_count, analysis_count, organ_count;
    struct config_rule *rule;
    struct config_analysis *analysis;
    struct config_organ *organ;
    int workers;                        /* analysis.workers, 1 */
    int threads;                        /* analysis.threads, 2: a worker's */
    int pool;                           /* analysis.pool, 1: warm workers for requests */
    int max_memory_mib;                 /* analysis.max_memory_mib, 1400 */
    int time_limit_s;                   /* analysis.time_limit_s, 600 */
    int deadline_s;                     /* delivery.deadline_s, 604800 */
    char web_bind[64];                  /* web.bind, 127.0.0.1; loopback only */
    int web_port;                       /* web.port, 8080 */
    enum log_level log_level;           /* log.level, notice */
    enum log_target log_target;         /* log.target, stderr */
};

/*
 * Reads `path`; NULL takes the embedded defaults. Each mistake is one line to `complaints`
 * ("etc/tumord.yaml:14:9: dicom.port: 99999 is not a port (1 to 65535)"). NULL when there
 * was any; `err` then tells how many.
 */
struct config *config_load(const char *path, FILE *complaints, struct error *err);
void config_free(struct config *config);            /* NULL is fine */

/* YAML that config_load() reads back to the same configuration. */
bool config_dump(const struct config *config, FILE *to, struct error *err);

const struct config_peer *config_peer_by_ae(const struct config *config, const char *ae_title);
const struct config_peer *config_peer_by_name(const struct config *config, const char *name);
const struct config_analysis *config_analysis_by_name(const struct config *config,
                                                      const char *name);

/* How many there are in config->sop_class. */
size_t config_sop_class_count(const struct config *config);

/* The value of an indexed tag by keyword, or NULL; several values are joined by '\'. */
typedef const char *(*config_tag_fn)(const char *keyword, void *context);
/* The first rule that holds, or NULL. */
const struct config_rule *config_match(const struct config *config, config_tag_fn tag,
                                       void *context);

#endif
