/* OpenJPEG: a DcmCodec over j2k.h; frames out of fragments, and fragments out of frames. */
#include "dcmtk/config/osconfig.h"

#include "dicom/openjpeg.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include <sys/resource.h>

#include "dcmtk/dcmdata/dccodec.h"
#include "dcmtk/dcmdata/dctk.h"
#include "dcmtk/dcmdata/dcpixel.h"
#include "dcmtk/dcmdata/dcpixseq.h"
#include "dcmtk/dcmdata/dcpxitem.h"
#include "dcmtk/dcmdata/dcvrpobw.h"

extern "C" {
#include "util/error.h"
}

#include "dicom/j2k.h"

namespace
{

OFCondition condition_of(const struct error &err)
{
    return makeOFCondition(OFM_dcmdata, 1000, OF_error, err.text);
}

OFCondition bad(const char *text)
{
    return makeOFCondition(OFM_dcmdata, 1000, OF_error, text);
}

/* What the process may still take is what it may take: the worker's limit, or 4 GiB. */
size_t memory_limit()
{
    const rlim_t most = static_cast<rlim_t>(4) << 30;
    struct rlimit limit;

    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur > most)
        return static_cast<size_t>(most);
    return static_cast<size_t>(limit.rlim_cur);
}

/* ---- the image, as the data set describes it ---- */

struct Image {
    j2k_frame frame;
    uint32_t frames;
    uint16_t planar;
    bool packed;                    /* Bits Allocated is 1: eight samples a byte */
    OFString colour;

    size_t samples() const
    {
        return static_cast<size_t>(frame.rows) * frame.columns * frame.samples;
    }
    /* Frames of single bits are not padded between each other: PS3.5 8.1.1. */
    size_t size() const
    {
        return packed ? (samples() * frames + 7) / 8 : j2k_frame_size(&frame) * frames;
    }
};

uint16_t number_of(DcmItem *item, const DcmTagKey &tag, uint16_t otherwise)
{
    Uint16 value = otherwise;

    return item->findAndGetUint16(tag, value).good() ? value : otherwise;
}

OFCondition describe(DcmItem *item, Image &image)
{
    Sint32 frames = 1;

    if (item == nullptr)
        return EC_InvalidTag;
    image.frame.rows = number_of(item, DCM_Rows, 0);
    image.frame.columns = number_of(item, DCM_Columns, 0);
    image.frame.samples = number_of(item, DCM_SamplesPerPixel, 1);
    image.frame.allocated = number_of(item, DCM_BitsAllocated, 0);
    image.frame.stored = number_of(item, DCM_BitsStored,
                                   static_cast<uint16_t>(image.frame.allocated));
    image.frame.is_signed = number_of(item, DCM_PixelRepresentation, 0) == 1;
    image.planar = number_of(item, DCM_PlanarConfiguration, 0);
    image.packed = image.frame.allocated == 1;
    if (image.packed)
        image.frame.allocated = 8;
    item->findAndGetOFString(DCM_PhotometricInterpretation, image.colour);
    if (item->findAndGetSint32(DCM_NumberOfFrames, frames).bad())
        frames = 1;
    if (frames < 1 || image.frame.rows == 0 || image.frame.columns == 0)
        return bad("an image without rows, columns or frames");
    image.frames = static_cast<uint32_t>(frames);
    return EC_Normal;
}

/* An element's length has 32 bits, and ends even. */
OFCondition check_size(const Image &image)
{
    const size_t frame = image.packed ? image.samples() : j2k_frame_size(&image.frame);

    if (frame == 0 || image.frames > UINT32_C(0xfffffffe) / frame)
        return bad("an image of more than 4 GiB");
    return image.size() > memory_limit() ? bad("an image that passes the limit of memory")
                                         : EC_Normal;
}

DcmItem *item_of(const DcmStack &stack)
{
    return stack.card() < 2 ? nullptr : dynamic_cast<DcmItem *>(stack.elem(1));
}

/* ---- fragments ---- */

struct Piece {
    const Uint8 *bytes;
    size_t size;
};

OFCondition piece_of(DcmPixelSequence *sequence, unsigned long number, Piece &piece)
{
    DcmPixelItem *item = nullptr;
    Uint8 *bytes = nullptr;
    OFCondition condition = sequence->getItem(item, number);

    if (condition.good())
        condition = item->getUint8Array(bytes);
    if (condition.bad())
        return condition;
    piece.bytes = bytes;
    piece.size = bytes == nullptr ? 0 : item->getLength();
    return EC_Normal;
}

bool begins_frame(const Piece &piece)
{
    static const Uint8 codestream[4] = { 0xff, 0x4f, 0xff, 0x51 };
    static const Uint8 box[8] = { 0, 0, 0, 12, 'j', 'P', ' ', ' ' };

    return (piece.size >= 4 && std::memcmp(piece.bytes, codestream, 4) == 0) ||
           (piece.size >= 8 && std::memcmp(piece.bytes, box, 8) == 0);
}

/*
 * The first fragment of each frame, and behind them the end. Item 0 is the offset table,
 * which is not needed: each frame begins with the head of a codestream.
 */
OFCondition find_frames(DcmPixelSequence *sequence, const Image &image,
                        std::vector<unsigned long> &first)
{
    const unsigned long fragments = sequence->card() > 0 ? sequence->card() - 1 : 0;

    if (fragments < image.frames)
        return bad("the image has fewer fragments than frames");
    for (unsigned long i = 1; i <= fragments; i++) {
        Piece piece;
        const OFCondition condition = piece_of(sequence, i, piece);

        if (condition.bad())
            return condition;
        if (fragments == image.frames || i == 1 || (image.frames > 1 && begins_frame(piece)))
            first.push_back(i);
    }
    if (first.size() != image.frames)
        return bad("the fragments are not those of the image's frames");
    first.push_back(fragments + 1);
    return EC_Normal;
}

/* The bytes of a frame, in `joined` only where it has several fragments. */
OFCondition gather(DcmPixelSequence *sequence, unsigned long first, unsigned long end,
                   std::vector<Uint8> &joined, Piece &frame)
{
    OFCondition condition = piece_of(sequence, first, frame);

    if (condition.bad() || end - first == 1)
        return condition;
    joined.clear();
    for (unsigned long i = first; i < end; i++) {
        Piece piece;

        condition = piece_of(sequence, i, piece);
        if (condition.bad())
            return condition;
        joined.insert(joined.end(), piece.bytes, piece.bytes + piece.size);
    }
    frame.bytes = joined.data();
    frame.size = joined.size();
    return EC_Normal;
}

/* ---- samples of one bit ---- */

void pack(const Uint8 *samples, size_t count, size_t at, Uint8 *bits)
{
    for (size_t i = 0; i < count; i++, at++)
        if ((samples[i] & 1) != 0)
            bits[at / 8] = static_cast<Uint8>(bits[at / 8] | 1u << at % 8);
}

void unpack(const Uint8 *bits, size_t at, size_t count, Uint8 *samples)
{
    for (size_t i = 0; i < count; i++, at++)
        samples[i] = bits[at / 8] >> at % 8 & 1;
}

/* ---- decoding ---- */

/* ret_transformed: some frame's colours were transformed, and are red, green and blue now. */
OFCondition decode_frames(DcmPixelSequence *sequence, const Image &image, Uint8 *pixels,
                          bool &ret_transformed)
{
    const size_t frame_size = j2k_frame_size(&image.frame);
    const size_t memory = memory_limit() - image.size();
    std::vector<unsigned long> first;
    std::vector<Uint8> joined, loose(image.packed ? frame_size : 0);
    OFCondition condition = find_frames(sequence, image, first);

    for (size_t i = 0; condition.good() && i < image.frames; i++) {
        Uint8 *const to = image.packed ? loose.data() : pixels + i * frame_size;
        struct error err = { ERROR_NONE, "" };
        bool transformed = false;
        Piece frame;

        condition = gather(sequence, first[i], first[i + 1], joined, frame);
        if (condition.good() && !j2k_decode(frame.bytes, frame.size, &image.frame, memory, to,
                                            &transformed, &err))
            condition = condition_of(err);
        if (condition.good() && image.packed)
            pack(to, image.samples(), i * image.samples(), pixels);
        ret_transformed = ret_transformed || transformed;
    }
    return condition;
}

/* What the colours are called when they are decoded: PS3.5 8.2.4. */
const char *decoded_colour(const Image &image, bool transformed)
{
    if (image.frame.samples == 3 && (transformed || image.colour == "YBR_RCT" ||
                                     image.colour == "YBR_ICT"))
        return "RGB";
    return image.colour.c_str();
}

OFCondition note_colour(DcmItem *item, const Image &image, bool transformed)
{
    const OFString colour = decoded_colour(image, transformed);
    OFCondition condition = EC_Normal;

    if (colour != image.colour)
        condition = item->putAndInsertOFStringArray(DCM_PhotometricInterpretation, colour);
    if (condition.good() && image.frame.samples > 1)
        condition = item->putAndInsertUint16(DCM_PlanarConfiguration, 0);
    return condition;
}

OFCondition decode_pixels(DcmPixelSequence *sequence, DcmPolymorphOBOW &target, DcmItem *item)
{
    Image image;
    Uint16 *words = nullptr;
    bool transformed = false;
    OFCondition condition = describe(item, image);

    if (condition.good())
        condition = check_size(image);
    if (condition.bad())
        return condition;
    const size_t size = image.size();

    condition = target.createUint16Array(static_cast<Uint32>((size + 1) / 2), words);
    if (condition.bad())
        return condition;
    Uint8 *const pixels = reinterpret_cast<Uint8 *>(words);

    std::memset(pixels, 0, (size + 1) / 2 * 2);
    condition = decode_frames(sequence, image, pixels, transformed);
    return condition.good() ? note_colour(item, image, transformed) : condition;
}

/* ---- encoding ---- */

bool is_red_green_blue(const Image &image)
{
    return image.frame.samples == 3 && image.colour == "RGB";
}

/* All red, all green, all blue → red, green, blue, red, … */
void interleave(const Uint8 *planes, const Image &image, Uint8 *pixels)
{
    const size_t width = image.frame.allocated / 8;
    const size_t count = image.samples() / image.frame.samples;

    for (size_t i = 0; i < count; i++)
        for (size_t n = 0; n < image.frame.samples; n++)
            std::memcpy(pixels + (i * image.frame.samples + n) * width,
                        planes + (n * count + i) * width, width);
}

OFCondition store_frame(DcmPixelSequence *sequence, const Uint8 *bytes, size_t size)
{
    std::unique_ptr<DcmPixelItem> item(new DcmPixelItem(DcmTag(DCM_PixelItemTag)));
    std::vector<Uint8> even(bytes, bytes + size);

    if (size % 2 != 0)
        even.push_back(0);
    OFCondition condition =
        item->putUint8Array(even.data(), static_cast<unsigned long>(even.size()));
    if (condition.good())
        condition = sequence->insert(item.get());
    if (condition.good())
        item.release();
    return condition;
}

OFCondition encode_frame(const Uint8 *pixels, const Image &image, DcmPixelSequence *sequence)
{
    struct error err = { ERROR_NONE, "" };
    unsigned char *bytes = nullptr;
    size_t size = 0;

    if (!j2k_encode(pixels, &image.frame, is_red_green_blue(image), &bytes, &size, &err))
        return condition_of(err);
    const OFCondition condition = store_frame(sequence, bytes, size);

    std::free(bytes);
    return condition;
}

OFCondition encode_frames(const Uint8 *pixels, const Image &image, DcmPixelSequence *sequence)
{
    const bool planes = image.planar == 1 && image.frame.samples > 1;
    const size_t size = j2k_frame_size(&image.frame);
    std::vector<Uint8> loose(planes || image.packed ? size : 0);
    OFCondition condition = EC_Normal;

    for (size_t i = 0; condition.good() && i < image.frames; i++) {
        const Uint8 *frame = pixels + i * size;

        if (image.packed)
            unpack(pixels, i * image.samples(), image.samples(), loose.data());
        else if (planes)
            interleave(frame, image, loose.data());
        if (!loose.empty())
            frame = loose.data();
        condition = encode_frame(frame, image, sequence);
    }
    return condition;
}

OFCondition encode_pixels(const Uint8 *pixels, size_t length, DcmItem *item,
                          DcmPixelSequence *&ret_sequence)
{
    Image image;
    OFCondition condition = describe(item, image);

    if (condition.good())
        condition = check_size(image);
    if (condition.good() && length < image.size())
        condition = bad("the image has fewer pixels than rows and columns say");
    if (condition.bad())
        return condition;
    if (image.packed)
        image.frame.stored = 1;
    std::unique_ptr<DcmPixelSequence> sequence(new DcmPixelSequence(DCM_PixelSequenceTag));
    std::unique_ptr<DcmPixelItem> table(new DcmPixelItem(DcmTag(DCM_PixelItemTag)));

    condition = sequence->insert(table.get());          /* PS3.5 A.4: it may be empty */
    if (condition.good())
        table.release();
    if (condition.good())
        condition = encode_frames(pixels, image, sequence.get());
    if (condition.good() && is_red_green_blue(image))
        condition = item->putAndInsertString(DCM_PhotometricInterpretation, "YBR_RCT");
    if (condition.good() && image.frame.samples > 1)
        condition = item->putAndInsertUint16(DCM_PlanarConfiguration, 0);
    if (condition.good())
        ret_sequence = sequence.release();
    return condition;
}

/* ---- as DCMTK wants it ---- */

class Parameter : public DcmCodecParameter
{
public:
    DcmCodecParameter *clone() const override { return new Parameter(*this); }
    const char *className() const override { return "tumord OpenJPEG"; }
};

class Codec : public DcmCodec
{
public:
    Codec(E_TransferSyntax syntax, bool encodes) : syntax_(syntax), encodes_(encodes) {}

    OFBool canChangeCoding(const E_TransferSyntax from,
                           const E_TransferSyntax to) const override
    {
        return (from == syntax_ && !DcmXfer(to).isEncapsulated()) ||
               (encodes_ && to == syntax_ && !DcmXfer(from).isEncapsulated());
    }

    OFCondition decode(const DcmRepresentationParameter *, DcmPixelSequence *sequence,
                       DcmPolymorphOBOW &target, const DcmCodecParameter *,
                       const DcmStack &stack, OFBool &) const override
    {
        return decode_pixels(sequence, target, item_of(stack));
    }

    OFCondition encode(const Uint16 *pixels, const Uint32 length,
                       const DcmRepresentationParameter *, DcmPixelSequence *&sequence,
                       const DcmCodecParameter *, DcmStack &stack, OFBool &) const override
    {
        return encode_pixels(reinterpret_cast<const Uint8 *>(pixels), length, item_of(stack),
                             sequence);
    }

    /* Nothing of ours asks for these: pixels are decoded as a whole, and before encoding. */
    OFCondition decodeFrame(const DcmRepresentationParameter *, DcmPixelSequence *,
                            const DcmCodecParameter *, DcmItem *, Uint32, Uint32 &, void *,
                            Uint32, OFString &) const override
    {
        return EC_IllegalCall;
    }

    OFCondition encode(const E_TransferSyntax, const DcmRepresentationParameter *,
                       DcmPixelSequence *, const DcmRepresentationParameter *,
                       DcmPixelSequence *&, const DcmCodecParameter *, DcmStack &,
                       OFBool &) const override
    {
        return EC_IllegalCall;
    }

    OFCondition determineDecompressedColorModel(const DcmRepresentationParameter *,
                                                DcmPixelSequence *, const DcmCodecParameter *,
                                                DcmItem *item, OFString &colour) const override
    {
        Image image;
        const OFCondition condition = describe(item, image);

        colour = decoded_colour(image, false);
        return condition;
    }

private:
    const E_TransferSyntax syntax_;
    const bool encodes_;
};

} // namespace

extern "C" void openjpeg_register(void)
{
    static const Codec lossless(EXS_JPEG2000LosslessOnly, true), any(EXS_JPEG2000, false);
    static const Parameter parameter;

    DcmCodecList::registerCodec(&lossless, nullptr, &parameter);
    DcmCodecList::registerCodec(&any, nullptr, &parameter);
}
