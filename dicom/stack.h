/*
 * Stack: frames behind each other, each at a place of its own: what a volume is made of. A
 * series holds one or several.
 *
 * Frames are split by orientation, rows and columns, and pixel spacing. Where two frames of a
 * part then share a position, it is split further, by the first of these that tells them
 * apart: temporal position, b-value, gradient direction, echo time, image type (magnitude,
 * phase, real, imaginary, maps), other dimension indices, acquisition number. A dimension
 * tells when it differs at one position, and has no more values than frames share a position:
 * a time that differs everywhere tells nothing. Frames that are equal in all of them and in
 * their pixels are duplicates, of which one is kept. Last, volumes that were taken one after
 * the other are split by trigger time, acquisition time, content time or instance number,
 * if every position has as many frames and no volume begins before the one before it ends.
 *
 * One stack is analysed: no localizer, then the one with most slices, then the lowest value of
 * the dimensions above in their order (the first temporal position, the lowest b-value, the
 * first echo, magnitude before phase ...), then one without different pixels at one position,
 * then the one that came first.
 */
#ifndef TUMORD_DICOM_STACK_H
#define TUMORD_DICOM_STACK_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct error;
struct frame;
struct series_facts;

struct stack {
    size_t count;
    struct frame **frame;           /* by their position along the normal, rising */
    double normal[3];
};

/*
 * Splits `count` frames and chooses; the facts get every stack and why it was not taken. Sets
 * `along` of each frame. Fails when the chosen one holds different pixels at one position that
 * nothing tells apart, and when there are only localizers. The pointers are the arena's.
 */
bool stack_choose(struct frame *frames, size_t count, struct arena *arena,
                  struct stack *ret_stack, struct series_facts *facts, struct error *err);

#endif
