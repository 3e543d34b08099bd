/* Negotiate: transport connections of ours under DCMTK's association calls. */
#include "dcmtk/config/osconfig.h"

#include "dicom/negotiate.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dcmtk/dcmdata/dcuid.h"
#include "dcmtk/dcmnet/assoc.h"
#include "dcmtk/dcmnet/dcmlayer.h"
#include "dcmtk/dcmnet/dcmtrans.h"
#include "dcmtk/dcmnet/dul.h"
#include "dcmtk/oflog/oflog.h"

extern "C" {
#include "dicom/pdv.h"
#include "dicom/tls.h"
#include "dicom/syntax.h"
#include "dicom/uid.h"
#include "util/error.h"
#include "util/text.h"
}

namespace
{

bool set_condition(struct error *err, error_code code, const OFCondition &condition)
{
    char text[160];

    text_printable(condition.text(), text, sizeof text);
    return error_set(err, code, "%s", text);
}

void set_up()
{
    static std::once_flag once;

    std::call_once(once, [] {
        OFLog::configure(OFLogger::OFF_LOG_LEVEL);  /* dicom/ never logs */
        dcmDisableGethostbyaddr.set(OFTrue);        /* a name server must not delay us */
    });
}

/* ---- transport ---- */

/* What DCMTK asks of a connection and TLS would answer; ours is transparent. */
class Connection : public DcmTransportConnection
{
public:
    explicit Connection(DcmNativeSocketType socket) : DcmTransportConnection(socket) {}
    OFCondition serverSideHandshake() override { return EC_Normal; }
    OFCondition clientSideHandshake() override { return EC_Normal; }
    OFCondition renegotiate(const char *) override { return EC_Normal; }
    void close() override {}                        /* the socket is not ours */
    void closeTransportConnection() override {}
    unsigned long getPeerCertificateLength() override { return 0; }
    unsigned long getPeerCertificate(void *, unsigned long) override { return 0; }
    OFBool isTransparentConnection() override { return OFFalse; }   /* no select() on it */
    OFString &dumpConnectionParameters(OFString &text) override { return text; }
};

/* Plays the request that was read already, and keeps the answer. */
class Replay : public Connection
{
public:
    Replay(DcmNativeSocketType socket, const std::string &request, std::string &answer)
        : Connection(socket), request_(request), answer_(answer) {}
    OFBool networkDataAvailable(int) override { return at_ < request_.size(); }
    ssize_t read(void *buffer, size_t size) override
    {
        const size_t count = std::min(size, request_.size() - at_);

        std::memcpy(buffer, request_.data() + at_, count);
        at_ += count;
        return static_cast<ssize_t>(count);
    }
    ssize_t write(void *buffer, size_t size) override
    {
        answer_.append(static_cast<const char *>(buffer), size);
        return static_cast<ssize_t>(size);
    }

private:
    const std::string &request_;
    std::string &answer_;
    size_t at_ = 0;
};

class ReplayLayer : public DcmTransportLayer
{
public:
    ReplayLayer(const void *request, size_t size)
        : request_(static_cast<const char *>(request), size) {}
    DcmTransportConnection *createConnection(DcmNativeSocketType socket, OFBool) override
    {
        return new Replay(socket, request_, answer);
    }
    std::string answer;

private:
    const std::string request_;
};

/* One connected socket, and the deadline of the negotiation. The answer is read whole. */
struct Wire {
    int socket = -1;
    int timeout_s = 0;
    int64_t deadline_ms = 0;
    std::string answer;
    bool answered = false;
    struct tls *tls = nullptr;
    struct error failure = {};
};

int64_t now_ms()
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

bool read_exactly(Wire &wire, size_t size)
{
    char buffer[4096];

    while (size > 0) {
        const ssize_t got = recv(wire.socket, buffer, std::min(size, sizeof buffer),
                                 MSG_DONTWAIT);
        struct pollfd pollfd = { wire.socket, POLLIN, 0 };
        const int64_t left = wire.deadline_ms - now_ms();

        if (got > 0) {
            wire.answer.append(buffer, static_cast<size_t>(got));
            size -= static_cast<size_t>(got);
        } else if (got == 0 || (errno != EAGAIN && errno != EINTR) || left <= 0) {
            return false;
        } else {
            poll(&pollfd, 1, static_cast<int>(left));
        }
    }
    return true;
}

/* DUL sees no answer but one whose lengths agree. */
bool clean_answer(Wire &wire)
{
    std::vector<unsigned char> clean(wire.answer.size() + REQUEST_ANSWER_ROOM);
    size_t size = 0;

    if (!request_check_answer(wire.answer.data(), wire.answer.size(), clean.data(), &size,
                              &wire.failure))
        return false;
    wire.answer.assign(reinterpret_cast<const char *>(clean.data()), size);
    return true;
}

/* The peer's answer, bounded before DCMTK sees its length. */
bool read_answer(Wire &wire)
{
    if (!read_exactly(wire, 6))
        return false;
    const auto *head = reinterpret_cast<const unsigned char *>(wire.answer.data());
    const size_t length = static_cast<size_t>(head[2]) << 24 | head[3] << 16 | head[4] << 8 |
                          head[5];

    return length <= ASSOCIATION_MAX_REQUEST && read_exactly(wire, length)
        && clean_answer(wire);
}

class Dialled : public Connection
{
public:
    Dialled(DcmNativeSocketType socket, Wire &wire) : Connection(socket), wire_(wire) {}
    OFBool networkDataAvailable(int) override { return fetch() && at_ < wire_.answer.size(); }
    ssize_t read(void *buffer, size_t size) override
    {
        if (!fetch())
            return -1;
        const size_t count = std::min(size, wire_.answer.size() - at_);

        std::memcpy(buffer, wire_.answer.data() + at_, count);
        at_ += count;
        return static_cast<ssize_t>(count);
    }
    ssize_t write(void *buffer, size_t size) override
    {
        struct error ignored;

        if (!pdv_send_socket(wire_.socket, buffer, size, wire_.timeout_s, &ignored))
            return -1;
        return static_cast<ssize_t>(size);
    }

private:
    bool fetch()
    {
        if (!asked_)
            wire_.answered = read_answer(wire_);
        asked_ = true;
        return wire_.answered;
    }
    Wire &wire_;
    bool asked_ = false;
    size_t at_ = 0;
};

class DialLayer : public DcmTransportLayer
{
public:
    explicit DialLayer(Wire &wire) : wire_(wire) {}
    DcmTransportConnection *createConnection(DcmNativeSocketType socket, OFBool) override
    {
        wire_.socket = socket;
        wire_.deadline_ms = now_ms() + wire_.timeout_s * 1000;
        pdv_tune_socket(socket);
        if (wire_.tls != nullptr)           /* the other end of a relay takes its place */
            wire_.socket = tls_dial(wire_.tls, socket, wire_.timeout_s, &wire_.failure);
        return new Dialled(socket, wire_);
    }

private:
    Wire &wire_;
};

/* ---- what DCMTK allocates, given back ---- */

struct Network {
    T_ASC_Network *value = nullptr;
    ~Network() { if (value != nullptr) ASC_dropNetwork(&value); }
};

struct Association {
    T_ASC_Association *value = nullptr;
    ~Association() { if (value != nullptr) ASC_destroyAssociation(&value); }
};

void keep_agreed(T_ASC_Parameters *params, negotiated *agreed)
{
    const int count = ASC_countPresentationContexts(params);

    agreed->count = 0;
    agreed->max_out = params->theirMaxPDUReceiveSize > 0
                          ? static_cast<size_t>(params->theirMaxPDUReceiveSize) : 0;
    for (int i = 0; i < count && agreed->count < REQUEST_MAX_CONTEXTS; i++) {
        T_ASC_PresentationContext context;

        if (ASC_getPresentationContext(params, i, &context).bad() ||
            context.resultReason != ASC_P_ACCEPTANCE)
            continue;
        auto &kept = agreed->context[agreed->count++];
        kept.id = context.presentationContextID;
        kept.turned = context.acceptedRole == ASC_SC_ROLE_SCP ||
                      context.acceptedRole == ASC_SC_ROLE_SCUSCP;
        text_format(kept.abstract, sizeof kept.abstract, "%s", context.abstractSyntax);
        text_format(kept.syntax, sizeof kept.syntax, "%s", context.acceptedTransferSyntax);
    }
}

/* ---- accepting ---- */

/* Their data sets are small ones that dicom/identifier.h reads: little endian, not deflated. */
bool is_service(const char *abstract)
{
    static const char *const services[] = {
        UID_FINDPatientRootQueryRetrieveInformationModel,
        UID_MOVEPatientRootQueryRetrieveInformationModel,
        UID_GETPatientRootQueryRetrieveInformationModel,
        UID_FINDStudyRootQueryRetrieveInformationModel,
        UID_MOVEStudyRootQueryRetrieveInformationModel,
        UID_GETStudyRootQueryRetrieveInformationModel,
        UID_StorageCommitmentPushModelSOPClass
    };

    return std::any_of(std::begin(services), std::end(services), [abstract](const char *uid) {
        return std::strcmp(abstract, uid) == 0;
    });
}

bool is_served(const char *abstract, const association_policy *policy)
{
    if (std::strcmp(abstract, UID_VerificationSOPClass) == 0 || is_service(abstract))
        return true;
    for (size_t i = 0; i < policy->sop_class_count; i++)
        if (std::strcmp(abstract, policy->sop_class[i]) == 0)
            return true;
    for (int i = 0; i < numberOfDcmAllStorageSOPClassUIDs; i++)
        if (std::strcmp(abstract, dcmAllStorageSOPClassUIDs[i]) == 0)
            return true;
    return false;
}

const char *choose_plain_syntax(const T_ASC_PresentationContext &context)
{
    for (const char *const syntax : { UID_LittleEndianExplicitTransferSyntax,
                                      UID_LittleEndianImplicitTransferSyntax })
        for (int i = 0; i < context.transferSyntaxCount; i++)
            if (std::strcmp(context.proposedTransferSyntaxes[i], syntax) == 0)
                return syntax;
    return nullptr;
}

const char *choose_syntax(const T_ASC_PresentationContext &context)
{
    if (is_service(context.abstractSyntax))
        return choose_plain_syntax(context);
    for (const struct syntax *syntax = syntax_list; syntax->uid != nullptr; syntax++)
        for (int i = 0; i < context.transferSyntaxCount; i++)
            if (std::strcmp(context.proposedTransferSyntaxes[i], syntax->uid) == 0)
                return syntax->uid;
    return nullptr;
}

OFCondition answer_context(T_ASC_Parameters *params, int number,
                           const association_policy *policy)
{
    T_ASC_PresentationContext context;
    OFCondition condition = ASC_getPresentationContext(params, number, &context);

    if (condition.bad())
        return condition;
    const char *const syntax = choose_syntax(context);

    if (!is_served(context.abstractSyntax, policy))
        return ASC_refusePresentationContext(params, context.presentationContextID,
                                             ASC_P_ABSTRACTSYNTAXNOTSUPPORTED);
    if (syntax == nullptr)
        return ASC_refusePresentationContext(params, context.presentationContextID,
                                             ASC_P_TRANSFERSYNTAXESNOTSUPPORTED);
    return ASC_acceptPresentationContext(params, context.presentationContextID, syntax,
                                         context.proposedRole);
}

/* In memory from the request to the answer; the mutex is for DCMTK's one global handle. */
OFCondition receive(int socket, ReplayLayer &layer, const association_policy *policy,
                    negotiated *agreed)
{
    static std::mutex one_at_a_time;
    const std::lock_guard<std::mutex> lock(one_at_a_time);
    Network network;
    Association association;

    dcmExternalSocketHandle.set(socket);
    OFCondition condition = ASC_initializeNetwork(NET_ACCEPTOR, 0, 5, &network.value);
    if (condition.good())
        condition = ASC_setTransportLayer(network.value, &layer, 0);
    if (condition.good())
        condition = ASC_receiveAssociation(network.value, &association.value, policy->max_pdu,
                                           nullptr, nullptr, OFFalse, DUL_NOBLOCK, 5);
    if (condition.bad())
        return condition;
    T_ASC_Parameters *const params = association.value->params;

    for (int i = 0; condition.good() && i < ASC_countPresentationContexts(params); i++)
        condition = answer_context(params, i, policy);
    layer.answer.clear();
    if (condition.good())
        condition = ASC_acknowledgeAssociation(association.value);
    if (condition.good())
        keep_agreed(params, agreed);
    const std::string answer = layer.answer;

    if (condition.bad())
        ASC_abortAssociation(association.value);
    else
        ASC_dropAssociation(association.value);
    layer.answer = answer;
    return condition;
}

/* ---- requesting ---- */

OFCondition propose(T_ASC_Parameters *params, const association_proposal *proposals,
                    size_t count)
{
    const char *plain[] = { UID_LittleEndianImplicitTransferSyntax };
    OFCondition condition =
        ASC_addPresentationContext(params, 1, UID_VerificationSOPClass, plain, 1);

    for (size_t i = 0; i < count && condition.good(); i++) {
        const char *syntax[] = { proposals[i].transfer_syntax };

        condition = ASC_addPresentationContext(
            params, static_cast<T_ASC_PresentationContextID>(2 * i + 3),
            proposals[i].sop_class_uid, syntax, 1,
            proposals[i].turned ? ASC_SC_ROLE_SCUSCP : ASC_SC_ROLE_DEFAULT);
    }
    return condition;
}

OFCondition describe(T_ASC_Parameters *params, const association_target *target)
{
    const std::string address = std::string(target->host) + ":" + std::to_string(target->port);
    OFCondition condition =
        ASC_setAPTitles(params, target->calling_ae, target->called_ae, nullptr);

    if (condition.good())
        condition = ASC_setPresentationAddresses(params, "localhost", address.c_str());
    return condition;
}

bool dial_failed(const OFCondition &condition, T_ASC_Parameters *params, const Wire &wire,
                 struct error *err)
{
    if (wire.failure.code != ERROR_NONE) {
        *err = wire.failure;
        return false;
    }
    if (condition == DUL_ASSOCIATIONREJECTED) {
        T_ASC_RejectParameters reject;
        OFString text;

        ASC_getRejectParameters(params, &reject);
        char line[160];
        ASC_printRejectParameters(text, &reject);
        text_printable(text.c_str(), line, sizeof line);
        return error_set(err, ERROR_DENIED, "the association was rejected: %s", line);
    }
    if (wire.socket >= 0 && !wire.answered)
        return error_set(err, ERROR_NETWORK,
                         "no answer to the association request in %d s", wire.timeout_s);
    return set_condition(err, ERROR_NETWORK, condition);
}

bool request(Wire &wire, const association_target *target,
             const association_proposal *proposals, size_t count, negotiated *agreed,
             struct error *err)
{
    DialLayer layer(wire);
    Network network;
    Association association;
    T_ASC_Parameters *params = nullptr;

    dcmConnectionTimeout.set(target->timeout_s);
    OFCondition condition = ASC_initializeNetwork(NET_REQUESTOR, 0, target->timeout_s,
                                                  &network.value);
    if (condition.good())
        condition = ASC_setTransportLayer(network.value, &layer, 0);
    if (condition.good())
        condition = ASC_createAssociationParameters(&params, target->max_pdu);
    if (condition.good())
        condition = describe(params, target);
    if (condition.good())
        condition = propose(params, proposals, count);
    if (condition.bad()) {
        ASC_destroyAssociationParameters(&params);
        return set_condition(err, ERROR_NETWORK, condition);
    }
    condition = ASC_requestAssociation(network.value, params, &association.value);
    if (condition.bad()) {
        dial_failed(condition, params, wire, err);
        if (association.value == nullptr)
            ASC_destroyAssociationParameters(&params);
        return false;
    }
    keep_agreed(params, agreed);
    return true;
}

} // namespace

bool negotiate_accept(int socket, const void *request, size_t size,
                      const association_policy *policy, negotiated *ret_agreed, unsigned char **ret_answer,
                      size_t *ret_answer_size, struct error *err)
{
    try {
        ReplayLayer layer(request, size);

        set_up();
        const OFCondition condition = receive(socket, layer, policy, ret_agreed);
        if (condition.bad())
            return set_condition(err, ERROR_NETWORK, condition);
        *ret_answer = static_cast<unsigned char *>(std::malloc(layer.answer.size() + 1));
        if (*ret_answer == nullptr)
            return error_set(err, ERROR_MEMORY, "the answer to an association request");
        std::memcpy(*ret_answer, layer.answer.data(), layer.answer.size());
        *ret_answer_size = layer.answer.size();
        return true;
    } catch (const std::exception &) {
        return error_set(err, ERROR_MEMORY, "accepting an association");
    }
}

bool negotiate_request(const association_target *target,
                       const association_proposal *proposals, size_t count, int *ret_socket,
                       negotiated *ret_agreed, struct error *err)
{
    Wire wire;

    wire.timeout_s = target->timeout_s;
    wire.tls = target->tls;
    try {
        set_up();
        if (request(wire, target, proposals, count, ret_agreed, err)) {
            *ret_socket = wire.socket;
            return true;
        }
    } catch (const std::exception &) {
        error_set(err, ERROR_MEMORY, "requesting an association");
    }
    if (wire.socket >= 0)
        close(wire.socket);
    return false;
}

const char *negotiate_storage_class(size_t index)
{
    return index < static_cast<size_t>(numberOfDcmAllStorageSOPClassUIDs)
               ? dcmAllStorageSOPClassUIDs[index] : nullptr;
}

void negotiate_name(const char *uid, char *buffer, size_t size)
{
    text_format(buffer, size, "%s", dcmFindNameOfUID(uid, uid));
}
