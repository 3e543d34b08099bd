/* Conformance: a document of headings, paragraphs and tables, in the order of PS3.2 annex A. */
#include "daemon/conformance.h"

#include <config.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config.h"
#include "daemon/query.h"
#include "dicom/negotiate.h"
#include "dicom/request.h"
#include "dicom/scan.h"
#include "dicom/syntax.h"
#include "dicom/uid.h"
#include "util/error.h"
#include "util/text.h"

#define WIDTH 78                    /* of a line of text */

struct document {
    const struct config *config;
    FILE *to;
    bool html;
};

/* ---- the document ---- */

static void put_escaped(struct document *document, const char *text)
{
    for (; *text != '\0'; text++)
        if (!document->html || strchr("<>&", *text) == NULL)
            fputc(*text, document->to);
        else
            fputs(*text == '<' ? "&lt;" : *text == '>' ? "&gt;" : "&amp;", document->to);
}

static void heading(struct document *document, const char *number, const char *title)
{
    const int level = strchr(number, '.') == NULL ? 2 : 3;

    if (document->html)
        fprintf(document->to, "<h%d>%s %s</h%d>\n", level, number, title, level);
    else
        fprintf(document->to, "\n%s %s\n%.*s\n", number, title,
                (int)(strlen(number) + strlen(title) + 1),
                level == 2 ? "========================================================================"
                : "------------------------------------------------------------------------");
}

/* Lines of at most WIDTH, broken between words. */
static void put_wrapped(struct document *document, const char *text)
{
    size_t column = 0;

    while (*text != '\0') {
        const size_t word = strcspn(text, " ");
        if (column > 0 && column + 1 + word > WIDTH) {
            fputc('\n', document->to);
            column = 0;
        }
        fprintf(document->to, "%s%.*s", column > 0 ? " " : "", (int)word, text);
        column += word + (column > 0);
        text += word + (text[word] == ' ');
    }
}

__attribute__((format(printf, 2, 3)))
static void paragraph(struct document *document, const char *format, ...)
{
    char text[2048];
    va_list values;

    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    fputs(document->html ? "<p>" : "\n", document->to);
    if (document->html)
        put_escaped(document, text);
    else
        put_wrapped(document, text);
    fputs(document->html ? "</p>\n" : "\n", document->to);
}

/* Cells up to a NULL. */
static void row(struct document *document, const char *cell, ...)
{
    va_list cells;
    bool first = true;

    fputs(document->html ? "<tr>" : "  ", document->to);
    va_start(cells, cell);
    for (; cell != NULL; cell = va_arg(cells, const char *), first = false) {
        fputs(document->html ? "<td>" : first ? "" : " | ", document->to);
        put_escaped(document, cell);
        if (document->html)
            fputs("</td>", document->to);
    }
    va_end(cells);
    fputs(document->html ? "</tr>\n" : "\n", document->to);
}

static void begin_table(struct document *document)
{
    fputs(document->html ? "<table>\n" : "\n", document->to);
}

static void end_table(struct document *document)
{
    if (document->html)
        fputs("</table>\n", document->to);
}

static void number_row(struct document *document, const char *name, long long value,
                       const char *unit)
{
    char text[64];

    text_format(text, sizeof text, "%lld%s%s", value, *unit == '\0' ? "" : " ", unit);
    row(document, name, text, NULL);
}

/* ---- what the node does ---- */

static void write_overview(struct document *document)
{
    heading(document, "1", "Conformance statement overview");
    paragraph(document, "tumord %s receives studies of CT, MR, PET and other modalities, finds "
              "and measures candidate regions, and sends segmentations, measurement reports and "
              "captures to archives. Results are for research use and not for diagnosis. It "
              "answers queries for what it has, and moves or returns it.", PACKAGE_VERSION);
    begin_table(document);
    row(document, "Network service", "User (SCU)", "Provider (SCP)", NULL);
    row(document, "Verification", "Yes", "Yes", NULL);
    row(document, "Storage, all classes of 4.2.2", "Yes", "Yes", NULL);
    row(document, "Storage Commitment Push Model", "Yes", "Yes", NULL);
    row(document, "Patient Root Query/Retrieve, FIND, MOVE, GET", "No", "Yes", NULL);
    row(document, "Study Root Query/Retrieve, FIND", "Yes (proof of delivery)", "Yes", NULL);
    row(document, "Study Root Query/Retrieve, MOVE, GET", "Yes (tumorctl retrieve)", "Yes", NULL);
    end_table(document);
}

static void write_introduction(struct document *document)
{
    heading(document, "2", "Table of contents");
    paragraph(document, "1 Overview, 2 Contents, 3 Introduction, 4 Networking, 5 Media "
              "interchange, 6 Character sets, 7 Security, 8 Annexes.");
    heading(document, "3", "Introduction");
    paragraph(document, "Audience: who connects this node with scanners, archives and "
              "workstations. This statement does not replace tests with the other side. It is "
              "made by the program itself out of its configuration and of the tables that it "
              "negotiates by. Terms are those of DICOM PS3; AE: application entity, SCU and SCP: "
              "service class user and provider, SR: structured report, SC: secondary capture, "
              "SEG: segmentation. Reference: NEMA PS3, the DICOM standard.");
}

static void write_model(struct document *document)
{
    heading(document, "4", "Networking");
    heading(document, "4.1", "Implementation model");
    paragraph(document, "Application data flow: a remote AE stores instances; when a study was "
              "quiet for %d s, each of its series is analysed or gets a reason why not; the "
              "results, and originals where a rule says so, are stored at the configured peers, "
              "and proven there where the peer can. Remote AEs query and retrieve all of these.",
              document->config->quiet_s);
    paragraph(document, "Functional definition: one AE, %s, is SCP on the ports of 4.4 and SCU "
              "towards the peers. Sequencing: an instance is acknowledged when it is on stable "
              "storage; results of a series leave in the order SEG, SR, SC.",
              document->config->ae_title);
}

static void write_policies(struct document *document)
{
    const struct config *const config = document->config;

    heading(document, "4.2", "AE specification");
    heading(document, "4.2.1", "Association policies");
    paragraph(document, "The application context 1.2.840.10008.3.1.1.1 is always proposed and "
              "wanted. Asynchronous operations are not supported. Role selection is answered. "
              "Extended negotiation and user identity are ignored.");
    begin_table(document);
    number_row(document, "Maximum PDU size received", config->max_pdu, "bytes");
    number_row(document, "Associations at once, Verification alone not counted",
               config->max_associations, "");
    number_row(document, "Presentation contexts of an association", REQUEST_MAX_CONTEXTS, "");
    number_row(document, "Request after the connection", 10, "s");
    number_row(document, "Between two messages or parts of one", config->timeout_s, "s");
    row(document, "Implementation class UID", UID_IMPLEMENTATION_CLASS, NULL);
    row(document, "Implementation version name", UID_IMPLEMENTATION_VERSION, NULL);
    end_table(document);
    paragraph(document, "Beyond the number of associations, and with less than %d MiB of free "
              "space, requests are rejected as transient, temporary congestion.",
              config->min_free_mib);
    heading(document, "4.2.2", "Association acceptance policy");
    paragraph(document, "%s The called AE title must be %s.", config->accept_unknown
              ? "Any AE may echo and store; what else it may do is configured for each peer."
              : "Only configured AEs are accepted.", config->ae_title);
}

static void write_classes(struct document *document)
{
    char name[128];
    const char *uid;

    paragraph(document, "Storage classes that are accepted, each with every transfer syntax of "
              "the next table, as SCP; as SCU those of what was received or made:");
    begin_table(document);
    row(document, "SOP class", "UID", NULL);
    for (size_t i = 0; (uid = negotiate_storage_class(i)) != NULL; i++) {
        negotiate_name(uid, name, sizeof name);
        row(document, name, uid, NULL);
    }
    for (size_t i = 0; i < config_sop_class_count(document->config); i++)
        row(document, "by configuration", document->config->sop_class[i], NULL);
    end_table(document);
    paragraph(document, "Transfer syntaxes, the preferred one first. Bytes are stored as "
              "received. Where pixels are not decoded, the reason is recorded for the series.");
    begin_table(document);
    row(document, "Transfer syntax", "UID", "Pixels", NULL);
    for (const struct syntax *one = syntax_list; one->uid != NULL; one++)
        row(document, one->name, one->uid, one->stored_only == NULL ? "decoded"
            : "stored only", NULL);
    end_table(document);
}

static void write_store(struct document *document)
{
    paragraph(document, "C-STORE as SCP, level 2 (full), all elements kept. Statuses: 0000 when "
              "the instance is on stable storage; 0124 not authorised; A700 out of resources, "
              "also when the disk is nearly full; A900 the class is not its context's; C000 the "
              "data set cannot be read, lacks a UID, or is nested deeper than %d. The same "
              "instance again changes nothing; another one under the same UID is kept beside it.",
              SCAN_MAX_DEPTH);
}

static void write_query(struct document *document)
{
    const struct query_key *key;
    static const char *const levels[] = { "PATIENT", "STUDY", "SERIES", "IMAGE" };
    char tag[16];

    paragraph(document, "C-FIND, C-MOVE and C-GET in implicit and explicit little endian. Keys "
              "that are matched and returned; others are returned empty, with status FF01:");
    begin_table(document);
    row(document, "Attribute", "VR", "Level", NULL);
    for (size_t i = 0; (key = query_key_at(i)) != NULL; i++) {
        text_format(tag, sizeof tag, "(%04x,%04x)", key->tag >> 16, key->tag & 0xffff);
        row(document, tag, key->vr, levels[key->level], NULL);
    }
    end_table(document);
    paragraph(document, "Matching: single value, wildcard, list of UIDs, range, universal; "
              "names without regard to case. Levels SERIES and IMAGE need a unique key of a level "
              "above or their own. Statuses: 0000, FF00, FF01, FE00 after C-CANCEL, A700, A900, "
              "C001, 0124. Answers are in ISO_IR 192 where ASCII does not do.");
    paragraph(document, "C-MOVE goes to configured AEs with host and port; A801 for others, A702 "
              "when nothing could be sent, B000 when something failed, which is listed in "
              "(0008,0058). Instances go out as they are stored where the other side accepts that, "
              "else in a syntax that it accepts and that loses nothing.");
    paragraph(document, "Storage Commitment: requests (action 1) are kept and reported (event 1 "
              "or 2) on a new association to the configured peer, on the same one when the peer "
              "has no port. Failure reasons 0112 and 0119. Reports to us are taken on either.");
}

static const char *yes(bool value)
{
    return value ? "yes" : "no";
}

static void write_peers(struct document *document)
{
    static const char *const proofs[] = { "store", "commitment", "find" };
    const struct config *const config = document->config;
    char address[300];

    heading(document, "4.3", "Network interfaces");
    paragraph(document, "TCP over IPv4 and IPv6 of the operating system; no address is resolved "
              "for a calling peer.");
    heading(document, "4.4", "Configuration");
    begin_table(document);
    row(document, "Local AE title", config->ae_title, NULL);
    text_format(address, sizeof address, "%s:%d", config->bind, config->port);
    row(document, "Listens at", address, NULL);
    if (config->tls_port != 0)
        number_row(document, "Listens for TLS at port", config->tls_port, "");
    end_table(document);
    paragraph(document, "%zu remote AEs are configured:", config->peer_count);
    begin_table(document);
    row(document, "AE title", "Address", "TLS", "Proof of delivery", NULL);
    for (size_t i = 0; i < config->peer_count; i++) {
        const struct config_peer *const peer = &config->peer[i];
        text_format(address, sizeof address, "%s:%d", peer->host, peer->port);
        row(document, peer->ae_title, peer->port == 0 ? "never called" : address,
            yes(peer->tls), proofs[peer->proof], NULL);
    }
    end_table(document);
}

static void write_initiation(struct document *document)
{
    heading(document, "4.2.3", "Association initiation policy");
    paragraph(document, "Associations are requested to deliver results and originals (one per "
              "peer at a time, up to 100 instances each, each class with its stored transfer "
              "syntax and those that it can be turned into), to ask for storage commitment or to "
              "look for what was delivered by C-FIND at the level IMAGE, to report storage "
              "commitment (with the roles turned), for the sub-operations of a C-MOVE, and for "
              "C-ECHO on demand. Failures are tried again with growing delays until %d s after "
              "queueing; 0000 and warnings B... count as stored.", document->config->deadline_s);
}

static void write_rest(struct document *document)
{
    heading(document, "5", "Media interchange");
    paragraph(document, "No media application profile. Part 10 files are imported by tumorctl.");
    heading(document, "6", "Support of character sets");
    paragraph(document, "ISO_IR 6, 100, 101, 109, 110, 144, 127, 126, 138, 148, 203, 166, 13, "
              "192, GB18030 and GBK, and with code extensions ISO 2022 IR 6, 100, 101, 109, 110, "
              "144, 127, 126, 138, 148, 203, 166, 13, 87, 159, 149 and 58. Results keep the bytes "
              "and the character set of their source; index and answers are UTF-8.");
    heading(document, "7", "Security");
    paragraph(document, "%s Peers are known by AE title and, with TLS, by a certificate of a "
              "configured authority.", document->config->tls_port != 0
              ? "BCP 195 TLS secure transport connection profile: TLS 1.2 with ECDHE or DHE and "
              "AES-GCM, TLS 1.3." : "No secure transport is configured (TLS 1.2 and 1.3 by BCP "
              "195 are available).");
}

static void write_annexes(struct document *document)
{
    heading(document, "8", "Annexes");
    heading(document, "8.1", "IOD contents");
    paragraph(document, "Created: Segmentation (BINARY), Comprehensive 3D SR by TID 1500, "
              "Multi-frame True Color Secondary Capture. Patient, study and frame of reference "
              "are the source's; Manufacturer (0008,0070) is %s. UIDs are 2.25. and derived from "
              "the inputs, so that the same work done twice gives the same instances. Received "
              "instances are not coerced.", UID_MANUFACTURER);
    heading(document, "8.2", "Data dictionary of private attributes");
    paragraph(document, "None.");
    heading(document, "8.3", "Coded terminology and templates");
    paragraph(document, "SR: TID 1500, 1600, 1411, 1501, 4019 with codes of DCM, SCT, UCUM, IBSI "
              "and of the private scheme 99TUMORD: 99T001 Pixel value.");
    heading(document, "8.4", "Grayscale image consistency");
    paragraph(document, "Not supported: nothing is displayed for reading.");
    heading(document, "8.5", "Standard extended, specialised and private SOP classes");
    paragraph(document, "None; classes of the configuration are stored as they are.");
    heading(document, "8.6", "Private transfer syntaxes");
    paragraph(document, "None.");
}

bool conformance_write(const struct config *config, enum conformance_format format, FILE *to,
                       struct error *err)
{
    struct document document = { config, to, format == CONFORMANCE_HTML };

    if (document.html)
        fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>tumord: DICOM "
              "conformance statement</title><style>body{font-family:sans-serif;max-width:60em;"
              "margin:2em auto;line-height:1.4}td{border:1px solid #999;padding:.2em .6em}"
              "table{border-collapse:collapse}</style></head><body>\n"
              "<h1>tumord " PACKAGE_VERSION ": DICOM conformance statement</h1>\n", to);
    else
        fputs("tumord " PACKAGE_VERSION ": DICOM conformance statement\n", to);
    write_overview(&document);
    write_introduction(&document);
    write_model(&document);
    write_policies(&document);
    write_classes(&document);
    write_store(&document);
    write_query(&document);
    write_initiation(&document);
    write_peers(&document);
    write_rest(&document);
    write_annexes(&document);
    if (document.html)
        fputs("</body></html>\n", to);
    return fflush(to) == 0 || error_errno(err, "the conformance statement");
}
