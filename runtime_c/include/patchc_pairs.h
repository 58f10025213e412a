/* What the kernels of two operands share: how the second one meets the first, and their rounding. */
#ifndef PATCHC_PAIRS_H
#define PATCHC_PAIRS_H

#include <stddef.h>

#include "patchc_kernels.h"

/* The second operand. A row of the output is `runs` runs of `length` values, each of which meets
 * the operand's row from its beginning; `step`: 0 where one value meets all. */
typedef struct {
    patchc_in view;
    int32_t runs, length;
    int32_t step;
} patchc_second;

static inline patchc_second patchc_second_of(const patchc_out *out, const patchc_in *b,
                                             const int8_t *constant)
{
    patchc_second second = {{constant, 0, 1, 0, 1, 1, out->channels}, 1, 0, 1};

    if (b != NULL) {
        second.view = *b;
    }
    if (second.view.channels != out->channels) {
        second.step = 0;
    } else if (second.view.cols != out->cols) {
        second.runs = out->cols;
    }
    second.length = out->cols * out->channels / second.runs;
    return second;
}

static inline const int8_t *patchc_second_row(const patchc_second *second, int32_t row)
{
    return patchc_in_row(&second->view, second->view.rows > 1 ? row : 0);
}

static inline int patchc_settled(uint32_t sum, const patchc_near *near)
{
    return (sum & ((UINT32_C(1) << near->bits) - 1)) - near->guard < near->range;
}

static inline int32_t patchc_settled_value(uint32_t sum, const patchc_near *near)
{
    return (int32_t)(sum >> near->bits) - near->base;
}

/* value to 24 significant bits, ties to even, as a float32 keeps them; below 2^62 in magnitude */
static inline int64_t patchc_round_24(int64_t value)
{
    uint64_t size = value < 0 ? (uint64_t)-value : (uint64_t)value;

    if (size >> 24 != 0) {
        int32_t drop = patchc_bit_length64(size) - 24;
        uint64_t last = UINT64_C(1) << drop; /* bit that is kept */

        size += (last >> 1) - 1 + ((size >> drop) & 1);
        size &= ~(last - 1);
    }
    return value < 0 ? -(int64_t)size : (int64_t)size;
}

/* rint(value * 2^-frac); 512 where it is that or more in magnitude */
static inline int32_t patchc_rint_fixed(int64_t value, int32_t frac)
{
    uint64_t size = value < 0 ? (uint64_t)-value : (uint64_t)value;
    int32_t rounded;

    if (frac > 0) {
        size = patchc_half_even64(size, frac);
    }
    rounded = size < 512 ? (int32_t)size : 512;
    return value < 0 ? -rounded : rounded;
}

#endif
