/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Difference: element by element, so that the output may be the memory of an operand of its shape. */
#include "patchc_pairs.h"
#include "patchc_softfloat.h"

PATCHC_RARELY static int8_t sub_exact(int32_t first, int32_t second,
                                      const patchc_sub_params *params)
{
    int32_t a = params->swap ? second : first, b = params->swap ? first : second;
    uint32_t x = patchc_f32_mul(patchc_f32_from_int(a - params->a_zero_point), params->a_scale);
    uint32_t y = patchc_f32_mul(patchc_f32_from_int(b - params->b_zero_point), params->b_scale);
    uint32_t steps = patchc_f32_div(patchc_f32_add(x, y ^ PATCHC_F32_SIGN), params->out_scale);

    return patchc_clamp(patchc_f32_rint(steps) + params->zero_point, params->lo, params->hi);
}

void patchc_sub(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                const patchc_sub_params *params)
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
                run.out[j] = sub_exact(run.a[j], run.b[j * run.step], params);
            }
            patchc_clamp_row(run.out, run.length, params->lo, params->hi);
            patchc_next_run(&run);
        }
    }
}
