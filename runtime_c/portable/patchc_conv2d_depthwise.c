/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Convolution with one input channel per output channel, any channel multiplier. */
#include "patchc_dot.h"

/* What the channels of one output pixel share. */
typedef struct {
    const patchc_in *in;
    const patchc_window *window;
    patchc_taps rows, cols; /* in the view */
    int32_t offset;         /* bytes from the view's first column to the first tap in it */
    int32_t step;           /* bytes from one tap to the next */
    int32_t skip;           /* bytes from behind the last tap of a row to the first of the next row */
    int32_t unbroken;       /* rows of the window before the ring begins anew */
    int32_t pad;            /* what taps outside of the view read */
} position;

/* A tap of four channels. */
#define TAP(x0, x1, x2, x3)                                                                        \
    do {                                                                                           \
        s0 += (int32_t)(x0) * weights[0];                                                          \
        s1 += (int32_t)(x1) * weights[1];                                                          \
        s2 += (int32_t)(x2) * weights[2];                                                          \
        s3 += (int32_t)(x3) * weights[3];                                                          \
        weights += 4;                                                                              \
    } while (0)

/* Channels in fours, all taps in the view; those that are left over. */
static PATCHC_APART int32_t compute_whole(int8_t *out, int32_t c_out, const position *at,
                                          const patchc_conv_params *params)
{
    const patchc_in *view = at->in;
    const int8_t *from = patchc_in_row(view, at->rows.first) + at->offset;
    const int8_t *weights = params->weights;
    int32_t height = at->window->kernel_h, width = at->window->kernel_w, step = at->step, c = 0;

    for (; c + 4 <= c_out; c += 4) {
        int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, sum[4];
        const int8_t *in = from;

        for (int32_t y = 1; y <= height; y++) {
            if (width == 3) {
                TAP(in[0], in[1], in[2], in[3]);
                in += step;
                TAP(in[0], in[1], in[2], in[3]);
                in += step;
                TAP(in[0], in[1], in[2], in[3]);
                in += step;
            } else {
                for (int32_t x = width; x > 0; x--) {
                    TAP(in[0], in[1], in[2], in[3]);
                    in += step;
                }
            }
            in += at->skip;
            if (y == at->unbroken) {
                in -= view->slots * view->pitch;
            }
        }
        patchc_set_4(sum, s0, s1, s2, s3);
        patchc_store_4(out, sum, c, params);
        from += 4;
    }
    return c;
}

/* The row of taps y, from input `channel` on; null: none of them is in the view. */
static inline const int8_t *taps_of(const position *at, int32_t y, int32_t channel)
{
    if (y < at->rows.begin || y >= at->rows.end || at->cols.begin >= at->cols.end) {
        return 0;
    }
    return patchc_in_row(at->in, at->rows.first + y * at->window->dilation_h) + at->offset
           + channel;
}

/* Channels c .. c + 3 at a border. The zero point is taken off the input of every tap by the offset,
 * so that a tap outside of the view counts as one. */
static PATCHC_APART void add_partly(int32_t sum[4], int32_t c, const int8_t *weights,
                                    const position *at)
{
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, pad = at->pad, step = at->step;
    int32_t width = 4 * at->window->kernel_w;

    for (int32_t y = 0; y < at->window->kernel_h; y++) {
        const int8_t *in = taps_of(at, y, c), *row = weights + width;

        if (in != 0) {
            const int8_t *begin = weights + 4 * at->cols.begin;
            const int8_t *end = weights + 4 * at->cols.end;

            while (weights != begin) {
                TAP(pad, pad, pad, pad);
            }
            while (weights != end) {
                TAP(in[0], in[1], in[2], in[3]);
                in += step;
            }
        }
        while (weights != row) {
            TAP(pad, pad, pad, pad);
        }
    }
    patchc_set_4(sum, s0, s1, s2, s3);
}

/* One channel anywhere; its weights are `apart` bytes from tap to tap. */
static PATCHC_APART int32_t sum_of(int32_t channel, const int8_t *weights, int32_t apart,
                                   const position *at)
{
    int32_t sum = 0;

    for (int32_t y = 0; y < at->window->kernel_h; y++) {
        const int8_t *in = taps_of(at, y, channel);

        for (int32_t x = 0; x < at->window->kernel_w; x++) {
            if (in != 0 && x >= at->cols.begin && x < at->cols.end) {
                sum += (int32_t)*in * *weights;
                in += at->step;
            } else {
                sum += at->pad * *weights;
            }
            weights += apart;
        }
    }
    return sum;
}

static void compute_pixel(int8_t *out, int32_t c_out, int32_t multiplier, const position *at,
                          const patchc_conv_params *params)
{
    const patchc_window *window = &params->window;
    int32_t taps = window->kernel_h * window->kernel_w;
    int32_t c = 0, copies = 0; /* copies: output channels of one input channel done so far */
    int32_t sum[4];

    if (multiplier == 1) {
        if (at->rows.begin == 0 && at->rows.end == window->kernel_h && at->cols.begin == 0
            && at->cols.end == window->kernel_w) {
            c = compute_whole(out, c_out, at, params);
        }
        for (; c + 4 <= c_out; c += 4) {
            add_partly(sum, c, params->weights + c * taps, at);
            patchc_store_4(out, sum, c, params);
        }
    }
    for (int32_t channel = c; c < c_out; c++) {
        int32_t four = c / 4 * 4, in_four = four + 4 <= c_out;
        const int8_t *weights = params->weights + four * taps;

        weights += in_four ? c - four : (c - four) * taps;
        sum[0] = sum_of(channel, weights, in_four ? 4 : 1, at);
        patchc_store(out, sum, 1, c, params);
        if (++copies == multiplier) {
            copies = 0;
            channel++;
        }
    }
    patchc_limit(out, c_out, params);
}

/* Rows of a window that begins in row `first` of the view before the ring begins anew. */
static int32_t unbroken_of(const patchc_in *in, int32_t first, int32_t dilation)
{
    int32_t slot = in->slot + first, count = 0;

    slot = slot >= in->slots ? slot - in->slots : slot;
    for (; slot < in->slots; slot += dilation) {
        count++;
    }
    return count;
}

void patchc_conv2d_depthwise(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                             const patchc_conv_params *params)
{
    const patchc_window *window = &params->window;
    int32_t multiplier = out->channels / in->channels;
    position at;

    at.in = in;
    at.window = window;
    at.step = window->dilation_w * in->channels;
    at.skip = window->dilation_h * in->pitch - window->kernel_w * at.step;
    at.pad = params->pad_value;
    PATCHC_MACS(out->rows * out->cols, out->channels * window->kernel_h * window->kernel_w);
    for (int32_t i = 0; i < out->rows; i++) {
        int8_t *pixel = patchc_out_row(out, i);

        at.rows = patchc_clip(i * window->stride_h - pads->top, window->kernel_h,
                              window->dilation_h, in->rows);
        at.unbroken = unbroken_of(in, at.rows.first, window->dilation_h);
        for (int32_t j = 0; j < out->cols; j++) {
            at.cols = patchc_clip(j * window->stride_w - pads->left, window->kernel_w,
                                  window->dilation_w, in->cols);
            at.offset = (at.cols.first + at.cols.begin * window->dilation_w) * in->channels;
            compute_pixel(pixel, out->channels, multiplier, &at, params);
            pixel += out->channels;
        }
    }
}
