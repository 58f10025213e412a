/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* The sums of every pixel as int8. */
#include "patchc_requant.h"

void patchc_pointwise_finish(const patchc_out *out, const patchc_sums *sums,
                             const patchc_conv_params *params)
{
    const int32_t *sum = sums->data;

    for (int32_t i = 0; i < out->rows; i++) {
        int8_t *pixel = patchc_out_row(out, i);

        for (int32_t j = 0; j < out->cols; j++) {
            patchc_store(pixel, sum, out->channels, 0, params);
            pixel += out->channels;
            sum += out->channels;
        }
    }
}
