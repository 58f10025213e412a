/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Sum: element by element, so that the output may be the memory of an operand of its shape. */
#include "patchc_pairs.h"

/* Both fused multiply-adds exact, then rint. No step leaves 63 bits: the compiler chose frac so. */
PATCHC_RARELY static int8_t add_exact(int32_t first, int32_t second,
                                      const patchc_add_params *params)
{
    int32_t a = params->swap ? second : first, b = params->swap ? first : second;
    int64_t inner =
        patchc_round_24((b + params->offset) * params->b_factor + params->sum_constant);
    int64_t sum = patchc_round_24((a + params->offset) * params->a_factor + inner);

    return patchc_clamp(patchc_rint_fixed(sum, params->frac) - params->offset, params->lo,
                        params->hi);
}

void patchc_add(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                const patchc_add_params *params)
{
    patchc_in pixel;
    const patchc_in *second = patchc_second_of(&pixel, out, b, params->constant);
    patchc_run run = patchc_run_of(out, second);

    for (int32_t i = 0; i < out->rows; i++) {
        patchc_near_sum row;

        patchc_begin_row(&run, out, a, second, i);
        row = patchc_sum_of_row(params->near_a, params->near_b, params->swap, &params->near, &run);
        for (int32_t n = 0; n < run.count; n++) {
            for (int32_t j = 0; (j = patchc_run_sums(&run, j, &row)) < run.length; j++) {
                run.out[j] = add_exact(run.a[j], run.b[j * run.step], params);
            }
            patchc_clamp_row(run.out, run.length, params->lo, params->hi);
            patchc_next_run(&run);
        }
    }
}
