/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Product, row by row: arm_elementwise_mul_s8. */
#include "patchc_cmsis_nn.h"

void patchc_mul_cmsis_nn(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                         const patchc_mul_cmsis_nn_params *params)
{
    for (int32_t i = 0; i < out->rows; i++) {
        (void)arm_elementwise_mul_s8(patchc_in_row(a, i), patchc_in_row(b, i), params->a_offset,
                                     params->b_offset, patchc_out_row(out, i), params->zero_point,
                                     params->multiplier, params->shift, params->lo, params->hi,
                                     out->cols * out->channels);
    }
}
