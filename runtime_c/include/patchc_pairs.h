/* What the kernels of two operands share: how the second one meets the first, and their rounding. */
#ifndef PATCHC_PAIRS_H
#define PATCHC_PAIRS_H

#include <stddef.h>

#include "patchc_requant.h"

/* Values of a row of the output, and of both operands. A row is one run, or one for each pixel where
 * a pixel of the second operand meets them all. */
typedef struct {
    int8_t *out;
    const int8_t *a, *b;
    int32_t length; /* values */
    int32_t step;   /* of b: 0 where one value meets all, else 1 */
} patchc_run;

/* `b`: null where `constant` is the second operand. */
static inline patchc_in patchc_second_of(const patchc_out *out, const patchc_in *b,
                                         const int8_t *constant)
{
    const patchc_in pixel = {constant, 0, 1, 0, 1, 1, out->channels};

    return b != NULL ? *b : pixel;
}

static inline patchc_run patchc_first_run(const patchc_out *out, const patchc_in *a,
                                          const patchc_in *second, int32_t row)
{
    int32_t step = second->cols * second->channels > 1;
    int32_t pixels = step && second->cols != out->cols ? 1 : out->cols;
    patchc_run run;

    run.out = patchc_out_row(out, row);
    run.a = patchc_in_row(a, row);
    run.b = patchc_in_row(second, second->rows > 1 ? row : 0);
    run.length = pixels * out->channels;
    run.step = step;
    return run;
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

/* `swap`: the factors are in the order of the formula, not in that of the operands. */
static inline patchc_near_sum patchc_near_sum_of(int32_t a, int32_t b, int32_t swap,
                                                 const patchc_near *near)
{
    const patchc_near_sum by = {(uint32_t)(swap ? b : a), (uint32_t)(swap ? a : b), *near};

    return by;
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
                                      const patchc_near_sum *by)
{
    const int8_t *a = run->a + done, *b = a;
    patchc_near_sum own = *by;

    if (run->step != 0) {
        b = run->b + done;
    } else { /* a constant, and any operand times 0 */
        own.near.constant += (uint32_t)*run->b * own.b;
        own.b = 0;
    }
    return done + patchc_near_sums(run->out + done, a, b, run->length - done, &own);
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
