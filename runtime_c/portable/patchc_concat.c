/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Maps side by side: row by row, and in a row pixel by pixel, the background first and the inputs
 * over it. */
#include <string.h>

#include "patchc_kernels.h"

/* `from` as it is, or looked up. */
static void place(int8_t *to, const int8_t *from, int32_t count, const int8_t *table)
{
    if (table == NULL) {
        memcpy(to, from, (size_t)count);
        return;
    }
    for (int32_t k = 0; k < count; k++) {
        to[k] = table[from[k] + 128];
    }
}

void patchc_concat(const patchc_out *out, const patchc_in *const *in,
                   const patchc_concat_params *params)
{
    for (int32_t i = 0; i < out->rows; i++) {
        int8_t *pixel = patchc_out_row(out, i);

        for (int32_t j = 0; j < out->cols; j++) {
            if (params->background != NULL) {
                memcpy(pixel, params->background, (size_t)out->channels);
            }
            for (int32_t n = 0; n < params->count; n++) {
                const int32_t channels = in[n]->channels, at = params->tables_at[n];

                place(pixel + params->starts[n], patchc_in_row(in[n], i) + j * channels, channels,
                      at < 0 ? NULL : params->tables + at);
            }
            pixel += out->channels;
        }
    }
}
