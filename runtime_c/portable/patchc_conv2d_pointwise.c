/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Convolution with one tap: a matrix product per pixel. */
#include "patchc_dot.h"

void patchc_conv2d_pointwise(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                             const patchc_conv_params *params)
{
    int32_t c_in = in->channels, c_out = out->channels, cols = out->cols, rows = out->rows;

    (void)pads;
    PATCHC_MACS(rows * cols, c_out * c_in);
    if (in->pitch == cols * c_in && in->slot + rows <= in->slots && out->pitch == cols * c_out
        && out->slot + rows <= out->slots) {
        cols *= rows; /* all of it lies in one row */
        rows = 1;
    }
    for (int32_t i = 0; i < rows; i++) {
        const int8_t *from = patchc_in_row(in, i);
        int8_t *to = patchc_out_row(out, i);
        /* The first of two pixels is written before the second one has been read. */
        int32_t most = patchc_apart(to, cols * c_out, from, cols * c_in) ? PATCHC_DOT_PIXELS : 1;
        int32_t pixels;

        for (int32_t j = 0; j < cols; j += pixels) {
            pixels = cols - j < most ? 1 : most;
            patchc_channels(to, from, pixels, c_in, c_out, params);
            from += pixels * c_in;
            to += pixels * c_out;
        }
    }
}
