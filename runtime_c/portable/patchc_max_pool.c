/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Maximum over the taps inside the view, a few of them at a time. */
#include <string.h>

#include "patchc_max.h"

static void compute_pixel(int8_t *out, const patchc_in *in, patchc_taps rows, patchc_taps cols,
                          const patchc_pool_params *params)
{
    const int8_t *taps[PATCHC_MAX_TAPS], *last = out;
    const int32_t channels = in->channels, dilation = params->window.dilation_w;
    const int32_t first = (cols.first + cols.begin * dilation) * channels;
    int32_t count = 0;

    if (rows.begin == rows.end || cols.begin == cols.end) {
        memset(out, params->lo, (size_t)channels);
        return;
    }
    for (int32_t y = rows.begin; y < rows.end; y++) {
        const int8_t *tap = patchc_in_row(in, rows.first + y * params->window.dilation_h) + first;

        for (int32_t x = cols.begin; x < cols.end; x++) {
            if (count == PATCHC_MAX_TAPS) {
                patchc_max_of_four(out, taps, channels);
                taps[0] = out;
                count = 1;
            }
            taps[count++] = last = tap;
            tap += dilation * channels;
        }
    }
    while (count < PATCHC_MAX_TAPS) {
        taps[count++] = last;
    }
    patchc_max_of_four(out, taps, channels);
    patchc_clamp_row(out, channels, params->lo, params->hi);
}

void patchc_max_pool(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                     const patchc_pool_params *params)
{
    const patchc_window *window = &params->window;

    for (int32_t i = 0; i < out->rows; i++) {
        patchc_taps rows = patchc_clip(i * window->stride_h - pads->top, window->kernel_h,
                                       window->dilation_h, in->rows);
        int8_t *pixel = patchc_out_row(out, i);

        for (int32_t j = 0; j < out->cols; j++) {
            patchc_taps cols = patchc_clip(j * window->stride_w - pads->left, window->kernel_w,
                                           window->dilation_w, in->cols);

            compute_pixel(pixel, in, rows, cols, params);
            pixel += out->channels;
        }
    }
}
