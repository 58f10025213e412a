/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Copies of some of the values in a window. */
#include <string.h>

#include "patchc_kernels.h"

void patchc_rearrange(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                      const patchc_rearrange_params *params)
{
    int32_t step = params->window.stride_w * in->channels;

    for (int32_t i = 0; i < out->rows; i++) {
        int8_t *row = patchc_out_row(out, i);
        int32_t top = i * params->window.stride_h - pads->top;

        for (int32_t j = 0; j < out->cols; j++) {
            int32_t left = j * step - pads->left * in->channels;

            for (int32_t n = 0; n < params->count; n++) {
                const int8_t *from = patchc_in_row(in, top + params->rows[n]) + left;

                memcpy(row, from + params->places[n], params->lengths[n]);
                row += params->lengths[n];
            }
        }
    }
}
