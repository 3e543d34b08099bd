/* Vectors of the whole chain: configurations at random, slices of all shapes, and who asks wrongly. */
#include "hw/vectors_top.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/hardware.h"

#define MOST (1 << 20)
#define LABELS 63               /* as the bench has them: fewer are simulated faster */

static uint32_t state = 11;
static uint16_t stored[MOST];
static int32_t grey[MOST];
static uint8_t pad[MOST], mask[MOST], spare[3 * 1024];
static struct fixed_slice slice = { .grey = grey, .pad = pad, .mask = mask, .spare = spare };

static uint32_t chance(void)
{
    state = state * 1664525u + 1013904223u;
    return state >> 8;
}

static int32_t between(int32_t low, int32_t high)
{
    return low + (int32_t)(chance() % (uint32_t)(high - low + 1));
}

static void run(const struct fixed_chain *chain, bool fault)
{
    fixed_chain_run(chain, stored, NULL, &slice);
    if (fault)
        mask[chain->columns * chain->rows / 2] ^= 1;
    hardware_slice(stdout, chain, stored, &slice);
}

/*
 * Two heaps in patches, so that components have a size; some of it padding. They have few levels:
 * an empty bin costs Otsu a clock, another 200, and the simulation has to wait for it.
 */
static void fill(const struct fixed_chain *chain)
{
    const size_t columns = chain->columns;

    for (size_t at = 0; at < columns * chain->rows; at++) {
        const size_t i = at % columns;
        const bool patch = i % 3 != 0 && i > 0 ? stored[at - 1] > 1080 : chance() % 3 == 0;
        stored[at] = (uint16_t)(chance() % 40 == 0 ? 3 : (patch ? 1100 : 1000) + 12 * between(-2, 2));
        if (!chain->rescale.is_signed && chance() % 50 == 0)
            stored[at] = chance() % 2 ? 4095 : 0;
    }
}

static struct fixed_chain random_chain(unsigned round, const size_t shape[2])
{
    struct fixed_chain chain = {
        .columns = shape[0], .rows = shape[1],
        .rescale = { .is_signed = round % 2, .bits = round % 3 == 0 ? 12 : 16, .slope = FIXED_ONE,
                     .intercept = -1024 * FIXED_ONE, .padding = round % 2 == 0, .pad_high = 3 },
        .window = { .function = round % 3 == 1 ? FIXED_LINEAR_EXACT : FIXED_LINEAR, .bits = 8,
                    .center16 = between(-10 * 16, 60 * 16), .width16 = between(100 * 16, 400 * 16) },
        .choice = (enum fixed_choice)(round % 5), .low = between(60, 140),
        .operation = (enum fixed_operation)(round / 2 % 5),
        .element = round % 4 == 3 ? FIXED_CROSS : FIXED_SQUARE,
        .neighbours = FIXED_EIGHT, .labels = LABELS
    };

    chain.high = between(chain.low, 255);
    return chain;
}

/* What is not there, or is only to be read, is refused; a write reaches the bytes it names. */
static void ask_wrongly(void)
{
    static const unsigned missing[] = { 0x3c, 0x5c, 0x6c, 0xb8, 0xbc, 0xfc };
    static const unsigned only_read[] = { 0x00, 0x04, 0x08, 0x10, 0x1c, 0x80, 0x84, 0xa0, 0xac };

    for (size_t n = 0; n < sizeof missing / sizeof *missing; n++) {
        hardware_write(stdout, missing[n], 1, false);
        hardware_read(stdout, missing[n], 0, false);
    }
    for (size_t n = 0; n < sizeof only_read / sizeof *only_read; n++)
        hardware_write(stdout, only_read[n], UINT32_MAX, false);
    hardware_read(stdout, 0x00, 0x544d5244, true);
    hardware_read(stdout, 0x04, 0x00010000, true);
    hardware_write(stdout, 0x2c, 0x11223344, true);
    printf("w 44 %d 5 1\n", (int)0x55667788);       /* strobes of bytes 0 and 2 */
    hardware_read(stdout, 0x2c, 0x11663388, true);
    hardware_write(stdout, 0x20, UINT32_MAX, true);
    hardware_read(stdout, 0x20, 0x7ff, true);       /* bits that mean nothing stay 0 */
}

/* A slice that begins, and is inside when this returns. */
static void let_in(const struct fixed_chain *chain)
{
    struct fixed_register setting[FIXED_REGISTERS_MAX];
    const size_t count = fixed_chain_settings(chain, setting);

    fixed_chain_run(chain, stored, &(struct fixed_otsu){ 0 }, &slice);
    for (size_t n = 0; n < count; n++)
        hardware_write(stdout, setting[n].address, setting[n].value, true);
    hardware_write(stdout, FIXED_CONTROL, 1, true);
    printf("s %zu %zu\n", chain->columns, chain->rows);
    for (size_t at = 0; at < chain->columns * chain->rows; at++)
        printf("%u %d %d %d\n", (unsigned)stored[at], (int)grey[at], pad[at], mask[at]);
    for (unsigned n = 0; n < 60; n++)            /* until all is cleared, and it is in */
        hardware_read(stdout, 0x20, (uint32_t)chain->columns, true);
    hardware_read(stdout, FIXED_STATUS, 1, true);
}

/* A slice that the register `control` ends, and nothing of it in what follows. */
static void start_anew(const struct fixed_chain *chain)
{
    let_in(chain);
    puts("g");
    hardware_write(stdout, FIXED_CONTROL, 3, true);
    hardware_read(stdout, FIXED_CONTROL, 1, true);
    hardware_read(stdout, FIXED_STATUS, 0, true);
}

/* A line of 8 where the register says 9: told at once, and the pipeline starts anew. */
static void mislead(const struct fixed_chain *chain)
{
    struct fixed_chain line = *chain;

    line.columns = 8;
    line.rows = 1;
    fixed_chain_run(&line, stored, NULL, &slice);
    hardware_write(stdout, 0x20, 9, true);
    hardware_write(stdout, 0x24, 2, true);
    hardware_write(stdout, FIXED_IRQ_ENABLE, 2, true);
    puts("s 8 1");
    for (size_t at = 0; at < 8; at++)
        printf("%u %d %d 0\n", (unsigned)stored[at], (int)grey[at], pad[at]);
    for (unsigned n = 0; n < 120; n++)          /* until all is cleared and the line is in */
        hardware_read(stdout, 0x20, 9, true);
    hardware_read(stdout, FIXED_IRQ_STATUS, 2, true);
    hardware_write(stdout, FIXED_IRQ_STATUS, 2, true);
    hardware_read(stdout, FIXED_IRQ_STATUS, 0, true);
    puts("g");
    hardware_write(stdout, FIXED_CONTROL, 3, true);
}

/* A slice that a reset ends, and nothing of it in what follows. */
static void break_off(const struct fixed_chain *chain)
{
    let_in(chain);
    puts("x");
    hardware_read(stdout, FIXED_STATUS, 0, true);
    hardware_read(stdout, FIXED_MODE, 0, true);
}

void vectors_top(bool exhaustive, bool fault)
{
    static const size_t shapes[][2] = { { 17, 5 }, { 1, 1 }, { 33, 24 }, { 1, 7 }, { 9, 1 },
                                        { 64, 16 }, { 2, 2 }, { 3, 9 }, { 1024, 2 }, { 40, 40 } };
    const unsigned count = sizeof shapes / sizeof *shapes;

    ask_wrongly();
    for (unsigned round = 0; round < (exhaustive ? 10 * count : count); round++) {
        const struct fixed_chain chain = random_chain(round, shapes[round % count]);
        fill(&chain);
        if (round % 3 == 2 && chain.choice < FIXED_CHOOSE_OTSU && chain.columns * chain.rows > 100)
            break_off(&chain);
        if (round == 2 || round == 5) {
            start_anew(&chain);
            mislead(&chain);
        }
        run(&chain, fault && round == 2);
    }
}

void vectors_top_golden(void)
{
    const struct fixed_chain chain = {
        .columns = 32, .rows = 16,
        .rescale = { .is_signed = true, .bits = 16, .slope = FIXED_ONE, .intercept = -1024 * FIXED_ONE,
                     .padding = true, .pad_low = 0, .pad_high = 3 },
        .window = { .function = FIXED_LINEAR, .bits = 8, .center16 = 40 * 16, .width16 = 400 * 16 },
        .choice = FIXED_CHOOSE_OTSU, .operation = FIXED_OPEN, .element = FIXED_CROSS,
        .neighbours = FIXED_EIGHT, .labels = LABELS
    };

    fill(&chain);
    for (size_t at = 0; at < chain.columns * chain.rows; at++) {       /* two that stay, opened */
        const size_t i = at % chain.columns, j = at / chain.columns;
        if ((i >= 4 && i < 12 && j >= 3 && j < 10) || (i >= 18 && i < 28 && j >= 5 && j < 13))
            stored[at] = (uint16_t)(1100 + 12 * between(-2, 2));
    }
    run(&chain, false);
}

bool vectors_top_real(FILE *raw, bool whole)
{
    static uint8_t bytes[512 * 512 * 2];
    static const size_t line = 232;             /* the middle of the liver, without `whole` */
    struct fixed_chain chain = {
        .columns = 512, .rows = whole ? 512 : 20,
        .rescale = { .is_signed = true, .bits = 16, .slope = FIXED_ONE,
                     .intercept = -1024 * FIXED_ONE, .padding = true, .pad_low = -32768,
                     .pad_high = -1500 },
        .window = { .function = FIXED_LINEAR, .bits = 8, .center16 = 40 * 16,
                    .width16 = 400 * 16 },
        .choice = whole ? FIXED_CHOOSE_OTSU : FIXED_CHOOSE_BAND, .low = 100, .high = 200,
        .operation = FIXED_OPEN, .element = FIXED_SQUARE,
        .neighbours = FIXED_EIGHT, .labels = LABELS
    };

    if (fread(bytes, 1, sizeof bytes, raw) != sizeof bytes)
        return false;
    for (size_t at = 0; at < chain.columns * chain.rows; at++) {
        const size_t from = 2 * (at + (whole ? 0 : line * chain.columns));
        stored[at] = (uint16_t)(bytes[from] | bytes[from + 1] << 8);
    }
    run(&chain, false);
    return true;
}
