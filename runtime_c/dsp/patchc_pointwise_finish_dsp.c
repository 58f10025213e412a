/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* The sums of every pixel as int8. */
#include "patchc_dsp_store.h"

void patchc_pointwise_finish_dsp(const patchc_out *out, const patchc_sums *sums,
                                 const patchc_conv_dsp_params *params)
{
    const int32_t *sum = sums->data;
    int32_t channels = out->channels;

    for (int32_t i = 0; i < out->rows; i++) {
        int8_t *pixel = patchc_out_row(out, i);

        for (int32_t j = 0; j < out->cols; j++) {
            if (params->rare == NULL) {
                const patchc_form *form = params->form;

                for (int32_t c = 0; c < channels; c++) {
                    pixel[c] = patchc_by_line(sum[c], form[c]);
                }
            } else {
                for (int32_t c = 0; c < channels; c++) {
                    pixel[c] = patchc_by_form(sum[c], c, params);
                }
            }
            patchc_confine(pixel, channels, params);
            sum += channels;
            pixel += channels;
        }
    }
}
