/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Resize to the nearest pixel, by tables of rows and columns. */
#include <string.h>

#include "patchc_kernels.h"

void patchc_resize_nearest(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                           const patchc_resize_nearest_params *params)
{
    const uint16_t *rows = params->rows.first - pads->top;
    const uint16_t *cols = params->cols.first - pads->left;
    int32_t channels = in->channels;

    for (int32_t i = 0; i < out->rows; i++) {
        const int8_t *source = patchc_in_row(in, rows[i] - rows[0]);
        int8_t *pixel = patchc_out_row(out, i);

        for (int32_t j = 0; j < out->cols; j++) {
            memcpy(pixel, source + (cols[j] - cols[0]) * channels, (size_t)channels);
            pixel += channels;
        }
    }
}
