/* Hardware: lines of text, one for each thing to do. */
#include "daemon/hardware.h"

#include <inttypes.h>

void hardware_write(FILE *to, unsigned address, uint32_t value, bool okay)
{
    fprintf(to, "w %u %" PRId32 " 15 %d\n", address, (int32_t)value, okay);
}

void hardware_read(FILE *to, unsigned address, uint32_t value, bool okay)
{
    fprintf(to, "r %u %" PRId32 " %d\n", address, (int32_t)value, okay);
}

static void print_voxels(FILE *to, const struct fixed_chain *chain, const uint16_t *stored,
                         const struct fixed_slice *slice, bool masked)
{
    fprintf(to, "s %zu %zu\n", chain->columns, chain->rows);
    for (size_t at = 0; at < chain->columns * chain->rows; at++)
        fprintf(to, "%u %" PRId32 " %d %d\n", (unsigned)stored[at], slice->grey[at],
                slice->pad[at], masked && slice->mask[at]);
}

/* Waits for the end of the slice and takes the interrupt away. */
static void print_end(FILE *to)
{
    fputs("i\n", to);
    hardware_read(to, FIXED_IRQ_STATUS, 1, true);
    hardware_write(to, FIXED_IRQ_STATUS, 1, true);
    hardware_read(to, FIXED_IRQ_STATUS, 0, true);
}

static void print_settings(FILE *to, const struct fixed_chain *chain)
{
    struct fixed_register setting[FIXED_REGISTERS_MAX];
    const size_t count = fixed_chain_settings(chain, setting);

    for (size_t n = 0; n < count; n++)
        hardware_write(to, setting[n].address, setting[n].value, true);
    for (size_t n = 0; n < count; n++)
        hardware_read(to, setting[n].address, setting[n].value, true);
    hardware_write(to, FIXED_IRQ_ENABLE, 1, true);
    hardware_write(to, FIXED_CONTROL, 1, true);
}

static void print_results(FILE *to, const struct fixed_slice *slice)
{
    struct fixed_register result[FIXED_REGISTERS_MAX];
    size_t count = fixed_chain_results(slice, result);

    for (size_t n = 0; n < count; n++)
        hardware_read(to, result[n].address, result[n].value, true);
    for (size_t number = 0; number < slice->components.count; number++) {
        count = fixed_chain_part(slice, number, result);
        hardware_write(to, FIXED_INDEX, (uint32_t)number, true);
        for (size_t n = 0; n < count; n++)
            hardware_read(to, result[n].address, result[n].value, true);
    }
}

void hardware_slice(FILE *to, const struct fixed_chain *chain, const uint16_t *stored,
                    const struct fixed_slice *slice)
{
    print_settings(to, chain);
    if (chain->choice >= FIXED_CHOOSE_OTSU) {
        hardware_write(to, FIXED_MODE, FIXED_CHOOSE_ABOVE, true);
        hardware_write(to, FIXED_LOW, 1u << chain->window.bits, true);
        print_voxels(to, chain, stored, slice, false);
        print_end(to);
        hardware_write(to, FIXED_MODE, (uint32_t)chain->choice, true);
    }
    print_voxels(to, chain, stored, slice, true);
    print_end(to);
    print_results(to, slice);
}
