/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* A table of one value: element by element, so that the output may be the memory of the input. */
#include "patchc_look_up.h"

void patchc_lut(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                const patchc_lut_params *params)
{
    int32_t width = out->cols * out->channels;

    (void)pads;
    for (int32_t i = 0; i < out->rows; i++) {
        patchc_look_up(patchc_out_row(out, i), patchc_in_row(in, i), width, params->table);
    }
}
