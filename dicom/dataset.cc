/* Dataset: DCMTK's DcmDataset behind the C header; nothing is decided here. */
#include "dcmtk/config/osconfig.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "dcmtk/dcmdata/dctk.h"
#include "dcmtk/dcmdata/dcistrmb.h"
#include "dcmtk/dcmdata/dcostrmb.h"
#include "dcmtk/dcmdata/dcpixel.h"
#include "dcmtk/dcmdata/dcpixseq.h"
#include "dcmtk/dcmdata/dcpxitem.h"
#include "dcmtk/dcmdata/dcrledrg.h"
#include "dcmtk/dcmdata/dcrleerg.h"
#include "dcmtk/dcmdata/dcwcache.h"
#include "dcmtk/dcmjpeg/djdecode.h"
#include "dcmtk/dcmjpeg/djencode.h"
#include "dcmtk/dcmjpls/djdecode.h"
#include "dcmtk/dcmjpls/djencode.h"
#include "dcmtk/oflog/oflog.h"

#include "dicom/dataset.h"
#include "dicom/jpeg.h"
#include "dicom/openjpeg.h"

extern "C" {
#include "dicom/association.h"
#include "dicom/scan.h"
#include "dicom/syntax.h"
#include "util/error.h"
#include "util/text.h"
}

/* A whole file; it keeps the first failure of a put, which dataset_write() tells. */
struct dataset : public DcmFileFormat {
    struct error failure;
    char syntax[TEXT_UID_SIZE];

    dataset()
    {
        std::memset(&failure, 0, sizeof failure);
        syntax[0] = '\0';
    }

    /* As the file says; DCMTK's own view does where it says nothing. */
    void note_syntax()
    {
        const char *uid = nullptr;
        const DcmXfer own(getDataset()->getOriginalXfer());

        if (getMetaInfo()->findAndGetString(DCM_TransferSyntaxUID, uid).bad() || uid == nullptr)
            uid = own.getXferID();
        if (uid != nullptr && !text_format(syntax, sizeof syntax, "%s", uid))
            syntax[0] = '\0';
    }
};

static DcmItem *native(const struct item *item)
{
    return reinterpret_cast<DcmItem *>(const_cast<struct item *>(item));
}

static struct item *foreign(DcmItem *item)
{
    return reinterpret_cast<struct item *>(item);
}

static DcmTagKey key_of(uint32_t tag)
{
    return DcmTagKey(static_cast<Uint16>(tag >> 16), static_cast<Uint16>(tag & 0xffff));
}

static DcmElement *find(const struct item *item, uint32_t tag)
{
    DcmElement *element = nullptr;

    native(item)->findAndGetElement(key_of(tag), element);
    return element;
}

extern "C" bool dicom_init(struct error *err)
{
    OFLog::configure(OFLogger::FATAL_LOG_LEVEL);
    if (!dcmDataDict.isDictionaryLoaded())
        return error_set(err, ERROR_IO, "DCMTK's data dictionary is not installed");
    DcmRLEDecoderRegistration::registerCodecs();
    DJDecoderRegistration::registerCodecs();
    DJLSDecoderRegistration::registerCodecs();
    DcmRLEEncoderRegistration::registerCodecs();
    DJEncoderRegistration::registerCodecs();
    /* Not "cooked", which would drop what lies above Bits Stored. */
    DJLSEncoderRegistration::registerCodecs(0, 0, 0, 0, OFFalse);
    openjpeg_register();
    return true;
}

/* ---- whole data sets ---- */

extern "C" struct dataset *dataset_new(struct error *err)
{
    try {
        return new struct dataset;
    } catch (const std::bad_alloc &) {
        return static_cast<struct dataset *>(error_null(err, ERROR_MEMORY, "data set"));
    }
}

static bool parse(struct dataset *dataset, const void *bytes, size_t size, struct error *err)
{
    DcmInputBufferStream stream;

    stream.setBuffer(bytes, static_cast<offile_off_t>(size));
    stream.setEos();
    dataset->transferInit();
    const OFCondition status = dataset->read(stream);
    dataset->transferEnd();
    if (status.bad())
        return error_set(err, ERROR_DATA, "data set: %s", status.text());
    dataset->note_syntax();
    return true;
}

/*
 * High-throughput JPEG 2000, of which DCMTK 3.6.7 knows not even the name, by the syntax that is
 * encoded alike. OpenJPEG sees by the codestream which of both it is.
 */
static E_TransferSyntax twin_of(const char *syntax)
{
    static const struct { const char *uid; E_TransferSyntax twin; } twins[] = {
        { "1.2.840.10008.1.2.4.201", EXS_JPEG2000LosslessOnly },
        { "1.2.840.10008.1.2.4.202", EXS_JPEG2000LosslessOnly },
        { "1.2.840.10008.1.2.4.203", EXS_JPEG2000LosslessOnly },
        { "1.2.840.10008.1.2.4.204", EXS_JPIPReferenced },
        { "1.2.840.10008.1.2.4.205", EXS_JPIPReferencedDeflate }
    };

    for (const auto &one : twins)
        if (std::strcmp(syntax, one.uid) == 0)
            return one.twin;
    return EXS_Unknown;
}

static bool parse_as(struct dataset *dataset, E_TransferSyntax twin,
                     const unsigned char *bytes, size_t size,
                     const struct association_meta *meta, struct error *err)
{
    DcmDataset *const root = dataset->getDataset();
    DcmInputBufferStream stream;

    stream.setBuffer(bytes + meta->length, static_cast<offile_off_t>(size - meta->length));
    stream.setEos();
    root->transferInit();
    const OFCondition status = root->read(stream, twin);
    root->transferEnd();
    if (status.bad())
        return error_set(err, ERROR_DATA, "data set: %s", status.text());
    std::memcpy(dataset->syntax, meta->transfer_syntax, sizeof dataset->syntax);
    return true;
}

static bool parse_either(struct dataset *dataset, const void *bytes, size_t size,
                         struct error *err)
{
    const unsigned char *const at = static_cast<const unsigned char *>(bytes);
    struct association_meta meta;
    struct error none;

    if (size <= 132 || std::memcmp(at + 128, "DICM", 4) != 0
        || !association_read_meta(bytes, size, &meta, &none))
        return parse(dataset, bytes, size, err);
    const E_TransferSyntax twin = twin_of(meta.transfer_syntax);
    return twin == EXS_Unknown ? parse(dataset, bytes, size, err)
        : parse_as(dataset, twin, at, size, &meta, err);
}

extern "C" struct dataset *dataset_read(const void *bytes, size_t size, struct error *err)
{
    struct dataset *dataset = nullptr;

    if (!scan_check(bytes, size, err))
        return nullptr;
    try {
        dataset = new struct dataset;
        if (parse_either(dataset, bytes, size, err))
            return dataset;
    } catch (const std::exception &failure) {
        error_set(err, ERROR_MEMORY, "data set: %s", failure.what());
    }
    delete dataset;
    return nullptr;
}

extern "C" struct dataset *dataset_copy_head(struct dataset *dataset, struct error *err)
{
    struct dataset *const copy = dataset_new(err);
    DcmDataset *const from = dataset->getDataset();

    for (unsigned long i = 0; copy != nullptr && i < from->card(); i++) {
        DcmElement *const element = from->getElement(i);
        if (element->getGTag() != 0x7fe0)
            item_copy(dataset_root(copy), dataset_root(dataset),
                      static_cast<uint32_t>(element->getGTag()) << 16 | element->getETag());
    }
    return copy;
}

extern "C" void dataset_free(struct dataset *dataset)
{
    delete dataset;
}

extern "C" const char *dataset_transfer_syntax(const struct dataset *dataset)
{
    return dataset->syntax;
}

extern "C" struct item *dataset_root(struct dataset *dataset)
{
    return foreign(dataset->getDataset());
}

static bool encode(DcmDataset *root, E_TransferSyntax syntax, unsigned char *buffer,
                   size_t room, size_t *ret_size, struct error *err)
{
    DcmOutputBufferStream stream(buffer, static_cast<offile_off_t>(room));
    DcmWriteCache cache;
    void *written = nullptr;
    offile_off_t length = 0;

    root->transferInit();
    const OFCondition status = root->write(stream, syntax, EET_ExplicitLength, &cache,
                                           EGL_withoutGL, EPD_withoutPadding);
    root->transferEnd();
    stream.flush();
    stream.flushBuffer(written, length);
    if (status.bad())
        return error_set(err, ERROR_DATA, "data set: %s", status.text());
    *ret_size = static_cast<size_t>(length);
    return true;
}

/* The meta header and the data set in `syntax`, in which its pixels are already. */
static bool write_file(struct dataset *dataset, const DcmXfer &syntax,
                       unsigned char **ret_bytes, size_t *ret_size, struct error *err)
{
    char class_uid[TEXT_UID_SIZE], sop_uid[TEXT_UID_SIZE];
    DcmDataset *const root = dataset->getDataset();

    if (!item_text_at(foreign(root), 0x00080016, 0, class_uid, sizeof class_uid)
        || !item_text_at(foreign(root), 0x00080018, 0, sop_uid, sizeof sop_uid))
        return error_set(err, ERROR_DATA, "data set without SOP Class or Instance UID");
    if (!text_is_uid(class_uid) || !text_is_uid(sop_uid))   /* a file that nobody could read */
        return error_set(err, ERROR_DATA, "the SOP Class or Instance UID is no UID");
    const size_t length = root->calcElementLength(syntax.getXfer(), EET_ExplicitLength);
    const size_t room = length + length / 1000 + 65536;     /* deflating may add a little */
    unsigned char *const bytes = static_cast<unsigned char *>(std::malloc(room));
    if (bytes == nullptr)
        return error_set(err, ERROR_MEMORY, "data set of %zu bytes", room);
    const size_t meta = association_write_meta(class_uid, sop_uid, syntax.getXferID(), "",
                                               bytes, 1024);
    size_t size = 0;
    /* What came from outside can hold what makes no file: elements of the meta header, say. */
    if (!encode(root, syntax.getXfer(), bytes + meta, room - meta, &size, err)
        || !scan_check(bytes, meta + size, err)) {
        std::free(bytes);
        return error_prefix(err, "the data set as it would be written");
    }
    *ret_bytes = bytes;
    *ret_size = meta + size;
    return true;
}

extern "C" bool dataset_write(struct dataset *dataset, unsigned char **ret_bytes,
                              size_t *ret_size, struct error *err)
{
    return dataset_write_as(dataset, "1.2.840.10008.1.2.1", ret_bytes, ret_size, err);
}

/* ---- pixels ---- */

/* ---- what decoders are told, before they believe it ---- */

/* The frame that begins at fragment `first`; its header may lie behind a fragment's end. */
static bool check_jpeg_frame(DcmPixelSequence *fragments, unsigned long first, uint64_t pixels,
                             struct error *err)
{
    const size_t most = 1 << 20;                /* of tables and comments before the header */
    std::vector<Uint8> joined;
    uint32_t rows = 0, columns = 0;
    enum jpeg_answer answer = JPEG_MORE;

    for (unsigned long i = first; answer == JPEG_MORE && i < fragments->card(); i++) {
        DcmPixelItem *item = nullptr;
        Uint8 *bytes = nullptr;
        if (fragments->getItem(item, i).bad() || item->getUint8Array(bytes).bad())
            return error_set(err, ERROR_DATA, "pixel data: a fragment cannot be read");
        if (bytes == nullptr || (i > first && joined.size() >= most))
            break;
        const size_t size = item->getLength();
        joined.insert(joined.end(), bytes, bytes + (size < most ? size : most));
        answer = jpeg_find_size(joined.data(), joined.size(), &rows, &columns);
    }
    if (answer != JPEG_SIZE)
        return error_set(err, ERROR_DATA, "a JPEG image without a frame header");
    return static_cast<uint64_t>(rows) * columns <= pixels
        || error_set(err, ERROR_DATA, "the JPEG image has %u x %u pixels, and the data set "
                     "has fewer", columns, rows);
}

/* Only at the start of an image does a decoder begin; for the precision it looks anywhere. */
static bool check_jpeg_fragment(DcmPixelSequence *fragments, unsigned long at, uint64_t pixels,
                                bool is_ls, struct error *err)
{
    DcmPixelItem *item = nullptr;
    Uint8 *bytes = nullptr;

    if (fragments->getItem(item, at).bad() || item->getUint8Array(bytes).bad()
        || bytes == nullptr || item->getLength() < 2)
        return true;
    if (!is_ls && !jpeg_is_walkable(bytes, item->getLength()))
        return error_set(err, ERROR_DATA, "a JPEG image with a marker before its frame header "
                         "that has no place there");
    return bytes[0] != 0xff || bytes[1] != 0xd8
        || check_jpeg_frame(fragments, at, pixels, err);
}

static bool check_jpeg(struct dataset *dataset, DcmPixelSequence *fragments, bool is_ls,
                       struct error *err)
{
    long rows = 0, columns = 0;

    item_int(dataset_root(dataset), 0x00280010, 0, &rows);
    item_int(dataset_root(dataset), 0x00280011, 0, &columns);
    for (unsigned long i = 1; i < fragments->card(); i++)
        if (!check_jpeg_fragment(fragments, i, static_cast<uint64_t>(rows)
                                 * static_cast<uint64_t>(columns), is_ls, err))
            return false;
    return true;
}

static bool is_jpeg(E_TransferSyntax syntax)
{
    return syntax != EXS_RLELossless && syntax != EXS_JPEG2000LosslessOnly
        && syntax != EXS_JPEG2000;
}

/* Before a decoder takes memory: what the data set says, and what is there to be decoded. */
static bool check_bound(struct dataset *dataset, struct error *err)
{
    static const uint32_t factors[] = { 0x00280010, 0x00280011, 0x00280002, 0x00280100,
                                        0x00280008 };
    struct item *const root = dataset_root(dataset);
    DcmElement *const element = find(root, 0x7fe00010);
    DcmPixelSequence *fragments = nullptr;
    uint64_t bits = 1;
    long value = 1;

    for (uint32_t tag : factors) {
        if (!item_int(root, tag, 0, &value))
            value = 1;
        if (value < 1 || __builtin_mul_overflow(bits, static_cast<uint64_t>(value), &bits)
            || bits / 8 > 0xfffffffe)
            return error_set(err, ERROR_LIMIT, "an image of more than 4 GiB, or of nothing");
    }
    if (element == nullptr || element->ident() != EVR_PixelData)
        return error_set(err, ERROR_DATA, "image without Pixel Data");
    E_TransferSyntax syntax = EXS_Unknown;
    const DcmRepresentationParameter *parameter = nullptr;
    DcmPixelData *const pixels = static_cast<DcmPixelData *>(element);
    pixels->getOriginalRepresentationKey(syntax, parameter);
    if (pixels->getEncapsulatedRepresentation(syntax, parameter, fragments).bad()
        || fragments == nullptr)
        return true;                            /* decoded before, or never encoded */
    /* `value` is Number of Frames, the last factor. */
    if (fragments->card() <= static_cast<unsigned long>(value))
        return error_set(err, ERROR_DATA, "%ld frames in %lu fragments", value,
                         fragments->card() > 0 ? fragments->card() - 1 : 0);
    const bool is_ls = syntax == EXS_JPEGLSLossless || syntax == EXS_JPEGLSLossy;
    return !is_jpeg(syntax) || check_jpeg(dataset, fragments, is_ls, err);
}

/* DCMTK's "Pixel representation cannot be changed" stands for two things. */
static const char *why_of(const OFCondition &status)
{
    return status == EC_CannotChangeRepresentation
        ? "there is no decoder for it, or it is damaged" : status.text();
}

/* The representation that chooseRepresentation() made is there, and can be written. */
static bool choose(DcmDataset *root, E_TransferSyntax syntax, struct error *err)
{
    const DcmXfer from(root->getOriginalXfer()), to(syntax);
    const OFCondition status = root->chooseRepresentation(syntax, nullptr);

    if (status.good() && root->canWriteXfer(syntax, root->getOriginalXfer()))
        return true;
    if (to.isEncapsulated())
        return error_set(err, ERROR_UNSUPPORTED, "the data set cannot be written in %s: %s",
                         to.getXferName(), status.text());
    return error_set(err, ERROR_UNSUPPORTED, "pixel data in %s cannot be decoded: %s",
                     from.getXferName(), why_of(status));
}

static bool decompress(struct dataset *dataset, struct error *err)
{
    DcmDataset *const root = dataset->getDataset();
    const struct syntax *const known = syntax_find(dataset->syntax);

    if (known != nullptr && known->stored_only != nullptr)
        return error_set(err, ERROR_UNSUPPORTED, "%s", known->stored_only);
    if (!DcmXfer(root->getOriginalXfer()).isEncapsulated())
        return true;
    return check_bound(dataset, err) && choose(root, EXS_LittleEndianExplicit, err);
}

extern "C" bool dataset_pixels(struct dataset *dataset, const void **ret_pixels,
                               size_t *ret_size, struct error *err)
{
    DcmDataset *const root = dataset->getDataset();
    DcmElement *element = nullptr;
    long allocated = 0;

    if (!item_int(foreign(root), 0x00280100, 0, &allocated))
        return error_set(err, ERROR_DATA, "image without Bits Allocated");
    try {
        if (!decompress(dataset, err))
            return false;
        if (root->findAndGetElement(DCM_PixelData, element).bad() || element == nullptr)
            return error_set(err, ERROR_DATA, "image without Pixel Data");
        OFCondition status;
        if (allocated <= 8) {
            Uint8 *bytes = nullptr;
            status = element->getUint8Array(bytes);
            *ret_pixels = bytes;
        } else {
            Uint16 *words = nullptr;
            status = element->getUint16Array(words);
            *ret_pixels = words;
        }
        if (status.bad() || *ret_pixels == nullptr)
            return error_set(err, ERROR_DATA, "pixel data: %s", status.text());
        *ret_size = element->getLength();
        return true;
    } catch (const std::exception &failure) {
        return error_set(err, ERROR_MEMORY, "pixel data: %s", failure.what());
    }
}

/* ---- writing in any syntax ---- */

/* From one encoding of the pixels to another there is no way but by the pixels themselves. */
static bool convert(struct dataset *dataset, const DcmXfer &to, struct error *err)
{
    DcmDataset *const root = dataset->getDataset();
    DcmElement *element = nullptr;

    if (root->findAndGetElement(DCM_PixelData, element).bad() || element == nullptr)
        return !to.isEncapsulated()
            || error_set(err, ERROR_UNSUPPORTED, "there are no pixels to write in %s",
                         to.getXferName());
    if (!decompress(dataset, err))
        return false;
    if (!to.isEncapsulated())
        return true;
    root->removeAllButCurrentRepresentations();
    return choose(root, to.getXfer(), err);
}

/*
 * Pixels that were put here lie in an element of plain bytes, for which DCMTK asks no codec;
 * those that were read do not.
 */
static bool is_built(struct dataset *dataset)
{
    DcmElement *const element = find(dataset_root(dataset), 0x7fe00010);

    return element != nullptr && element->ident() != EVR_PixelData;
}

/*
 * Implicit data sets leave the value representation to the reader's dictionary. What calls itself a text
 * there and is a sequence for everybody else would not be read again; unknown (UN) it may be.
 */
static bool check_implicit(DcmItem *root, struct error *err)
{
    DcmStack stack;

    while (root->nextObject(stack, OFTrue).good()) {
        const DcmObject *const object = stack.top();
        const DcmTagKey &key = object->getTag().getXTag();
        if (object->ident() != EVR_SQ && object->ident() != EVR_UN && DcmTag(key).getEVR() == EVR_SQ)
            return error_set(err, ERROR_DATA, "(%04x,%04x) is a sequence and no %s: it cannot be written "
                             "without its representation", key.getGroup(), key.getElement(),
                             DcmVR(object->ident()).getVRName());
    }
    return true;
}

static bool write_converted(struct dataset *dataset, const DcmXfer &to,
                            unsigned char **ret_bytes, size_t *ret_size, struct error *err)
{
    try {
        return convert(dataset, to, err)
            && (to.isExplicitVR() || check_implicit(dataset->getDataset(), err))
            && write_file(dataset, to, ret_bytes, ret_size, err);
    } catch (const std::exception &failure) {
        return error_set(err, ERROR_MEMORY, "data set: %s", failure.what());
    }
}

/* By way of bytes. What is of no kind for pixels even then came so from outside. */
static bool write_built(struct dataset *dataset, const DcmXfer &to, unsigned char **ret_bytes,
                        size_t *ret_size, struct error *err)
{
    unsigned char *bytes = nullptr;
    size_t size = 0;

    if (!dataset_write(dataset, &bytes, &size, err))
        return false;
    struct dataset *const again = dataset_read(bytes, size, err);
    std::free(bytes);
    if (again == nullptr)
        return false;
    const bool good = is_built(again)
        ? error_set(err, ERROR_DATA, "the Pixel Data is of a kind that holds no pixels")
        : write_converted(again, to, ret_bytes, ret_size, err);
    dataset_free(again);
    return good;
}

extern "C" bool dataset_write_as(struct dataset *dataset, const char *transfer_syntax,
                                 unsigned char **ret_bytes, size_t *ret_size,
                                 struct error *err)
{
    const struct syntax *const known = syntax_find(transfer_syntax);
    const DcmXfer to(transfer_syntax);

    if (dataset->failure.code != ERROR_NONE) {
        *err = dataset->failure;
        return false;
    }
    if (known == nullptr || !known->writable)
        return error_set(err, ERROR_UNSUPPORTED, "data sets are not written in %.64s",
                         transfer_syntax);
    return to.isEncapsulated() && is_built(dataset)
        ? write_built(dataset, to, ret_bytes, ret_size, err)
        : write_converted(dataset, to, ret_bytes, ret_size, err);
}

/* ---- reading ---- */

extern "C" bool item_has(const struct item *item, uint32_t tag)
{
    return find(item, tag) != nullptr;
}

extern "C" size_t item_value_count(const struct item *item, uint32_t tag)
{
    DcmElement *const element = find(item, tag);

    return element == nullptr || element->ident() == EVR_SQ ? 0 : element->getVM();
}

extern "C" const char *item_text(const struct item *item, uint32_t tag)
{
    DcmElement *const element = find(item, tag);
    char *text = nullptr;

    if (element == nullptr || !element->isaString() || element->getString(text).bad())
        return nullptr;
    return text == nullptr ? "" : text;
}

extern "C" bool item_text_at(const struct item *item, uint32_t tag, size_t index,
                             char *buffer, size_t size)
{
    DcmElement *const element = find(item, tag);
    OFString value;

    buffer[0] = '\0';
    if (element == nullptr || element->ident() == EVR_SQ || index >= element->getVM()
        || element->getOFString(value, index).bad())
        return false;
    const size_t first = value.find_first_not_of(' ');
    const size_t last = value.find_last_not_of(' ');
    if (first == OFString_npos)
        return false;
    value = value.substr(first, last - first + 1);
    if (text_format(buffer, size, "%s", value.c_str()))
        return true;
    buffer[0] = '\0';
    return false;
}

extern "C" bool item_utf8_at(const struct item *item, uint32_t tag, size_t index,
                             char *buffer, size_t size)
{
    char raw[1024];

    buffer[0] = '\0';
    if (!item_text_at(item, tag, index, raw, sizeof raw))
        return false;
    text_to_utf8(raw, std::strlen(raw), buffer, size);
    return true;
}

extern "C" bool item_double(const struct item *item, uint32_t tag, size_t index,
                            double *ret_value)
{
    DcmElement *const element = find(item, tag);
    Float64 value = 0;
    Float32 single = 0;
    char text[128];

    if (element == nullptr)
        return false;
    if (element->ident() == EVR_FD && element->getFloat64(value, index).good()) {
        *ret_value = value;
        return std::isfinite(value);
    }
    if (element->ident() == EVR_FL && element->getFloat32(single, index).good()) {
        *ret_value = single;
        return std::isfinite(single);
    }
    return item_text_at(item, tag, index, text, sizeof text)
        && text_to_double(text, ret_value);
}

extern "C" bool item_int(const struct item *item, uint32_t tag, size_t index,
                         long *ret_value)
{
    char text[64];
    long long value = 0;

    if (!item_text_at(item, tag, index, text, sizeof text)
        || !text_to_int(text, INT32_MIN, UINT32_MAX, &value))
        return false;
    *ret_value = static_cast<long>(value);
    return true;
}

extern "C" const unsigned char *item_bytes(const struct item *item, uint32_t tag,
                                           size_t *ret_size)
{
    DcmElement *const element = find(item, tag);
    Uint8 *bytes = nullptr;
    Uint16 *words = nullptr;

    if (element == nullptr)
        return nullptr;
    *ret_size = element->getLength();
    if (element->getUint8Array(bytes).good())
        return bytes;
    if (element->getUint16Array(words).good())
        return reinterpret_cast<const unsigned char *>(words);
    return nullptr;
}

static DcmSequenceOfItems *sequence(const struct item *item, uint32_t tag)
{
    DcmElement *const element = find(item, tag);

    return element != nullptr && element->ident() == EVR_SQ
        ? static_cast<DcmSequenceOfItems *>(element) : nullptr;
}

extern "C" size_t item_count(const struct item *item, uint32_t sequence_tag)
{
    DcmSequenceOfItems *const items = sequence(item, sequence_tag);

    return items == nullptr ? 0 : items->card();
}

extern "C" struct item *item_at(const struct item *item, uint32_t sequence_tag, size_t index)
{
    DcmSequenceOfItems *const items = sequence(item, sequence_tag);

    return items == nullptr || index >= items->card() ? nullptr
        : foreign(items->getItem(static_cast<unsigned long>(index)));
}

/* ---- writing ---- */

static struct dataset *owner(DcmItem *item)
{
    DcmObject *top = item;

    while (top->getParent() != nullptr)
        top = top->getParent();
    return dynamic_cast<struct dataset *>(top);
}

static void note(struct item *item, uint32_t tag, const char *what)
{
    struct dataset *const dataset = owner(native(item));

    if (dataset != nullptr && dataset->failure.code == ERROR_NONE)
        error_set(&dataset->failure, ERROR_DATA, "element (%04x,%04x): %s", tag >> 16,
                  tag & 0xffff, what);
}

static void note_bad(struct item *item, uint32_t tag, const OFCondition &status)
{
    if (status.bad())
        note(item, tag, status.text());
}

extern "C" void item_put_text(struct item *item, uint32_t tag, const char *text)
{
    note_bad(item, tag, native(item)->putAndInsertString(DcmTag(key_of(tag)), text));
}

extern "C" void item_put_empty(struct item *item, uint32_t tag)
{
    note_bad(item, tag, native(item)->insertEmptyElement(DcmTag(key_of(tag))));
}

/* PS3.5 6.2: a decimal string has 16 characters at most. */
static bool decimal(double value, char *buffer, size_t size)
{
    for (int digits = 17; digits > 0; digits--) {
        std::snprintf(buffer, size, "%.*g", digits, value);
        double back = 0;
        if (std::strlen(buffer) > 16)
            continue;
        /* Fewer digits that give the same number read better: 0.7 and not 0.69999999999999996 */
        while (digits > 1) {
            char shorter[32];
            std::snprintf(shorter, sizeof shorter, "%.*g", --digits, value);
            if (!text_to_double(shorter, &back) || std::strtod(buffer, nullptr) != back)
                break;
            std::snprintf(buffer, size, "%s", shorter);
        }
        return true;
    }
    return false;
}

static void put_decimals(struct item *item, uint32_t tag, const double *values, size_t count)
{
    OFString text;

    for (size_t i = 0; i < count; i++) {
        char one[40];
        if (!decimal(values[i], one, sizeof one)) {
            note(item, tag, "a number without a decimal string");
            return;
        }
        if (i > 0)
            text += "\\";
        text += one;
    }
    item_put_text(item, tag, text.c_str());
}

/* One value of a binary VR at its place in the element. */
static OFCondition put_number(DcmElement *element, double value, unsigned long index)
{
    switch (element->getVR()) {
    case EVR_FD: return element->putFloat64(value, index);
    case EVR_FL: return element->putFloat32(static_cast<Float32>(value), index);
    case EVR_SS: return element->putSint16(static_cast<Sint16>(value), index);
    case EVR_UL: return element->putUint32(static_cast<Uint32>(value), index);
    case EVR_SL: return element->putSint32(static_cast<Sint32>(value), index);
    default:     return element->putUint16(static_cast<Uint16>(value), index);
    }
}

/* Does it fit the representation? Whole numbers only where that has them. */
static bool fits(DcmEVR vr, double value)
{
    static const struct { DcmEVR vr; double low, high; } ranges[] = {
        { EVR_US, 0, 65535 }, { EVR_SS, -32768, 32767 }, { EVR_UL, 0, 4294967295.0 },
        { EVR_SL, -2147483648.0, 2147483647 }, { EVR_xs, -32768, 65535 }
    };

    for (const auto &range : ranges)
        if (range.vr == vr)
            return value >= range.low && value <= range.high && value == std::floor(value);
    return true;
}

static void put_numbers(struct item *item, uint32_t tag, const double *values, size_t count)
{
    const DcmTag known(key_of(tag));

    for (size_t i = 0; i < count; i++)
        if (!fits(known.getEVR(), values[i])) {
            note(item, tag, "a number that does not fit");
            return;
        }
    if (known.getEVR() == EVR_xs && count == 1) {       /* US or SS: the bits are the same */
        note_bad(item, tag, native(item)->putAndInsertUint16(
            known, static_cast<Uint16>(static_cast<long>(values[0]))));
        return;
    }
    item_put_empty(item, tag);
    DcmElement *const element = find(item, tag);
    for (size_t i = 0; element != nullptr && i < count; i++)
        note_bad(item, tag, put_number(element, values[i], i));
}

extern "C" void item_put_doubles(struct item *item, uint32_t tag, const double *values,
                                 size_t count)
{
    const DcmTag known(key_of(tag));

    for (size_t i = 0; i < count; i++)
        if (!std::isfinite(values[i])) {
            note(item, tag, "a number that is not finite");
            return;
        }
    if (known.getEVR() == EVR_DS || known.getEVR() == EVR_IS) {
        put_decimals(item, tag, values, count);
        return;
    }
    put_numbers(item, tag, values, count);
}

extern "C" void item_put_double(struct item *item, uint32_t tag, double value)
{
    item_put_doubles(item, tag, &value, 1);
}

extern "C" void item_put_ints(struct item *item, uint32_t tag, const long *values,
                              size_t count)
{
    const DcmTag known(key_of(tag));
    OFString text;

    if (known.getEVR() != EVR_IS && known.getEVR() != EVR_DS) {
        const std::vector<double> numbers(values, values + count);
        put_numbers(item, tag, numbers.data(), count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        char one[24];
        std::snprintf(one, sizeof one, i > 0 ? "\\%ld" : "%ld", values[i]);
        text += one;
    }
    item_put_text(item, tag, text.c_str());
}

extern "C" void item_put_int(struct item *item, uint32_t tag, long value)
{
    item_put_ints(item, tag, &value, 1);
}

extern "C" void item_put_bytes(struct item *item, uint32_t tag, const void *bytes,
                               size_t size)
{
    if (size > UINT32_MAX - 2) {
        note(item, tag, "over 4 GiB");
        return;
    }
    note_bad(item, tag, native(item)->putAndInsertUint8Array(
        DcmTag(key_of(tag), EVR_OB), static_cast<const Uint8 *>(bytes),
        static_cast<unsigned long>(size)));
}

extern "C" void item_put_words(struct item *item, uint32_t tag, const uint16_t *words,
                               size_t count)
{
    if (count > UINT32_MAX / 2 - 2) {
        note(item, tag, "over 4 GiB");
        return;
    }
    note_bad(item, tag, native(item)->putAndInsertUint16Array(
        DcmTag(key_of(tag), EVR_OW), words, static_cast<unsigned long>(count)));
}

extern "C" void item_put_floats(struct item *item, uint32_t tag, const float *values,
                                size_t count)
{
    note_bad(item, tag, native(item)->putAndInsertFloat32Array(
        DcmTag(key_of(tag)), values, static_cast<unsigned long>(count)));
}

extern "C" void item_put_tags(struct item *item, uint32_t tag, const uint32_t *values,
                              size_t count)
{
    item_put_empty(item, tag);
    DcmElement *const element = find(item, tag);
    for (size_t i = 0; element != nullptr && i < count; i++)
        note_bad(item, tag, element->putTagVal(key_of(values[i]), i));
}

/* Where a failing item_add() sends what follows, so that composing needs no checks. */
static struct item *nowhere()
{
    static DcmItem item;

    return foreign(&item);
}

extern "C" struct item *item_add(struct item *item, uint32_t sequence_tag)
{
    DcmItem *added = nullptr;
    const OFCondition status = native(item)->findOrCreateSequenceItem(
        DcmTag(key_of(sequence_tag)), added, -2);       /* -2: a new last item */

    note_bad(item, sequence_tag, status);
    return status.good() && added != nullptr ? foreign(added) : nowhere();
}

extern "C" struct item *item_put_code(struct item *item, uint32_t sequence_tag,
                                      const char *value, const char *scheme,
                                      const char *meaning)
{
    struct item *const code = item_add(item, sequence_tag);

    item_put_text(code, strlen(value) > 16 ? 0x00080119 : 0x00080100, value);  /* PS3.3 8.8: SH or UC */
    item_put_text(code, 0x00080102, scheme);
    item_put_text(code, 0x00080104, meaning);
    return code;
}

extern "C" bool item_copy(struct item *item, const struct item *from, uint32_t tag)
{
    DcmElement *const element = find(from, tag);

    if (element == nullptr)
        return false;
    DcmElement *const copy = static_cast<DcmElement *>(element->clone());
    const OFCondition status = native(item)->insert(copy, OFTrue);
    if (status.bad())
        delete copy;
    note_bad(item, tag, status);
    return true;
}

extern "C" void item_remove(struct item *item, uint32_t tag)
{
    native(item)->findAndDeleteElement(key_of(tag));
}
