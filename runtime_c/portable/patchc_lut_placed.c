/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* A table of one value, of some channels of each pixel: `in` has these alone, and `out`, whose data
 * begins at the first of them, has all. */
#include "patchc_look_up.h"

void patchc_lut_placed(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                       const patchc_lut_params *params)
{
    (void)pads;
    for (int32_t i = 0; i < out->rows; i++) {
        int8_t *to = patchc_out_row(out, i);
        const int8_t *from = patchc_in_row(in, i);

        for (int32_t j = 0; j < out->cols; j++) {
            patchc_look_up(to, from, in->channels, params->table);
            to += out->channels;
            from += in->channels;
        }
    }
}
