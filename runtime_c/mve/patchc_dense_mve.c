/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* A window over the whole view, no pads: one output pixel. */
#include "patchc_mve_product.h"

/* Rows that do not follow on each other, channel by channel. */
PATCHC_APART static void by_rows(const patchc_out *out, const patchc_in *in,
                                 const patchc_conv_params *params)
{
    const int8_t *weights = params->weights;
    int8_t *pixel = patchc_out_row(out, 0);
    int32_t run = in->cols * in->channels;

    for (int32_t c = 0; c < out->channels; c++) {
        int32_t sum = 0;

        for (int32_t y = 0; y < in->rows; y++) {
            sum += patchc_dot_bytes(patchc_in_row(in, y), weights, run);
            weights += run;
        }
        pixel[c] = patchc_mve_by_form(sum, c, params);
    }
}

void patchc_dense_mve(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                      const patchc_conv_params *params)
{
    int32_t run = in->cols * in->channels;
    const patchc_layer layer = {params, out->channels, in->rows * run};

    (void)pads;
    PATCHC_MACS(layer.taps, layer.c_out);
    if (in->rows == 1 || (in->pitch == run && in->slot + in->rows <= in->slots)) {
        patchc_one_pixel(&layer, patchc_in_row(in, 0), patchc_out_row(out, 0));
    } else {
        by_rows(out, in, params);
    }
}
