/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* A table per channel: element by element, so that the output may be the memory of the input. */
#include "patchc_kernels.h"

void patchc_lut_channels(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                         const patchc_lut_params *params)
{
    (void)pads;
    for (int32_t i = 0; i < out->rows; i++) {
        const int8_t *source = patchc_in_row(in, i);
        int8_t *row = patchc_out_row(out, i);

        for (int32_t j = 0; j < out->cols; j++) {
            const int8_t *middle = params->table + 128; /* of the channel's table: value 0 */

            for (int32_t c = 0; c < out->channels; c++) {
                *row++ = middle[*source++];
                middle += 256;
            }
        }
    }
}
