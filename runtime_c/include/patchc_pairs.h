/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* What the kernels of two operands share: how the second one meets the first, and their rounding. */
#ifndef PATCHC_PAIRS_H
#define PATCHC_PAIRS_H

#include <stddef.h>

#include "patchc_requant.h"

/* Before a function that is rarely called: not a part of its caller, which would lack registers. */
#if defined(__GNUC__)
#define PATCHC_RARELY __attribute__((noinline))
#else
#define PATCHC_RARELY
#endif

/* Values of a row of the output, and of both operands. A row is one run, or one for each pixel
 * where a pixel of the second operand meets them all. */
typedef struct {
    int8_t *out;
    const int8_t *a, *b;
    int32_t length; /* values */
    int32_t count;  /* runs of a row */
    int32_t step;   /* of b: 0 where one value meets all, else 1 */
} patchc_run;

/* The second operand as a view; `pixel` where it is a constant, and `b` null. */
static inline const patchc_in *patchc_second_of(patchc_in *pixel, const patchc_out *out,
                                                const patchc_in *b, const int8_t *constant)
{
    if (b != NULL) {
        return b;
    }
    pixel->data = constant;
    pixel->pitch = 0;
    pixel->slots = 1;
    pixel->slot = 0;
    pixel->rows = 1;
    pixel->cols = 1;
    pixel->channels = out->channels;
    return pixel;
}

/* Runs of any row. */
static inline patchc_run patchc_run_of(const patchc_out *out, const patchc_in *second)
{
    patchc_run run;

    run.step = second->cols * second->channels > 1;
    run.length = out->channels;
    run.count = out->cols;
    if (run.step == 0 || second->cols == out->cols) {
        run.length *= out->cols;
        run.count = 1;
    }
    return run;
}

/* The first run of a row. */
static inline void patchc_begin_row(patchc_run *run, const patchc_out *out, const patchc_in *a,
                                    const patchc_in *second, int32_t row)
{
    run->out = patchc_out_row(out, row);
    run->a = patchc_in_row(a, row);
    run->b = patchc_in_row(second, second->rows > 1 ? row : 0);
}

/* The same values of b meet the next ones of a row. */
static inline void patchc_next_run(patchc_run *run)
{
    run->out += run->length;
    run->a += run->length;
}

/* Fractional bits of most sums and differences; very large ones have fewer. */
#define PATCHC_NEAR_BITS 20

/* A sum in fixed point of both operands. */
typedef struct {
    uint32_t a, b; /* factors */
    patchc_near near;
} patchc_near_sum;

/* What makes the sums of a row; one value that meets all is a part of the constant. `swap`: the
 * factors are in the order of the formula, not in that of the operands. */
static inline patchc_near_sum patchc_sum_of_row(int32_t a, int32_t b, int32_t swap,
                                                const patchc_near *near, const patchc_run *run)
{
    patchc_near_sum row = {(uint32_t)(swap ? b : a), (uint32_t)(swap ? a : b), *near};

    if (run->step == 0) {
        row.near.constant += (uint32_t)*run->b * row.b;
        row.b = 0;
    }
    return row;
}

static inline int patchc_settled(uint32_t sum, const patchc_near *near)
{
    return (sum & near->mask) != 0;
}

/* Before it is clipped; close to a tie, the larger of the two integers beside it. */
static inline int32_t patchc_near_value(uint32_t sum, const patchc_near *near)
{
    return patchc_signed(sum) >> near->bits;
}

/* value clipped to int8: one instruction where the core has it */
static inline int8_t patchc_saturated(int32_t value)
{
#if defined(__ARM_FEATURE_SAT) && defined(__GNUC__) && !defined(PATCHC_NO_BUILTINS)
    return (int8_t)__builtin_arm_ssat(value, 8);
#else
    return patchc_clamp(value, INT8_MIN, INT8_MAX);
#endif
}

/* The first of `count` sums, clipped to int8, up to the first one that is close to a tie; returns
 * how many. Apart, so that the rare case costs the others no registers. */
int32_t patchc_near_sums(int8_t *out, const int8_t *a, const int8_t *b, int32_t count,
                         const patchc_near_sum *by);
int32_t patchc_near_sums_dsp(int8_t *out, const int8_t *a, const int8_t *b, int32_t count,
                             const patchc_near_sum *by);
int32_t patchc_near_sums_mve(int8_t *out, const int8_t *a, const int8_t *b, int32_t count,
                             const patchc_near_sum *by);

/* The same for products. `step`: of b. */
int32_t patchc_near_products(int8_t *out, const int8_t *a, const int8_t *b, int32_t step,
                             int32_t count, const patchc_mul_params *params);
int32_t patchc_near_products_mve(int8_t *out, const int8_t *a, const int8_t *b, int32_t step,
                                 int32_t count, const patchc_mul_params *params);

/* The sums of a run from value `done` on; returns where they end. */
static inline int32_t patchc_run_sums(const patchc_run *run, int32_t done,
                                      const patchc_near_sum *row)
{
    const int8_t *a = run->a + done, *b = run->step != 0 ? run->b + done : a;

    return done + patchc_near_sums(run->out + done, a, b, run->length - done, row);
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
