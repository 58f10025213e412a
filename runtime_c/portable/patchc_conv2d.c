/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Convolution with any window, stride, dilation and number of groups. */
#include "patchc_dot.h"

/* Neighbouring output pixels of a row that have the same taps in the view. */
typedef struct {
    const patchc_in *in;
    const patchc_conv_params *params;
    patchc_taps rows, cols; /* in the view, of the first pixel */
    int32_t count;          /* of the pixels */
    int32_t next;           /* bytes from the inputs of a pixel to those of the next one */
    int32_t depth;          /* input channels of a group */
    int32_t offset;         /* bytes from the view's first column to the first tap in it */
    int32_t row;            /* weights of a row of the window, of one channel */
    int32_t runs, run;      /* taps of a row in the view: so many runs of so many bytes */
    int32_t step;           /* bytes from one run to the next */
    int padded;
} position;

/* Without groups and dilation the taps of a row are one run. */
static PATCHC_APART void set_cols(position *at, patchc_taps cols)
{
    const patchc_window *window = &at->params->window;
    int32_t channels = at->in->channels;

    at->cols = cols;
    at->offset = (cols.first + cols.begin * window->dilation_w) * channels;
    at->row = window->kernel_w * at->depth;
    at->runs = cols.end - cols.begin;
    at->run = at->depth;
    at->step = window->dilation_w * channels;
    if (at->step == at->depth) {
        at->run = at->depth * at->runs;
        at->runs = 1;
    }
    at->padded = at->params->pad_value != 0
                 && (at->rows.begin > 0 || at->rows.end < window->kernel_h || cols.begin > 0
                     || cols.end < window->kernel_w);
}

/* The taps in the view of row y of the window. */
static inline const int8_t *inputs_of(const position *at, int32_t y)
{
    return patchc_in_row(at->in, at->rows.first + y * at->params->window.dilation_h) + at->offset;
}

/* The sums of `count` weights of each of `lanes` channels, 1 or 4. */
static void add_weights(int32_t *sum, int32_t lanes, const int8_t *weights, int32_t count)
{
    const int8_t *end = weights + count * lanes;

    if (lanes == 4) {
        int32_t s0 = sum[0], s1 = sum[1], s2 = sum[2], s3 = sum[3];

        for (; weights != end; weights += 4) {
            s0 += weights[0];
            s1 += weights[1];
            s2 += weights[2];
            s3 += weights[3];
        }
        patchc_set_4(sum, s0, s1, s2, s3);
    } else {
        while (weights != end) {
            *sum += *weights++;
        }
    }
}

/* The taps outside. The zero point is taken off the input of every tap by the offset, so that a
 * padded tap must add the zero point times its weights. */
static void add_padding(int32_t *sum, int32_t lanes, const int8_t *weights, const position *at)
{
    int32_t begin = at->cols.begin * at->depth, end = at->cols.end * at->depth;
    int32_t row = at->row;

    for (int32_t y = 0; y < at->params->window.kernel_h; y++) {
        if (y < at->rows.begin || y >= at->rows.end) {
            add_weights(sum, lanes, weights, row);
        } else {
            add_weights(sum, lanes, weights, begin);
            add_weights(sum, lanes, weights + end * lanes, row - end);
        }
        weights += row * lanes;
    }
    for (int32_t k = 0; k < lanes; k++) {
        sum[k] *= at->params->pad_value;
    }
}

/* Four channels of one pixel or two. */
static inline void add_inside_4(int32_t *sum, int32_t pixels, const int8_t *weights,
                                int32_t channel, const position *at)
{
    weights += 4 * (at->rows.begin * at->row + at->cols.begin * at->depth);
    for (int32_t y = at->rows.begin; y < at->rows.end; y++) {
        const int8_t *in = inputs_of(at, y) + channel, *w = weights;

        for (int32_t x = 0; x < at->runs; x++) {
            if (PATCHC_TWO_PIXELS(pixels)) {
                patchc_dot_4x2(sum, in, at->next, w, at->run);
            } else {
                patchc_dot_4(sum, in, w, at->run);
            }
            in += at->step;
            w += 4 * at->run;
        }
        weights += 4 * at->row;
    }
}

/* A channel of one pixel. */
static inline int32_t inside_1(const int8_t *weights, int32_t channel, const position *at)
{
    int32_t sum = 0;

    weights += at->rows.begin * at->row + at->cols.begin * at->depth;
    for (int32_t y = at->rows.begin; y < at->rows.end; y++) {
        const int8_t *in = inputs_of(at, y) + channel, *w = weights;

        for (int32_t x = 0; x < at->runs; x++) {
            sum += patchc_dot_1(in, w, at->run);
            in += at->step;
            w += at->run;
        }
        weights += at->row;
    }
    return sum;
}

/* Channels c .. c + 3. */
static void compute_4(int8_t *to, int32_t c, const int8_t *weights, int32_t channel,
                      const position *at, int32_t c_out)
{
    int32_t padding[4], pixels;

    patchc_set_4(padding, 0, 0, 0, 0);
    if (at->padded) {
        add_padding(padding, 4, weights, at);
    }
    for (int32_t j = 0; j < at->count; j += pixels) {
        int32_t sum[PATCHC_SUMS];

        pixels = at->count - j < PATCHC_DOT_PIXELS ? 1 : PATCHC_DOT_PIXELS;
        patchc_set_4(sum, padding[0], padding[1], padding[2], padding[3]);
        if (PATCHC_TWO_PIXELS(pixels)) {
            patchc_set_4(sum + 4, padding[0], padding[1], padding[2], padding[3]);
        }
        add_inside_4(sum, pixels, weights, channel, at);
        patchc_store_4(to, sum, c, at->params);
        if (PATCHC_TWO_PIXELS(pixels)) {
            patchc_store_4(to + c_out, sum + 4, c, at->params);
        }
        channel += pixels * at->next;
        to += pixels * c_out;
    }
}

/* Channel c. */
static void compute_1(int8_t *to, int32_t c, const int8_t *weights, int32_t channel,
                      const position *at, int32_t c_out)
{
    int32_t padding = 0;

    if (at->padded) {
        add_padding(&padding, 1, weights, at);
    }
    for (int32_t j = 0; j < at->count; j++) {
        int32_t sum = padding + inside_1(weights, channel, at);

        patchc_store(to, &sum, 1, c, at->params);
        channel += at->next;
        to += c_out;
    }
}

static PATCHC_APART void compute(int8_t *to, int32_t c_out, const position *at)
{
    const patchc_conv_params *params = at->params;
    const int8_t *weights = params->weights;
    int32_t taps = params->window.kernel_h * at->row;
    int32_t group = c_out / params->groups, c = 0, channel = 0;

    for (int32_t end = group; end <= c_out; end += group) {
        for (; c + 4 <= end; c += 4) {
            compute_4(to, c, weights, channel, at, c_out);
            weights += 4 * taps;
        }
        for (; c < end; c++) {
            compute_1(to, c, weights, channel, at, c_out);
            weights += taps;
        }
        channel += at->depth;
    }
    patchc_limit(to, at->count * c_out, params);
}

/* Does row i of the output lie apart from what it is computed of? If so, its pixels may be written
 * before all of it has been read. */
static int lies_apart(const patchc_out *out, int32_t i, const position *at)
{
    const patchc_in *in = at->in;

    for (int32_t y = at->rows.begin; y < at->rows.end; y++) {
        const int8_t *row = patchc_in_row(in, at->rows.first + y * at->params->window.dilation_h);

        if (!patchc_apart(patchc_out_row(out, i), out->cols * out->channels, row,
                          in->cols * in->channels)) {
            return 0;
        }
    }
    return 1;
}

/* Pixels from the one whose first tap is at column `first` on, at most `left`, whose windows lie in
 * the view; one where its own does not. */
static int32_t inside(const patchc_window *window, int32_t first, int32_t cols, int32_t left)
{
    int32_t room = cols - 1 - (window->kernel_w - 1) * window->dilation_w - first, count = 1;

    while (first >= 0 && count < left && count * window->stride_w <= room) {
        count++;
    }
    return count;
}

/* Windows of no more taps are copied, padding included: mostly those of the first layer. */
enum { COPIED_TAPS = 48 };

static int8_t *fill(int8_t *to, int32_t value, int32_t count)
{
    while (count-- > 0) {
        *to++ = (int8_t)value;
    }
    return to;
}

/* All taps of the first pixel. */
static PATCHC_APART void copy_taps(int8_t *to, const position *at)
{
    int32_t begin = at->cols.begin * at->depth, end = at->cols.end * at->depth;
    int32_t pad = at->params->pad_value;

    for (int32_t y = 0; y < at->params->window.kernel_h; y++) {
        if (y < at->rows.begin || y >= at->rows.end) {
            to = fill(to, pad, at->row);
        } else {
            const int8_t *in = inputs_of(at, y);

            to = fill(to, pad, begin);
            for (int32_t x = 0; x < at->runs; x++) {
                for (int32_t k = 0; k < at->run; k++) {
                    *to++ = in[k];
                }
                in += at->step;
            }
            to = fill(to, pad, at->row - end);
        }
    }
}

/* Row i of the output; its first tap is in row at->rows.first. */
static PATCHC_APART void start_row(position *at, const patchc_pads *pads, int32_t i)
{
    const patchc_window *window = &at->params->window;

    at->rows = patchc_clip(i * window->stride_h - pads->top, window->kernel_h, window->dilation_h,
                           at->in->rows);
}

static void start(position *at, const patchc_in *in, const patchc_conv_params *params)
{
    at->in = in;
    at->params = params;
    at->depth = in->channels / params->groups;
    at->next = params->window.stride_w * in->channels;
}

/* By windows that are copied. */
static PATCHC_APART void compute_copies(const patchc_out *out, const patchc_in *in,
                                        const patchc_pads *pads, const patchc_conv_params *params)
{
    const patchc_window *window = &params->window;
    int8_t copies[PATCHC_DOT_PIXELS * COPIED_TAPS];
    int32_t taps = window->kernel_h * window->kernel_w * in->channels, pixels;
    position at;

    start(&at, in, params);
    for (int32_t i = 0; i < out->rows; i++) {
        int8_t *pixel = patchc_out_row(out, i);
        int32_t first = -pads->left;

        start_row(&at, pads, i);
        for (int32_t j = 0; j < out->cols; j += pixels) {
            pixels = out->cols - j < PATCHC_DOT_PIXELS ? 1 : PATCHC_DOT_PIXELS;
            for (int32_t k = 0; k < pixels; k++) {
                set_cols(&at, patchc_clip(first, window->kernel_w, window->dilation_w, in->cols));
                copy_taps(copies + k * taps, &at);
                first += window->stride_w;
            }
            patchc_channels(pixel, copies, pixels, taps, out->channels, params);
            pixel += pixels * out->channels;
        }
    }
}

/* From the view itself. */
static PATCHC_APART void compute_all(const patchc_out *out, const patchc_in *in,
                                     const patchc_pads *pads, const patchc_conv_params *params)
{
    const patchc_window *window = &params->window;
    position at;

    start(&at, in, params);
    for (int32_t i = 0; i < out->rows; i++) {
        int8_t *pixel = patchc_out_row(out, i);
        int32_t first = -pads->left;
        int apart;

        start_row(&at, pads, i);
        apart = lies_apart(out, i, &at);
        for (int32_t j = 0; j < out->cols; j += at.count) {
            set_cols(&at, patchc_clip(first, window->kernel_w, window->dilation_w, in->cols));
            at.count = apart ? inside(window, first, in->cols, out->cols - j) : 1;
            compute(pixel, out->channels, &at);
            first += at.count * window->stride_w;
            pixel += at.count * out->channels;
        }
    }
}

void patchc_conv2d(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                   const patchc_conv_params *params)
{
    const patchc_window *window = &params->window;
    int32_t taps = window->kernel_h * window->kernel_w * (in->channels / params->groups);

    PATCHC_MACS(out->rows * out->cols, out->channels * taps);
    if (params->groups == 1 && taps <= COPIED_TAPS) {
        compute_copies(out, in, pads, params);
    } else {
        compute_all(out, in, pads, params);
    }
}
