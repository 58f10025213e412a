/* Convolution with one input channel per output channel, 3x3, 5x5 or 7x7: two neighbouring pixels
 * and two channels at a time.
 *
 * A column of a row is two bytes, those of channels 0 and 1; two columns make a word, the even
 * bytes of which are a pair of inputs of channel 0, the odd ones of channel 1. So with weights. Of
 * a row's taps the pairs are 0 and 2, then 1 and 3, then 4 and 6, as far as there are; one is
 * single: 1, 4 or 5. What the pixel on the right pairs is then often what the left one pairs, too.
 */
#include "patchc_dsp_store.h"

#define MOST_ROWS 7
#define BLOCK 8 /* channels that are put together where a window reaches beyond the view */

/* Two pixels' windows, or one's: then `stride` is 0, and both pixels are the same. */
typedef struct {
    const patchc_conv_dsp_params *params;
    int8_t *left, *right;          /* their outputs */
    const int8_t *rows[MOST_ROWS]; /* first column, first channel */
    int32_t steps[MOST_ROWS];      /* bytes from a column to the next */
    int32_t stride;
} place;

/* Tap of a row that is the first of pair `index`, and the one that is single. */
#define FIRST_OF(index) ((index) == 2 ? 4 : (index))
#define SINGLE_OF(width) ((width) == 3 ? 1 : (width) == 5 ? 4 : 5)

/* A column of a row, and two of them that are a pair. */
PATCHC_INLINE uint32_t one(const int8_t *row, int32_t step, int32_t column)
{
    return patchc_load_half(row + column * step);
}

PATCHC_INLINE uint32_t two(const int8_t *row, int32_t step, int32_t first)
{
    return patchc_pkhbt(one(row, step, first), one(row, step, first + 2));
}

/* sum[pixel][channel] += a row's taps. `width` and `stride` are constants, which leave of all this
 * one instruction or two per pair. */
PATCHC_INLINE void add_row(int32_t sum[4], const int8_t *row, int32_t step, const int8_t *pairs,
                           const int8_t *single, int32_t width, int32_t stride)
{
    int32_t alone = SINGLE_OF(width);
    uint32_t a, b, w, v;

    PATCHC_UNROLL
    for (int32_t i = 0; i < width / 2; i++) {
        uint32_t word = patchc_load(pairs + 4 * i);

        a = two(row, step, FIRST_OF(i));
        b = two(row, step, FIRST_OF(i) + stride);
        sum[0] = patchc_smlad(patchc_sxtb16(a), patchc_sxtb16(word), sum[0]);
        sum[1] = patchc_smlad(patchc_sxtb16_odd(a), patchc_sxtb16_odd(word), sum[1]);
        sum[2] = patchc_smlad(patchc_sxtb16(b), patchc_sxtb16(word), sum[2]);
        sum[3] = patchc_smlad(patchc_sxtb16_odd(b), patchc_sxtb16_odd(word), sum[3]);
    }
    w = (uint32_t)(int32_t)single[0];
    v = (uint32_t)(int32_t)single[1];
    if (width == 5 && stride > 0) { /* columns 4 and 4 + stride */
        a = two(row, step, 2);
        b = one(row, step, 4 + stride);
        sum[0] = patchc_smlatb(patchc_sxtb16(a), w, sum[0]);
        sum[1] = patchc_smlatb(patchc_sxtb16_odd(a), v, sum[1]);
        sum[2] = patchc_smlabb(patchc_sxtb16(b), w, sum[2]);
        sum[3] = patchc_smlabb(patchc_sxtb16_odd(b), v, sum[3]);
    } else if (stride == 1) { /* columns 1 and 2, or 5 and 6 */
        a = two(row, step, alone);
        b = two(row, step, alone - 1);
        sum[0] = patchc_smlabb(patchc_sxtb16(a), w, sum[0]);
        sum[1] = patchc_smlabb(patchc_sxtb16_odd(a), v, sum[1]);
        sum[2] = patchc_smlatb(patchc_sxtb16(b), w, sum[2]);
        sum[3] = patchc_smlatb(patchc_sxtb16_odd(b), v, sum[3]);
    } else if (stride == 0) {
        a = one(row, step, alone);
        sum[0] = patchc_smlabb(patchc_sxtb16(a), w, sum[0]);
        sum[1] = patchc_smlabb(patchc_sxtb16_odd(a), v, sum[1]);
        sum[2] = sum[0];
        sum[3] = sum[1];
    } else { /* columns 1 and 3, or 5 and 7 */
        a = two(row, step, alone);
        sum[0] = patchc_smlabb(patchc_sxtb16(a), w, sum[0]);
        sum[1] = patchc_smlabb(patchc_sxtb16_odd(a), v, sum[1]);
        sum[2] = patchc_smlatb(patchc_sxtb16(a), w, sum[2]);
        sum[3] = patchc_smlatb(patchc_sxtb16_odd(a), v, sum[3]);
    }
}

/* Bytes of the weights of two channels. */
PATCHC_INLINE int32_t block_bytes(int32_t side)
{
    return (2 * side * side + 3) / 4 * 4;
}

/* Channels begin .. begin + count - 1, an even number, whose inputs the rows begin with. */
PATCHC_INLINE void compute_pairs(const place *at, int32_t begin, int32_t count, int32_t side,
                                 int32_t stride)
{
    const patchc_conv_dsp_params *params = at->params;
    const patchc_form *form = params->form + begin;
    const int8_t *weights = params->weights + begin / 2 * block_bytes(side);
    int32_t pairs = side / 2 * 4;
    int32_t lines = params->rare == 0;

    for (int32_t c = 0; c < count; c += 2) {
        const int8_t *single = weights + side * pairs;
        int8_t *left = at->left + begin + c, *right = at->right + begin + c;
        int32_t sum[4] = {0, 0, 0, 0};

        if (side == 3) {
            add_row(sum, at->rows[0] + c, at->steps[0], weights, single, 3, stride);
            add_row(sum, at->rows[1] + c, at->steps[1], weights + 4, single + 2, 3, stride);
            add_row(sum, at->rows[2] + c, at->steps[2], weights + 8, single + 4, 3, stride);
        } else {
            for (int32_t y = 0; y < side; y++) {
                add_row(sum, at->rows[y] + c, at->steps[y], weights + y * pairs, single + 2 * y,
                        side, stride);
            }
        }
        if (lines) {
            const patchc_form f = form[c], g = form[c + 1];

            left[0] = patchc_by_line(sum[0], f);
            right[0] = patchc_by_line(sum[2], f);
            left[1] = patchc_by_line(sum[1], g);
            right[1] = patchc_by_line(sum[3], g);
        } else {
            const int32_t copy[4] = {sum[0], sum[1], sum[2], sum[3]};

            for (int32_t k = 0; k < 2; k++) {
                left[k] = patchc_by_form(copy[k], begin + c + k, params);
                right[k] = patchc_by_form(copy[2 + k], begin + c + k, params);
            }
        }
        weights += block_bytes(side);
    }
}

#define COMPUTE(SIDE, STRIDE)                                                                      \
    PATCHC_APART static void compute_##SIDE##_##STRIDE(const place *at, int32_t begin,             \
                                                       int32_t count)                              \
    {                                                                                              \
        compute_pairs(at, begin, count, SIDE, STRIDE);                                             \
    }

COMPUTE(3, 0)
COMPUTE(3, 1)
COMPUTE(3, 2)
COMPUTE(5, 0)
COMPUTE(5, 1)
COMPUTE(5, 2)
COMPUTE(7, 0)
COMPUTE(7, 1)
COMPUTE(7, 2)

static void compute(const place *at, int32_t begin, int32_t count)
{
    int32_t side = at->params->window.kernel_w;

    if (at->stride == 0) {
        if (side == 3) {
            compute_3_0(at, begin, count);
        } else if (side == 5) {
            compute_5_0(at, begin, count);
        } else {
            compute_7_0(at, begin, count);
        }
    } else if (at->stride == 1) {
        if (side == 3) {
            compute_3_1(at, begin, count);
        } else if (side == 5) {
            compute_5_1(at, begin, count);
        } else {
            compute_7_1(at, begin, count);
        }
    } else if (side == 3) {
        compute_3_2(at, begin, count);
    } else if (side == 5) {
        compute_5_2(at, begin, count);
    } else {
        compute_7_2(at, begin, count);
    }
}

PATCHC_INLINE void copy(int8_t *to, const int8_t *from, int32_t count)
{
    for (; count >= 4; count -= 4) {
        patchc_save(to, patchc_load(from));
        to += 4;
        from += 4;
    }
    while (count-- > 0) {
        *to++ = *from++;
    }
}

/* What the windows of a row of output pixels share. */
typedef struct {
    const patchc_in *in;
    const patchc_conv_dsp_params *params;
    int8_t *right; /* scratch: the right pixel */
    int8_t *block; /* scratch: [side][side + stride][BLOCK] */
    const int8_t *rows[MOST_ROWS]; /* of the view; or padding */
    int32_t steps[MOST_ROWS];
} band;

PATCHC_APART static void fill(int8_t *to, int32_t value, int32_t count)
{
    while (count-- > 0) {
        *to++ = (int8_t)value;
    }
}

/* Puts `count` channels of the columns inside the view into the block. */
static void gather(const band *of, const patchc_taps *cols, int32_t width, int32_t channel,
                   int32_t count)
{
    int32_t side = of->params->window.kernel_w;

    for (int32_t y = 0; y < side; y++) {
        int32_t step = of->steps[y];
        const int8_t *from = of->rows[y] + (cols->first + cols->begin) * step + channel;
        int8_t *to = of->block + (y * width + cols->begin) * BLOCK;

        for (int32_t x = cols->begin; x < cols->end; x++) {
            if (count == BLOCK) {
                uint32_t low = patchc_load(from), high = patchc_load(from + 4);

                patchc_save(to, low);
                patchc_save(to + 4, high);
            } else {
                copy(to, from, count);
            }
            from += step;
            to += BLOCK;
        }
    }
}

/* An even number of channels of windows that reach beyond the view, `width` columns. */
PATCHC_APART static void compute_border(const band *of, place *at, int32_t first, int32_t width,
                                        int32_t channels)
{
    int32_t side = of->params->window.kernel_w;
    patchc_taps cols = patchc_clip(first, width, 1, of->in->cols);

    fill(of->block, of->params->pad_value, side * width * BLOCK);
    for (int32_t y = 0; y < side; y++) {
        at->rows[y] = of->block + y * width * BLOCK;
        at->steps[y] = BLOCK;
    }
    for (int32_t c = 0; c < channels; c += BLOCK) {
        int32_t count = channels - c < BLOCK ? channels - c : BLOCK;

        gather(of, &cols, width, c, count);
        compute(at, c, count);
    }
}

/* The last channel of an odd number, of one pixel whose first column is `first`. */
PATCHC_APART static int8_t compute_last(const band *of, int32_t first)
{
    const patchc_conv_dsp_params *params = of->params;
    int32_t side = params->window.kernel_w, channel = of->in->channels - 1, sum = 0;
    const int8_t *weights = params->weights + channel / 2 * block_bytes(side);

    for (int32_t y = 0; y < side; y++) {
        for (int32_t x = 0; x < side; x++) {
            int32_t column = first + x, input = params->pad_value, at;

            if (x == SINGLE_OF(side)) {
                at = side * (side / 2 * 4) + 2 * y;
            } else {
                at = y * (side / 2 * 4) + (x < 4 ? x % 2 * 4 + x / 2 * 2 : 8 + (x - 4));
            }
            if (column >= 0 && column < of->in->cols) {
                input = of->rows[y][column * of->steps[y] + channel];
            }
            sum += input * weights[at];
        }
    }
    return patchc_by_form(sum, channel, params);
}

/* One pixel or two, the first of which has a window that begins at column `first`. */
static void compute_pixels(const band *of, int8_t *out, int32_t first, int32_t pixels)
{
    int32_t side = of->params->window.kernel_w, channels = of->in->channels;
    int32_t even = channels / 2 * 2;
    place at;

    at.params = of->params;
    at.left = out;
    at.right = of->right;
    at.stride = pixels > 1 ? of->params->window.stride_w : 0;
    if (first >= 0 && first + side + at.stride <= of->in->cols) {
        for (int32_t y = 0; y < side; y++) {
            at.rows[y] = of->rows[y] + first * of->steps[y];
            at.steps[y] = of->steps[y];
        }
        compute(&at, 0, even);
    } else {
        compute_border(of, &at, first, side + at.stride, even);
    }
    if (even < channels) {
        out[even] = compute_last(of, first);
        if (pixels > 1) {
            of->right[even] = compute_last(of, first + at.stride);
        }
    }
    if (pixels > 1) {
        copy(out + channels, of->right, channels);
    }
    patchc_confine(out, pixels * channels, of->params);
}

void patchc_conv2d_depthwise_dsp(const patchc_out *out, const patchc_in *in,
                                 const patchc_pads *pads, int8_t *scratch,
                                 const patchc_conv_dsp_params *params)
{
    const patchc_window *window = &params->window;
    int32_t side = window->kernel_w, channels = in->channels, room = (channels + 3) / 4 * 4;
    int8_t *padding = scratch + room;
    band of;

    PATCHC_MACS(out->rows * out->cols, channels * side * side);
    of.in = in;
    of.params = params;
    of.right = scratch;
    of.block = padding + room;
    fill(padding, params->pad_value, channels);
    for (int32_t i = 0; i < out->rows; i++) {
        int32_t top = i * window->stride_h - pads->top;
        int8_t *pixel = patchc_out_row(out, i);

        for (int32_t y = 0; y < side; y++) {
            int32_t inside = top + y >= 0 && top + y < in->rows;

            of.rows[y] = inside ? patchc_in_row(in, top + y) : padding;
            of.steps[y] = inside ? channels : 0;
        }
        for (int32_t j = 0; j < out->cols; j += 2) {
            int32_t pixels = out->cols - j < 2 ? 1 : 2;

            compute_pixels(&of, pixel, j * window->stride_w - pads->left, pixels);
            pixel += 2 * channels;
        }
    }
}
