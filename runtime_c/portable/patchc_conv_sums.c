/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* The int32 sums of a convolution, as their bytes: any window, stride, dilation, number of groups. */
#include "patchc_dot.h"

/* The lowest byte first, whatever the core's own order. */
static void put(int8_t *to, uint32_t sum)
{
    for (int32_t k = 0; k < PATCHC_SUM_BYTES; k++) {
        to[k] = (int8_t)((int32_t)((sum >> (8 * k) & 0xff) ^ 0x80) - 0x80);
    }
}

static int32_t weights_of(const int8_t *weights, int32_t count)
{
    int32_t sum = 0;

    for (const int8_t *end = weights + count; weights != end; weights++) {
        sum += *weights;
    }
    return sum;
}

/* One channel of a group whose inputs begin at `channel`. */
static uint32_t sum_of(const patchc_in *in, int32_t channel, patchc_taps rows, patchc_taps cols,
                       const int8_t *weights, const patchc_conv_sums_params *params)
{
    const patchc_window *window = &params->window;
    int32_t depth = in->channels / params->groups;
    uint32_t sum = 0;

    for (int32_t y = 0; y < window->kernel_h; y++) {
        int inside = y >= rows.begin && y < rows.end;
        const int8_t *row = in->data;

        if (inside) {
            row = patchc_in_row(in, rows.first + y * window->dilation_h);
        }
        for (int32_t x = 0; x < window->kernel_w; x++) {
            if (inside && x >= cols.begin && x < cols.end) {
                int32_t column = cols.first + x * window->dilation_w;

                sum += (uint32_t)patchc_dot_1(row + column * in->channels + channel, weights,
                                              depth);
            } else {
                sum += (uint32_t)(params->pad_value * weights_of(weights, depth));
            }
            weights += depth;
        }
    }
    return sum;
}

void patchc_conv_sums(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                      const patchc_conv_sums_params *params)
{
    const patchc_window *window = &params->window;
    int32_t sums = out->channels / PATCHC_SUM_BYTES, depth = in->channels / params->groups;
    int32_t taps = window->kernel_h * window->kernel_w * depth, group = sums / params->groups;

    PATCHC_MACS(out->rows * out->cols, sums * taps);
    for (int32_t i = 0; i < out->rows; i++) {
        patchc_taps rows = patchc_clip(i * window->stride_h - pads->top, window->kernel_h,
                                       window->dilation_h, in->rows);
        int8_t *to = patchc_out_row(out, i);

        for (int32_t j = 0; j < out->cols; j++) {
            patchc_taps cols = patchc_clip(j * window->stride_w - pads->left, window->kernel_w,
                                           window->dilation_w, in->cols);

            for (int32_t c = 0; c < sums; c++) {
                uint32_t sum = sum_of(in, c / group * depth, rows, cols, params->weights + c * taps,
                                      params);

                put(to, sum + (uint32_t)params->offsets[c]);
                to += PATCHC_SUM_BYTES;
            }
        }
    }
}
