/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Convolution of one group with any window: the taps of a few pixels are put together in
 * scratch. */
#include "patchc_mve_product.h"

#define MOST_ROWS 12 /* of a window whose rows are looked up once for a row of output */

/* Where the taps of a pixel come from. */
typedef struct {
    const patchc_in *in;
    const patchc_window *window;
    int32_t pad;            /* the value outside the view */
    patchc_taps rows, cols; /* inside it */
    const int8_t *at[MOST_ROWS]; /* rows of the view; null: outside */
} origin;

/* Row `y` of the window; null: outside. */
PATCHC_INLINE const int8_t *find_row(const origin *from, int32_t y)
{
    int32_t inside = y >= from->rows.begin && y < from->rows.end;

    return inside ? patchc_in_row(from->in, from->rows.first + y * from->window->dilation_h) : 0;
}

/* The taps of a pixel, one after the other: of a window whose columns follow on each other and lie
 * inside the view. */
PATCHC_INLINE void put_whole_rows(int8_t *to, const origin *from)
{
    int32_t channels = from->in->channels, width = from->window->kernel_w * channels;
    int32_t column = from->cols.first * channels;

    for (int32_t y = 0; y < from->window->kernel_h; y++) {
        const int8_t *row = from->at[y];

        if (row != 0) {
            patchc_copy(to, row + column, width);
        } else {
            patchc_fill(to, from->pad, width);
        }
        to += width;
    }
}

/* The same of any window. */
PATCHC_APART static void put_together(int8_t *to, const origin *from)
{
    const patchc_window *window = from->window;
    int32_t channels = from->in->channels, width = window->kernel_w * channels;
    int32_t begin = from->cols.begin, end = from->cols.end;
    int32_t step = window->dilation_w * channels;
    int32_t column = from->cols.first * channels + begin * step;
    int32_t before = begin * channels, inside = (end - begin) * channels;

    for (int32_t y = 0; y < window->kernel_h; y++) {
        const int8_t *row;

        row = find_row(from, y);
        if (row == 0 || inside == 0) {
            patchc_fill(to, from->pad, width);
            to += width;
            continue;
        }
        row += column;
        patchc_fill(to, from->pad, before);
        to += before;
        for (int32_t x = begin; x < end; x++) {
            patchc_copy(to, row, channels);
            to += channels;
            row += step;
        }
        patchc_fill(to, from->pad, width - before - inside);
        to += width - before - inside;
    }
}

void patchc_conv2d_mve(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                       int8_t *scratch, const patchc_conv_params *params)
{
    const patchc_window *window = &params->window;
    int32_t taps = window->kernel_h * window->kernel_w * in->channels;
    const patchc_layer layer = {params, out->channels, taps};
    int32_t most = taps <= PATCHC_FEW_TAPS ? PATCHC_FEW_PIXELS : PATCHC_PIXELS;
    int32_t room = taps <= PATCHC_FEW_TAPS ? 16 : taps; /* of a pixel's taps */
    int32_t looked_up = window->kernel_h <= MOST_ROWS && window->dilation_w == 1;
    origin from;

    from.in = in;
    from.window = window;
    from.pad = params->pad_value;
    PATCHC_MACS(out->rows * out->cols, layer.c_out * taps);
    for (int32_t i = 0; i < out->rows; i++) {
        int8_t *to = patchc_out_row(out, i);

        from.rows = patchc_clip(i * window->stride_h - pads->top, window->kernel_h,
                                window->dilation_h, in->rows);
        for (int32_t y = 0; looked_up && y < window->kernel_h; y++) {
            from.at[y] = find_row(&from, y);
        }
        for (int32_t j = 0; j < out->cols; j += most) {
            int32_t pixels = out->cols - j < most ? out->cols - j : most;

            for (int32_t k = 0; k < pixels; k++) {
                from.cols = patchc_clip((j + k) * window->stride_w - pads->left, window->kernel_w,
                                        window->dilation_w, in->cols);
                if (looked_up && from.cols.begin == 0 && from.cols.end == window->kernel_w) {
                    put_whole_rows(scratch + k * room, &from);
                } else {
                    put_together(scratch + k * room, &from);
                }
            }
            if (taps <= PATCHC_FEW_TAPS) {
                patchc_few_taps(&layer, scratch, to, pixels);
            } else if (pixels == 3) {
                const int8_t *const inputs[3] = {scratch, scratch + taps, scratch + 2 * taps};
                int8_t *const outputs[3] = {to, to + layer.c_out, to + 2 * layer.c_out};

                patchc_three_pixels(&layer, inputs, outputs);
            } else {
                for (int32_t k = 0; k < pixels; k++) {
                    patchc_one_pixel(&layer, scratch + k * taps, to + k * layer.c_out);
                }
            }
            to += pixels * layer.c_out;
        }
    }
}
