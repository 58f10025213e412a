/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Product: element by element, so that the output may be the memory of an operand of its shape. */
#include "patchc_pairs.h"

/* The float32 product, then the float32 sum, then rint. No step leaves 63 bits: a product of the
 * operands has 16 bits, factor 24, and frac is at most 53. */
PATCHC_RARELY static int8_t mul_exact(int32_t product, const patchc_mul_params *params)
{
    int64_t scaled = patchc_round_24((int64_t)product * params->factor);
    int64_t sum = patchc_round_24(scaled + params->zero_point * (INT64_C(1) << params->frac));

    return patchc_clamp(patchc_rint_fixed(sum, params->frac) - params->offset, params->lo,
                        params->hi);
}

static void multiply(const patchc_run *run, const patchc_mul_params *params)
{
    for (int32_t i = 0; i < run->length; i++) {
        const int8_t *a = run->a + i, *b = run->b + i * run->step;

        i += patchc_near_products(run->out + i, a, b, run->step, run->length - i, params);
        if (i < run->length) {
            int32_t x = run->a[i] - params->a_zero_point;
            int32_t y = run->b[i * run->step] - params->b_zero_point;

            run->out[i] = mul_exact(x * y, params);
        }
    }
    patchc_clamp_row(run->out, run->length, params->lo, params->hi);
}

void patchc_mul(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                const patchc_mul_params *params)
{
    patchc_in pixel;
    const patchc_in *second = patchc_second_of(&pixel, out, b, params->constant);
    patchc_run run = patchc_run_of(out, second);

    for (int32_t i = 0; i < out->rows; i++) {
        patchc_begin_row(&run, out, a, second, i);
        for (int32_t n = 0; n < run.count; n++) {
            multiply(&run, params);
            patchc_next_run(&run);
        }
    }
}
