/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Convolution with one tap, up to three pixels at a time: patchc_dsp_product.h. */
#include "patchc_dsp_product.h"

void patchc_conv2d_pointwise_dsp(const patchc_out *out, const patchc_in *in,
                                 const patchc_pads *pads, int8_t *scratch,
                                 const patchc_conv_dsp_params *params)
{
    int32_t c_in = in->channels, c_out = out->channels;
    int32_t left = out->rows * out->cols, row = 0, col = 0;
    const int8_t *from = patchc_in_row(in, 0);
    int8_t *to = patchc_out_row(out, 0);
    patchc_pass pass;

    (void)pads;
    PATCHC_MACS(left, c_out * c_in);
    pass.params = params;
    pass.start[0] = pass.start[1] = pass.start[2] = 0;
    pass.out[0] = pass.out[1] = pass.out[2] = NULL;
    pass.c_out = c_out;
    pass.fours = (c_in + 3) / 4;
    pass.wide = (uint32_t *)(void *)scratch;
    while (left > 0) {
        int32_t pixels = left < params->pixels ? left : params->pixels;

        for (int32_t j = 0; j < pixels; j++) {
            patchc_take_pixel(&pass, from, c_in, j, pixels);
            pass.out[j] = to;
            from += c_in;
            to += c_out;
            if (++col == out->cols && ++row < out->rows) {
                col = 0;
                from = patchc_in_row(in, row);
                to = patchc_out_row(out, row);
            }
        }
        patchc_product(&pass, pixels);
        left -= pixels;
    }
}
