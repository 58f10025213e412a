/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Nearest-neighbour upsampling by whole factors. */
#include <string.h>

#include "patchc_kernels.h"

void patchc_upsample(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                     const patchc_upsample_params *params)
{
    int32_t channels = in->channels;

    for (int32_t i = 0; i < out->rows; i++) {
        const int8_t *source = patchc_in_row(in, (i - pads->top) / params->up_h);
        int8_t *pixel = patchc_out_row(out, i);
        int32_t copies = params->up_w + pads->left; /* of the pixel at `source`, still to write */

        for (int32_t j = 0; j < out->cols; j++) {
            if (copies == 0) {
                source += channels;
                copies = params->up_w;
            }
            memcpy(pixel, source, (size_t)channels);
            pixel += channels;
            copies--;
        }
    }
}
