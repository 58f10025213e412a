/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
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
            const int32_t sums[4] = {sum[0], sum[1], sum[2], sum[3]};

            for (int32_t k = 0; k < 2; k++) {
                left[k] = patchc_by_form(sums[k], begin + c + k, params);
                right[k] = patchc_by_form(sums[2 + k], begin + c + k, params);
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
COMPUTE(5, 0)
COMPUTE(5, 1)
COMPUTE(5, 2)
COMPUTE(7, 0)
COMPUTE(7, 1)
COMPUTE(7, 2)

#if PATCHC_ASSEMBLY

#if PATCHC_LIFT != 8 || PATCHC_DROP != 10
#error "the shifts of lines are in the assembly"
#endif

/* The rows of a 3x3 window, in r0 - r3 the sums of add_row. r10: channel, r11: weights. */
#define PRODUCT(SUM, A, B) "smuad  " SUM ", " A ", " B "\n\t"
#define ADDED(SUM, A, B) "smlad  " SUM ", " A ", " B ", " SUM "\n\t"

#define ROW_1(FIRST, ROW, PAIR, LOW, HIGH)                                                         \
    "ldrd   lr, r12, %[" ROW "]\n\t"                                                               \
    "add    lr, lr, r10\n\t"                                                                       \
    "ldrh   r4, [lr]\n\t"                                                                          \
    "ldrh   r5, [lr, r12, lsl #1]\n\t"                                                             \
    "add    lr, lr, r12\n\t"                                                                       \
    "ldrh   r6, [lr]\n\t"                                                                          \
    "ldrh   r7, [lr, r12, lsl #1]\n\t"                                                             \
    "pkhbt  r4, r4, r5, lsl #16\n\t"                                                               \
    "pkhbt  r6, r6, r7, lsl #16\n\t"                                                               \
    "sxtb16 r5, r4, ror #8\n\t"                                                                    \
    "sxtb16 r4, r4\n\t"                                                                            \
    "sxtb16 r7, r6, ror #8\n\t"                                                                    \
    "sxtb16 r6, r6\n\t"                                                                            \
    "ldr    r8, [r11, #" PAIR "]\n\t"                                                              \
    "sxtb16 r9, r8, ror #8\n\t"                                                                    \
    "sxtb16 r8, r8\n\t"                                                                            \
    FIRST("r0", "r4", "r8")                                                                        \
    FIRST("r1", "r5", "r9")                                                                        \
    FIRST("r2", "r6", "r8")                                                                        \
    FIRST("r3", "r7", "r9")                                                                        \
    "ldrsb  r8, [r11, #" LOW "]\n\t"                                                               \
    "ldrsb  r9, [r11, #" HIGH "]\n\t"                                                              \
    "smlabb r0, r6, r8, r0\n\t"                                                                    \
    "smlabb r1, r7, r9, r1\n\t"                                                                    \
    "smlatb r2, r4, r8, r2\n\t"                                                                    \
    "smlatb r3, r5, r9, r3\n\t"

#define ROW_2(FIRST, ROW, PAIR, LOW, HIGH)                                                         \
    "ldrd   lr, r12, %[" ROW "]\n\t"                                                               \
    "add    lr, lr, r10\n\t"                                                                       \
    "ldrh   r4, [lr]\n\t"                                                                          \
    "ldrh   r5, [lr, r12, lsl #1]\n\t"                                                             \
    "ldrh   r6, [lr, r12, lsl #2]\n\t"                                                             \
    "add    lr, lr, r12\n\t"                                                                       \
    "ldrh   r8, [lr]\n\t"                                                                          \
    "ldrh   r9, [lr, r12, lsl #1]\n\t"                                                             \
    "pkhbt  r4, r4, r5, lsl #16\n\t"                                                               \
    "pkhbt  r6, r5, r6, lsl #16\n\t"                                                               \
    "pkhbt  r8, r8, r9, lsl #16\n\t"                                                               \
    "sxtb16 r5, r4, ror #8\n\t"                                                                    \
    "sxtb16 r4, r4\n\t"                                                                            \
    "sxtb16 r7, r6, ror #8\n\t"                                                                    \
    "sxtb16 r6, r6\n\t"                                                                            \
    "sxtb16 r9, r8, ror #8\n\t"                                                                    \
    "sxtb16 r8, r8\n\t"                                                                            \
    "ldr    r12, [r11, #" PAIR "]\n\t"                                                             \
    "sxtb16 lr, r12, ror #8\n\t"                                                                   \
    "sxtb16 r12, r12\n\t"                                                                          \
    FIRST("r0", "r4", "r12")                                                                       \
    FIRST("r1", "r5", "lr")                                                                        \
    FIRST("r2", "r6", "r12")                                                                       \
    FIRST("r3", "r7", "lr")                                                                        \
    "ldrsb  r12, [r11, #" LOW "]\n\t"                                                              \
    "ldrsb  lr, [r11, #" HIGH "]\n\t"                                                              \
    "smlabb r0, r8, r12, r0\n\t"                                                                   \
    "smlabb r1, r9, lr, r1\n\t"                                                                    \
    "smlatb r2, r8, r12, r2\n\t"                                                                   \
    "smlatb r3, r9, lr, r3\n\t"

#define EPILOGUE                                                                                   \
    "ldr    r9, %[form]\n\t"                                                                       \
    "ldm    r9!, {r4, r5, r6, r7}\n\t"                        \
    "str    r9, %[form]\n\t"                                                                       \
    "add    r11, r11, #20\n\t"                                                                     \
    "orrs   r8, r4, r6\n\t"                                                                        \
    "bmi    2f\n\t"                                                                                \
    "add    r0, r5, r0, lsl #8\n\t"                                                                \
    "smmul  r0, r0, r4\n\t"                                                                        \
    "ssat   r0, #8, r0, asr #10\n\t"                                                               \
    "add    r1, r7, r1, lsl #8\n\t"                                                                \
    "smmul  r1, r1, r6\n\t"                                                                        \
    "ssat   r1, #8, r1, asr #10\n\t"                                                               \
    "add    r2, r5, r2, lsl #8\n\t"                                                                \
    "smmul  r2, r2, r4\n\t"                                                                        \
    "ssat   r2, #8, r2, asr #10\n\t"                                                               \
    "add    r3, r7, r3, lsl #8\n\t"                                                                \
    "smmul  r3, r3, r6\n\t"                                                                        \
    "ssat   r3, #8, r3, asr #10\n\t"                                                               \
    "ldr    r8, %[left]\n\t"                                                                       \
    "ldr    r9, %[right]\n\t"                                                                      \
    "strb   r0, [r8, r10]\n\t"                                                                     \
    "strb   r2, [r9, r10]\n\t"                                                                     \
    "add    r10, r10, #1\n\t"                                                                      \
    "strb   r1, [r8, r10]\n\t"                                                                     \
    "strb   r3, [r9, r10]\n\t"                                                                     \
    "add    r10, r10, #1\n\t"                                                                      \
    "ldr    r8, %[count]\n\t"                                                                      \
    "cmp    r10, r8\n\t"                                                                           \
    "bne    1b\n\t"                                                                                \
    "mov    r0, #0\n\t"                                                                            \
    "b      3f\n"                                                                                  \
    "2:\n\t"                                                                                       \
    "str    r0, %[sum0]\n\t"                                                                       \
    "str    r1, %[sum1]\n\t"                                                                       \
    "str    r2, %[sum2]\n\t"                                                                       \
    "str    r3, %[sum3]\n\t"                                                                       \
    "add    r10, r10, #2\n\t"                                                                      \
    "mov    r0, #1\n"                                                                              \
    "3:\n\t"                                                                                       \
    "str    r10, %[channel]\n\t"                                                                   \
    "str    r11, %[weights]"

/* What stays in memory while sums and operands fill the registers. */
typedef struct {
    struct {
        const int8_t *first;
        int32_t step;
    } rows[3];
    const int8_t *weights;
    const patchc_form *form;
    int8_t *left, *right;
    int32_t channel, count;
    int32_t sum[4]; /* of two channels one of which is rare */
} work;

#define THREE_ROWS(STRIDE)                                                                         \
    __asm__("ldr    r11, %[weights]\n\t"                                                           \
            "ldr    r10, %[channel]\n"                                                             \
            "1:\n\t" ROW_##STRIDE(PRODUCT, "row0", "0", "12", "13")                                \
                ROW_##STRIDE(ADDED, "row1", "4", "14", "15")                                       \
                    ROW_##STRIDE(ADDED, "row2", "8", "16", "17") EPILOGUE                          \
            : [rare] "=r"(rare), [weights] "+m"(of.weights), [form] "+m"(of.form),                 \
              [channel] "+m"(of.channel), [sum0] "=m"(of.sum[0]), [sum1] "=m"(of.sum[1]),          \
              [sum2] "=m"(of.sum[2]), [sum3] "=m"(of.sum[3])                                       \
            : [row0] "m"(of.rows[0]), [row1] "m"(of.rows[1]), [row2] "m"(of.rows[2]),              \
              [left] "m"(of.left), [right] "m"(of.right), [count] "m"(of.count)                    \
            : "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr",     \
              "cc", "memory")

/* compute_pairs of 3x3: pairs of channels that both have lines without leaving the assembly. */
PATCHC_INLINE void compute_three(const place *at, int32_t begin, int32_t count, int32_t stride)
{
    work of = {{{at->rows[0], at->steps[0]}, {at->rows[1], at->steps[1]},
                {at->rows[2], at->steps[2]}},
               at->params->weights + begin / 2 * block_bytes(3),
               at->params->form + begin,
               at->left + begin,
               at->right + begin,
               0,
               count,
               {0}};

    while (of.channel != count) {
        register int32_t rare __asm__("r0");

        if (stride == 1) {
            THREE_ROWS(1);
        } else {
            THREE_ROWS(2);
        }
        if (rare) {
            for (int32_t k = 0; k < 2; k++) {
                int32_t c = of.channel - 2 + k;

                of.left[c] = patchc_by_form(of.sum[k], begin + c, at->params);
                of.right[c] = patchc_by_form(of.sum[2 + k], begin + c, at->params);
            }
        }
    }
}

PATCHC_APART static void compute_3_1(const place *at, int32_t begin, int32_t count)
{
    compute_three(at, begin, count, 1);
}

PATCHC_APART static void compute_3_2(const place *at, int32_t begin, int32_t count)
{
    compute_three(at, begin, count, 2);
}

#else

COMPUTE(3, 1)
COMPUTE(3, 2)

#endif

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

/* One pixel, whose window begins at column `first`, or two, channels ascending in both. That keeps
 * to Order.PIXEL, although inputs of the left pixel are read after bytes of the right one are
 * written: as the left pixel's bytes lie outside its inputs, those of the right one, which follow,
 * can only lie in channels up to their own, and these have been read. */
static void compute_pixels(const band *of, int8_t *out, int32_t first, int32_t pixels)
{
    int32_t side = of->params->window.kernel_w, channels = of->in->channels;
    int32_t even = channels / 2 * 2;
    place at;

    at.params = of->params;
    at.left = out;
    at.right = pixels > 1 ? out + channels : out;
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
            at.right[even] = compute_last(of, first + at.stride);
        }
    }
    patchc_confine(out, pixels * channels, of->params);
}

void patchc_conv2d_depthwise_dsp(const patchc_out *out, const patchc_in *in,
                                 const patchc_pads *pads, int8_t *scratch,
                                 const patchc_conv_dsp_params *params)
{
    const patchc_window *window = &params->window;
    int32_t side = window->kernel_w, channels = in->channels, room = (channels + 3) / 4 * 4;
    int8_t *padding = scratch;
    band of;

    PATCHC_MACS(out->rows * out->cols, channels * side * side);
    of.in = in;
    of.params = params;
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
