/* Convolution with one input channel per output channel: four channels of a pixel at a time, taps
 * in pairs.
 *
 * Two taps of four channels are two words, from which one word of the two taps of channels 0 and 1
 * and one of channels 2 and 3 are put together. Their weights lie in the same order, so that the
 * even bytes of both are the two taps of one channel, and the odd bytes those of the next. */
#include "patchc_dsp_store.h"

/* The pixel's window: channel c of the first tap of row y is `start` + c + offsets[y] bytes behind
 * `base`, other taps are `step` bytes apart. */
typedef struct {
    const patchc_conv_dsp_params *params;
    int8_t *out;
    const int8_t *base; /* the view, or a block that was put together */
    const int32_t *offsets;
    int32_t start, step;
    int32_t kernel_h, kernel_w;
} place;

/* sum[k] += two taps of channel k */
PATCHC_INLINE void add_pair(int32_t sum[4], uint32_t first, uint32_t second, const int8_t *weights)
{
    uint32_t w = patchc_load(weights), v = patchc_load(weights + 4);
    uint32_t low = patchc_pkhbt(first, second), high = patchc_pkhtb(second, first);

    sum[0] = patchc_smlad(patchc_sxtb16(low), patchc_sxtb16(w), sum[0]);
    sum[1] = patchc_smlad(patchc_sxtb16_odd(low), patchc_sxtb16_odd(w), sum[1]);
    sum[2] = patchc_smlad(patchc_sxtb16(high), patchc_sxtb16(v), sum[2]);
    sum[3] = patchc_smlad(patchc_sxtb16_odd(high), patchc_sxtb16_odd(v), sum[3]);
}

PATCHC_INLINE void add_one(int32_t sum[4], uint32_t tap, const int8_t *weights)
{
    uint32_t w = patchc_load(weights);
    uint32_t even = patchc_sxtb16(tap), odd = patchc_sxtb16_odd(tap);
    uint32_t even_w = patchc_sxtb16(w), odd_w = patchc_sxtb16_odd(w);

    sum[0] = patchc_smlabb(even, even_w, sum[0]);
    sum[1] = patchc_smlabb(odd, odd_w, sum[1]);
    sum[2] = patchc_smlatt(even, even_w, sum[2]);
    sum[3] = patchc_smlatt(odd, odd_w, sum[3]);
}

/* `count` pairs of taps, `step` bytes apart; the end of their weights. */
PATCHC_INLINE const int8_t *add_pairs(int32_t sum[4], const int8_t *first, const int8_t *second,
                                      int32_t step, int32_t count, int32_t constant,
                                      const int8_t *weights)
{
    if (constant) {
        PATCHC_UNROLL
        for (int32_t x = 0; x < count; x++) {
            add_pair(sum, patchc_load(first), patchc_load(second), weights + 8 * x);
            first += step;
            second += step;
        }
        return weights + 8 * count;
    }
    for (int32_t x = 0; x < count; x++) {
        add_pair(sum, patchc_load(first), patchc_load(second), weights);
        first += step;
        second += step;
        weights += 8;
    }
    return weights;
}

/* All taps of four channels, of which `base` is the first one's; the end of their weights. Where
 * the width is `constant`, loops over columns are unrolled. */
PATCHC_INLINE const int8_t *add_window(int32_t sum[4], const place *at, const int8_t *base,
                                       const int8_t *weights, int32_t kernel_h, int32_t kernel_w,
                                       int32_t constant)
{
    const int32_t *offsets = at->offsets;
    int32_t step = at->step;

    for (int32_t y = 0; y < kernel_h / 2; y++) {
        weights = add_pairs(sum, base + offsets[0], base + offsets[1], step, kernel_w, constant,
                            weights);
        offsets += 2;
    }
    if (kernel_h % 2 != 0) {
        const int8_t *from = base + offsets[0];

        weights = add_pairs(sum, from, from + step, 2 * step, kernel_w / 2, constant, weights);
        if (kernel_w % 2 != 0) {
            add_one(sum, patchc_load(from + (kernel_w - 1) * step), weights);
            weights += 4;
        }
    }
    return weights;
}

/* Channels begin .. end - 1, whole fours, of a pixel. */
PATCHC_INLINE void compute_fours(const place *at, int32_t begin, int32_t end, int32_t kernel_h,
                                 int32_t kernel_w, int32_t constant)
{
    const patchc_conv_dsp_params *params = at->params;
    const int8_t *weights = params->weights + begin * kernel_h * kernel_w;
    const int8_t *base = at->base + (at->start + begin);
    int32_t lines = params->rare == 0;

    for (int32_t c = begin; c < end; c += 4) {
        const patchc_form *form = params->form + c;
        int8_t *out = at->out + c;
        int32_t sum[4] = {0, 0, 0, 0};

        weights = add_window(sum, at, base, weights, kernel_h, kernel_w, constant);
        base += 4;
        if (lines) {
            const patchc_form f0 = form[0], f1 = form[1], f2 = form[2], f3 = form[3];

            out[0] = patchc_by_line(sum[0], f0);
            out[1] = patchc_by_line(sum[1], f1);
            out[2] = patchc_by_line(sum[2], f2);
            out[3] = patchc_by_line(sum[3], f3);
        } else {
            const int32_t copy[4] = {sum[0], sum[1], sum[2], sum[3]};

            for (int32_t k = 0; k < 4; k++) {
                out[k] = patchc_any(copy[k], c + k, params);
            }
        }
    }
}

PATCHC_APART static void compute_3x3(const place *at, int32_t begin, int32_t end)
{
    compute_fours(at, begin, end, 3, 3, 1);
}

PATCHC_APART static void compute_5(const place *at, int32_t begin, int32_t end)
{
    compute_fours(at, begin, end, at->kernel_h, 5, 1);
}

PATCHC_APART static void compute_7(const place *at, int32_t begin, int32_t end)
{
    compute_fours(at, begin, end, at->kernel_h, 7, 1);
}

PATCHC_APART static void compute_any(const place *at, int32_t begin, int32_t end)
{
    compute_fours(at, begin, end, at->kernel_h, at->kernel_w, 0);
}

PATCHC_INLINE void compute(const place *at, int32_t begin, int32_t end)
{
    if (at->kernel_h == 3 && at->kernel_w == 3) {
        compute_3x3(at, begin, end);
    } else if (at->kernel_w == 5) {
        compute_5(at, begin, end);
    } else if (at->kernel_w == 7) {
        compute_7(at, begin, end);
    } else {
        compute_any(at, begin, end);
    }
}

/* The last 1 to 3 channels. */
PATCHC_APART static void compute_last(const place *at, int32_t first, int32_t count)
{
    const patchc_conv_dsp_params *params = at->params;
    int32_t sum[4] = {0, 0, 0, 0};

    add_window(sum, at, at->base + (at->start + first),
               params->weights + first * at->kernel_h * at->kernel_w,
               at->kernel_h, at->kernel_w, 0);
    for (int32_t k = 0; k < count; k++) {
        at->out[first + k] = patchc_any(sum[k], first + k, params);
    }
}

/* `count` channels, 1 to 4, of the taps inside the view, into `block` [kernel_h][kernel_w][4]. */
static void gather(int8_t *block, const place *at, int32_t first, int32_t count,
                   const patchc_taps *rows, const patchc_taps *cols)
{
    for (int32_t y = rows->begin; y < rows->end; y++) {
        const int8_t *from = at->base
                             + (at->start + at->offsets[y] + cols->begin * at->step + first);
        int8_t *to = block + 4 * (y * at->kernel_w + cols->begin);

        for (int32_t x = cols->begin; x < cols->end; x++) {
            patchc_save(to, count == 4 ? patchc_load(from) : patchc_load_some(from, count));
            from += at->step;
            to += 4;
        }
    }
}

void patchc_conv2d_depthwise_dsp(const patchc_out *out, const patchc_in *in,
                                 const patchc_pads *pads, int8_t *scratch,
                                 const patchc_conv_dsp_params *params)
{
    const patchc_window *window = &params->window;
    int32_t kernel_h = window->kernel_h, kernel_w = window->kernel_w, channels = in->channels;
    int32_t whole = channels / 4 * 4;
    int32_t *offsets = (int32_t *)(void *)scratch, *of_block = offsets + kernel_h;
    int8_t *block = scratch + 8 * kernel_h;
    place at = {params, 0, in->data, offsets, 0, 0, kernel_h, kernel_w};
    place apart = {params, 0, block, of_block, 0, 4, kernel_h, kernel_w};

    PATCHC_MACS(out->rows * out->cols, channels * kernel_h * kernel_w);
    at.step = window->dilation_w * channels;
    for (int32_t y = 0; y < kernel_h; y++) {
        of_block[y] = 4 * kernel_w * y;
    }
    for (int32_t i = 0; i < out->rows; i++) {
        patchc_taps rows = patchc_clip(i * window->stride_h - pads->top, kernel_h,
                                       window->dilation_h, in->rows);
        int8_t *pixel = patchc_out_row(out, i);

        for (int32_t y = rows.begin; y < rows.end; y++) {
            offsets[y] = (int32_t)(patchc_in_row(in, rows.first + y * window->dilation_h)
                                   - in->data);
        }
        for (int32_t j = 0; j < out->cols; j++) {
            int32_t first = j * window->stride_w - pads->left;
            int32_t inside = rows.begin == 0 && rows.end == kernel_h && first >= 0
                             && first + (kernel_w - 1) * window->dilation_w < in->cols;

            at.out = apart.out = pixel;
            at.start = first * channels;
            if (inside && whole > 0) {
                compute(&at, 0, whole);
            }
            if (!inside || whole < channels) {
                patchc_taps cols = patchc_clip(first, kernel_w, window->dilation_w, in->cols);
                uint32_t padding = 0x01010101u * (uint8_t)params->pad_value;

                for (int32_t k = 0; k < kernel_h * kernel_w; k++) {
                    patchc_save(block + 4 * k, padding);
                }
                for (int32_t c = inside ? whole : 0; c < whole; c += 4) {
                    gather(block, &at, c, 4, &rows, &cols);
                    apart.start = -c;
                    compute(&apart, c, c + 4);
                }
                if (whole < channels) {
                    gather(block, &at, whole, channels - whole, &rows, &cols);
                    apart.start = -whole;
                    compute_last(&apart, whole, channels - whole);
                }
            }
            patchc_confine(pixel, channels, params);
            pixel += channels;
        }
    }
}
