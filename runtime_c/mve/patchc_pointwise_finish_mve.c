/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* The sums of every pixel as int8, four channels at a time. */
#include "patchc_mve_product.h"

/* Four channels of a row of pixels. */
static void finish_four(int8_t *out, const int32_t *sum, int32_t first, int32_t pixels,
                        int32_t channels, const patchc_conv_params *params)
{
    patchc_four factor, offset;
    int32_t lo = params->lo, hi = params->hi;

    patchc_four_forms(params->form + first, &factor, &offset);
    for (int32_t j = 0; j < pixels; j++) {
        patchc_four value = patchc_four_by_line(patchc_four_load(sum), factor, offset);

        patchc_four_save_bytes(out, patchc_four_clamp(value, lo, hi));
        sum += channels;
        out += channels;
    }
}

/* A channel of a row of pixels, in whatever way it has. */
PATCHC_APART static void finish_one(int8_t *out, const int32_t *sum, int32_t channel,
                                    int32_t pixels, int32_t channels,
                                    const patchc_conv_params *params)
{
    int32_t factor = params->form[channel].factor;

    for (int32_t j = 0; j < pixels; j += 4) {
        int32_t value[4] = {0, 0, 0, 0}, count = pixels - j < 4 ? pixels - j : 4;

        for (int32_t i = 0; i < count; i++) {
            value[i] = sum[i * channels];
        }
        if (factor < 0) {
            patchc_four four = patchc_four_rare(patchc_four_load(value), params->rare + ~factor,
                                                params->zero_point);

            patchc_four_save(value, patchc_four_clamp(four, params->lo, params->hi));
        }
        for (int32_t i = 0; i < count; i++) {
            out[i * channels] = factor < 0 ? (int8_t)value[i]
                                           : patchc_mve_by_form(value[i], channel, params);
        }
        sum += 4 * channels;
        out += 4 * channels;
    }
}

void patchc_pointwise_finish_mve(const patchc_out *out, const patchc_sums *sums,
                                 const patchc_conv_params *params)
{
    const int32_t *sum = sums->data;
    int32_t channels = out->channels, whole = channels / 4 * 4;
    int32_t rows = out->rows, cols = out->cols;

    if (out->pitch == cols * channels && out->slot + rows <= out->slots) {
        cols *= rows; /* which follow on each other */
        rows = 1;
    }
    for (int32_t i = 0; i < rows; i++) {
        int8_t *row = patchc_out_row(out, i);

        for (int32_t c = 0; c < whole; c += 4) {
            finish_four(row + c, sum + c, c, cols, channels, params);
        }
        for (int32_t c = params->rare != 0 ? 0 : whole; c < channels; c++) {
            if (c >= whole || params->form[c].factor < 0) {
                finish_one(row + c, sum + c, c, cols, channels, params);
            }
        }
        sum += cols * channels;
    }
}
