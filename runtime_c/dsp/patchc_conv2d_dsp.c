/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Convolution of one group with any window, up to three pixels at a time: patchc_dsp_product.h. */
#include "patchc_dsp_product.h"

/* Where the taps of a pixel come from. */
typedef struct {
    const patchc_in *in;
    const patchc_window *window;
    int32_t pad;            /* the value outside the view */
    patchc_taps rows, cols; /* inside it */
    int8_t *stage;          /* the taps as bytes, where channels do not come in fours; or null */
} origin;

/* `fours` times the padding, as patchc_widen would widen it. */
static uint32_t *widen_padding(uint32_t *to, int32_t fours, int32_t pad, int32_t pixels,
                               int32_t *sum)
{
    uint32_t word = 0x01010101u * (uint8_t)pad;
    uint32_t even = patchc_sxtb16(word), odd = patchc_odd(word);

    for (int32_t i = 0; i < fours; i++) {
        to[0] = even;
        to[pixels] = odd;
        to += 2 * pixels;
    }
    *sum += 2 * pad * fours;
    return to;
}

/* The taps of a pixel whose channels come in fours. The sum of x0 and x2. */
static int32_t widen_taps(uint32_t *to, const origin *from, int32_t pixels)
{
    const patchc_window *window = from->window;
    int32_t fours = from->in->channels / 4, width = window->kernel_w;
    int32_t begin = from->cols.begin, end = from->cols.end, sum = 0;
    int32_t column = (from->cols.first + begin * window->dilation_w) * from->in->channels;
    int32_t step = window->dilation_w * from->in->channels;

    for (int32_t y = 0; y < window->kernel_h; y++) {
        const int8_t *row;

        if (y < from->rows.begin || y >= from->rows.end || begin == end) {
            to = widen_padding(to, width * fours, from->pad, pixels, &sum);
            continue;
        }
        row = patchc_in_row(from->in, from->rows.first + y * window->dilation_h) + column;
        if (begin > 0) {
            to = widen_padding(to, begin * fours, from->pad, pixels, &sum);
        }
        if (window->dilation_w == 1) {
            to = patchc_widen(to, row, (end - begin) * fours, pixels, &sum);
        } else {
            for (int32_t x = begin; x < end; x++) {
                to = patchc_widen(to, row, fours, pixels, &sum);
                row += step;
            }
        }
        if (end < width) {
            to = widen_padding(to, (width - end) * fours, from->pad, pixels, &sum);
        }
    }
    return sum;
}

PATCHC_INLINE int8_t *copy(int8_t *to, const int8_t *from, int32_t count)
{
    for (; count >= 4; count -= 4) {
        patchc_save(to, patchc_load(from));
        to += 4;
        from += 4;
    }
    while (count-- > 0) {
        *to++ = *from++;
    }
    return to;
}

PATCHC_APART static int8_t *fill(int8_t *to, int32_t value, int32_t count)
{
    while (count-- > 0) {
        *to++ = (int8_t)value;
    }
    return to;
}

/* The taps of a pixel as bytes. */
static void stage_taps(const origin *from)
{
    const patchc_window *window = from->window;
    int32_t channels = from->in->channels, width = window->kernel_w;
    int32_t begin = from->cols.begin, end = from->cols.end;
    int32_t column = (from->cols.first + begin * window->dilation_w) * channels;
    int32_t step = window->dilation_w * channels;
    int8_t *to = from->stage;

    for (int32_t y = 0; y < window->kernel_h; y++) {
        const int8_t *row;

        if (y < from->rows.begin || y >= from->rows.end || begin == end) {
            to = fill(to, from->pad, width * channels);
            continue;
        }
        row = patchc_in_row(from->in, from->rows.first + y * window->dilation_h) + column;
        if (begin > 0) {
            to = fill(to, from->pad, begin * channels);
        }
        if (window->dilation_w == 1) {
            to = copy(to, row, (end - begin) * channels);
        } else {
            for (int32_t x = begin; x < end; x++) {
                to = copy(to, row, channels);
                row += step;
            }
        }
        if (end < width) {
            to = fill(to, from->pad, (width - end) * channels);
        }
    }
}

void patchc_conv2d_dsp(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                       int8_t *scratch, const patchc_conv_dsp_params *params)
{
    const patchc_window *window = &params->window;
    int32_t taps = window->kernel_h * window->kernel_w * in->channels;
    int32_t left = out->rows * out->cols, row = 0, col = 0;
    int32_t most = left < params->pixels ? left : params->pixels;
    int8_t *to = patchc_out_row(out, 0);
    origin from = {in, window, params->pad_value, {0, 0, 0}, {0, 0, 0}, 0};
    patchc_pass pass;

    PATCHC_MACS(left, out->channels * taps);
    pass.params = params;
    pass.start[0] = pass.start[1] = pass.start[2] = 0;
    pass.out[0] = pass.out[1] = pass.out[2] = NULL;
    pass.c_out = out->channels;
    pass.fours = (taps + 3) / 4;
    pass.wide = (uint32_t *)(void *)scratch;
    if (in->channels % 4 != 0) {
        from.stage = scratch + 8 * most * pass.fours;
        fill(from.stage + taps, 0, 4 * pass.fours - taps);
    }
    from.rows = patchc_clip(-pads->top, window->kernel_h, window->dilation_h, in->rows);
    while (left > 0) {
        int32_t pixels = left < most ? left : most;

        for (int32_t j = 0; j < pixels; j++) {
            int32_t sum = 0;

            from.cols = patchc_clip(col * window->stride_w - pads->left, window->kernel_w,
                                    window->dilation_w, in->cols);
            if (from.stage != NULL) {
                stage_taps(&from);
                patchc_widen(pass.wide + j, from.stage, pass.fours, pixels, &sum);
            } else {
                sum = widen_taps(pass.wide + j, &from, pixels);
            }
            pass.start[j] = -128 * sum;
            pass.out[j] = to;
            to += out->channels;
            if (++col == out->cols && ++row < out->rows) {
                col = 0;
                to = patchc_out_row(out, row);
                from.rows = patchc_clip(row * window->stride_h - pads->top, window->kernel_h,
                                        window->dilation_h, in->rows);
            }
        }
        patchc_product(&pass, pixels);
        left -= pixels;
    }
}
