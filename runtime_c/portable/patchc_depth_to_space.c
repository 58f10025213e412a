/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Channels to blocks of pixels. */
#include "patchc_kernels.h"

void patchc_depth_to_space(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                           const patchc_depth_to_space_params *params)
{
    int32_t up_h = params->up.up_h, up_w = params->up.up_w;
    int32_t step = params->channel_step;

    for (int32_t i = 0; i < out->rows; i++) {
        const int8_t *source = patchc_in_row(in, (i - pads->top) / up_h);
        int8_t *value = patchc_out_row(out, i);
        int32_t first = (i - pads->top) % up_h * up_w; /* position that a row of a block begins at */
        int32_t across = -pads->left;                  /* in the block */

        for (int32_t j = 0; j < out->cols; j++) {
            const int8_t *from;

            if (across == up_w) {
                source += in->channels;
                across = 0;
            }
            from = source + (first + across) * params->position_step;
            for (int32_t k = 0; k < out->channels; k++) {
                *value++ = from[k * step];
            }
            across++;
        }
    }
}
