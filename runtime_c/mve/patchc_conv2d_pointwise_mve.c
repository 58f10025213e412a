/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Convolution with one tap, a few pixels at a time: patchc_mve_product.h. Inputs are read where
 * they lie, or, where outputs may overwrite them, from a copy. */
#include "patchc_mve_product.h"

/* A row whose pixels each fit a vector. */
static void few_row(const patchc_layer *layer, int8_t *to, const int8_t *from, int32_t pixels,
                    int8_t *scratch, int apart)
{
    int32_t taps = layer->taps;

    if (taps == 16 && apart) {
        patchc_few_taps(layer, from, to, pixels);
        return;
    }
    while (pixels > 0) {
        int32_t count = pixels < PATCHC_FEW_PIXELS ? pixels : PATCHC_FEW_PIXELS;

        patchc_spread(scratch, from, taps, count);
        patchc_few_taps(layer, scratch, to, count);
        from += count * taps;
        to += count * layer->c_out;
        pixels -= count;
    }
}

/* Three pixels, or fewer. */
static void some_pixels(const patchc_layer *layer, const int8_t *in[3], int8_t *const out[3],
                        int32_t pixels, int8_t *scratch, int apart)
{
    if (!apart) {
        for (int32_t j = 0; j < pixels; j++) {
            int8_t *copy = scratch + j * layer->taps;

            patchc_copy(copy, in[j], layer->taps);
            in[j] = copy;
        }
    }
    if (pixels == 3) {
        patchc_three_pixels(layer, in, out);
    } else {
        for (int32_t j = 0; j < pixels; j++) {
            patchc_one_pixel(layer, in[j], out[j]);
        }
    }
}

void patchc_conv2d_pointwise_mve(const patchc_out *out, const patchc_in *in,
                                 const patchc_pads *pads, int8_t *scratch,
                                 const patchc_conv_params *params)
{
    const patchc_layer layer = {params, out->channels, in->channels};
    int32_t left = out->rows * out->cols, row = 0, col = 0;
    const int8_t *from = patchc_in_row(in, 0);
    int8_t *to = patchc_out_row(out, 0);
    int apart = patchc_apart(out, in);

    (void)pads;
    PATCHC_MACS(left, layer.c_out * layer.taps);
    if (layer.taps <= PATCHC_FEW_TAPS) {
        for (; row < out->rows; row++) {
            few_row(&layer, patchc_out_row(out, row), patchc_in_row(in, row), out->cols, scratch,
                    apart);
        }
        return;
    }
    while (left > 0) {
        int32_t pixels = left < PATCHC_PIXELS ? left : PATCHC_PIXELS;
        const int8_t *inputs[3];
        int8_t *outputs[3];

        for (int32_t j = 0; j < pixels; j++) {
            inputs[j] = from;
            outputs[j] = to;
            from += layer.taps;
            to += layer.c_out;
            if (++col == out->cols && ++row < out->rows) {
                col = 0;
                from = patchc_in_row(in, row);
                to = patchc_out_row(out, row);
            }
        }
        some_pixels(&layer, inputs, outputs, pixels, scratch, apart);
        left -= pixels;
    }
}
