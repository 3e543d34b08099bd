/* Fixed chain: the twins one after the other. */
#include "analysis/fixed_chain.h"

static void make_picture(const struct fixed_chain *chain, const uint16_t *stored,
                         struct fixed_slice *slice)
{
    uint32_t histogram[FIXED_BINS] = { 0 };

    for (size_t at = 0; at < chain->columns * chain->rows; at++) {
        bool pad;
        const int32_t value16 = fixed_rescale(&chain->rescale, stored[at], &pad);
        slice->pad[at] = pad;
        slice->grey[at] = pad ? 0 : fixed_window(&chain->window, value16);
        if (!pad)
            histogram[slice->grey[at] >> (chain->window.bits - 8)]++;
    }
    slice->otsu = fixed_otsu_of(histogram);
}

void fixed_chain_run(const struct fixed_chain *chain, const uint16_t *stored,
                     const struct fixed_otsu *before, struct fixed_slice *slice)
{
    make_picture(chain, stored, slice);
    const struct fixed_threshold threshold = fixed_choose(chain->choice, chain->low, chain->high,
        before == NULL ? &slice->otsu : before, chain->window.bits);

    slice->statistics = fixed_statistics(&threshold, slice->grey, slice->pad, chain->columns,
                                         chain->rows);
    for (size_t at = 0; at < chain->columns * chain->rows; at++)
        slice->mask[at] = fixed_threshold(&threshold, slice->grey[at], slice->pad[at] != 0);
    fixed_morphology(chain->operation, chain->element, slice->mask, slice->mask, slice->spare,
                     chain->columns, chain->rows);
    slice->components = fixed_components(chain->neighbours, chain->labels, slice->mask,
                                         slice->spare, chain->columns, chain->rows, slice->part);
}

static uint32_t bits_of(int32_t value, int bits)
{
    return (uint32_t)value & (uint32_t)(((uint64_t)1 << bits) - 1);
}

size_t fixed_chain_settings(const struct fixed_chain *chain,
                            struct fixed_register ret_register[FIXED_REGISTERS_MAX])
{
    /* copy 0, erode 1, dilate 2: the first step, and the second above it */
    static const uint32_t steps[] = { [FIXED_COPY] = 0, [FIXED_ERODE] = 1, [FIXED_DILATE] = 2,
                                      [FIXED_OPEN] = 1 | 2 << 2, [FIXED_CLOSE] = 2 | 1 << 2 };
    const struct fixed_rescale *const rescale = &chain->rescale;
    const bool cross = chain->element == FIXED_CROSS || chain->element == FIXED_RHOMBUS5;
    const struct fixed_register all[] = {
        { 0x20, (uint32_t)chain->columns }, { 0x24, (uint32_t)chain->rows },
        { 0x28, (uint32_t)rescale->bits | (uint32_t)rescale->is_signed << 8
                | (uint32_t)rescale->padding << 9 },
        { 0x2c, (uint32_t)rescale->slope }, { 0x30, (uint32_t)rescale->intercept },
        { 0x34, bits_of(rescale->pad_low, 17) }, { 0x38, bits_of(rescale->pad_high, 17) },
        { 0x40, (uint32_t)chain->window.function }, { 0x44, bits_of(chain->window.center16, 24) },
        { 0x48, bits_of(chain->window.width16, 24) }, { FIXED_MODE, (uint32_t)chain->choice },
        { FIXED_LOW, bits_of(chain->low, 24) }, { 0x68, bits_of(chain->high, 24) },
        { 0x70, steps[chain->operation] | (uint32_t)cross << 4 }
    };

    for (size_t n = 0; n < sizeof all / sizeof *all; n++)
        ret_register[n] = all[n];
    return sizeof all / sizeof *all;
}

static uint32_t box(size_t low, size_t high)
{
    return (uint32_t)(low & 0x7ff) | (uint32_t)(high & 0x7ff) << 16;
}

size_t fixed_chain_results(const struct fixed_slice *slice,
                           struct fixed_register ret_register[FIXED_REGISTERS_MAX])
{
    const struct fixed_statistics *const sums = &slice->statistics;
    size_t count = 0;

    /* A threshold that was not found has no value to compare. */
    if (slice->otsu.found2)
        ret_register[count++] = (struct fixed_register){ 0x80, 1u << 31 | (uint32_t)slice->otsu.two };
    if (slice->otsu.found3)
        ret_register[count++] = (struct fixed_register){ 0x9c, 1u << 31
            | (uint32_t)slice->otsu.three[0] | (uint32_t)slice->otsu.three[1] << 8 };
    ret_register[count++] = (struct fixed_register){ 0x84, sums->area };
    ret_register[count++] = (struct fixed_register){ 0x88, (uint32_t)sums->sum };
    ret_register[count++] = (struct fixed_register){ 0x8c, (uint32_t)sums->squares };
    ret_register[count++] = (struct fixed_register){ 0x90, (uint32_t)(sums->squares >> 32) };
    if (sums->area > 0) {
        ret_register[count++] = (struct fixed_register){ 0x94, box(sums->low[0], sums->high[0]) };
        ret_register[count++] = (struct fixed_register){ 0x98, box(sums->low[1], sums->high[1]) };
    }
    ret_register[count++] = (struct fixed_register){ 0xa0, (uint32_t)slice->components.count };
    ret_register[count++] = (struct fixed_register){ 0xa4, slice->components.lost };
    return count;
}

size_t fixed_chain_part(const struct fixed_slice *slice, size_t number,
                        struct fixed_register ret_register[FIXED_REGISTERS_MAX])
{
    const struct fixed_component *const part = &slice->part[number];

    ret_register[0] = (struct fixed_register){ 0xac, part->area };
    ret_register[1] = (struct fixed_register){ 0xb0, box(part->low[0], part->high[0]) };
    ret_register[2] = (struct fixed_register){ 0xb4, box(part->low[1], part->high[1]) };
    return 3;
}
