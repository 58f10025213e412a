/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Convolution with one input channel per output channel, 3x3, 5x5 or 7x7: two neighbouring pixels
 * and eight channels at a time.
 *
 * Each column of each row of the two windows has a pointer of its own, which moves over the
 * channels; outside the view it moves over padding. VMULLB and VMULLT multiply the even and the odd
 * ones of eight channels, which are widened to int16 as they are loaded.
 */
#include "patchc_mve_product.h"

#if PATCHC_ASSEMBLY && (PATCHC_LIFT != 8 || PATCHC_DROP != 10)
#error "the shifts of lines are in the assembly"
#endif

#define MOST_ROWS 7
#define EIGHT 8
#define MOST_COLUMNS (MOST_ROWS + 2) /* of two windows */

/* What a pair of pixels needs of eight channels, in the order in which the assembly loads it. */
typedef struct {
    int32_t sums[16]; /* of eight channels one of which is rare: even ones left, odd ones left,
                         even ones right, odd ones right */
    const int8_t *weights;
    const patchc_form *form;
    int8_t *right, *left; /* the next outputs */
    const patchc_form *last;
    const int8_t *columns[MOST_ROWS * MOST_COLUMNS + 1]; /* [row][column]; four at a time */
} pair;

#if PATCHC_ASSEMBLY

#define LOAD(COLUMN) "vldrb.s16 q4, [" COLUMN "], #8\n\t"
#define LOAD_AND_STAY(COLUMN) "vldrb.s16 q4, [" COLUMN "]\n\t"
#define LOAD_AGAIN(COLUMN) "vldrb.s16 q4, [" COLUMN ", #-8]\n\t"
#define WEIGHTS "vldrb.s16 q5, [r7], #8\n\t"
#define SET(EVEN, ODD)                                                                             \
    "vmullb.s16 " EVEN ", q4, q5\n\t"                                                              \
    "vmullt.s16 " ODD ", q4, q5\n\t"
#define ADD(EVEN, ODD)                                                                             \
    "vmullb.s16 q6, q4, q5\n\t"                                                                    \
    "vmullt.s16 q7, q4, q5\n\t"                                                                    \
    "vadd.i32 " EVEN ", " EVEN ", q6\n\t"                                                          \
    "vadd.i32 " ODD ", " ODD ", q7\n\t"
#define LEFT "q0", "q1"
#define RIGHT "q2", "q3"
/* So that the pair is expanded before ADD or SET sees it. */
#define DO(WHAT, SUMS) WHAT(SUMS)

/* Stride 1: the right window is a column further. FIRST: SET or ADD, of the first tap. */
#define NEXT_1(COLUMN) LOAD(COLUMN) DO(ADD, RIGHT) WEIGHTS DO(ADD, LEFT)
#define ROW_3_1(FIRST)                                                                             \
    "ldm      r10, {r0, r1, r2, r3}\n\t" WEIGHTS LOAD("r0") DO(FIRST, LEFT) LOAD("r1")             \
        DO(FIRST, RIGHT) WEIGHTS DO(ADD, LEFT) NEXT_1("r2") LOAD("r3") DO(ADD, RIGHT)              \
    "stm      r10!, {r0, r1, r2, r3}\n\t"
#define ROW_5_1(FIRST)                                                                             \
    "ldm      r10, {r0, r1, r2, r3, r4, r5}\n\t" WEIGHTS LOAD("r0") DO(FIRST, LEFT) LOAD("r1")     \
        DO(FIRST, RIGHT) WEIGHTS DO(ADD, LEFT) NEXT_1("r2") NEXT_1("r3") NEXT_1("r4")              \
            LOAD("r5") DO(ADD, RIGHT)                                                              \
    "stm      r10!, {r0, r1, r2, r3, r4, r5}\n\t"
#define ROW_7_1(FIRST)                                                                             \
    "ldm      r10, {r0, r1, r2, r3, r4, r5, r6}\n\t" WEIGHTS LOAD("r0") DO(FIRST, LEFT) LOAD("r1") \
        DO(FIRST, RIGHT) WEIGHTS DO(ADD, LEFT) NEXT_1("r2") NEXT_1("r3") NEXT_1("r4")              \
            NEXT_1("r5") NEXT_1("r6")                                                              \
    "stm      r10!, {r0, r1, r2, r3, r4, r5, r6}\n\t"                                              \
    "ldr      r0, [r10]\n\t" LOAD("r0") DO(ADD, RIGHT)                                             \
    "str      r0, [r10], #4\n\t"

/* Stride 2: the right window is two columns further, which the left one reads later. */
#define NEXT_2(COLUMN, BEYOND)                                                                     \
    WEIGHTS LOAD(COLUMN) DO(ADD, LEFT) LOAD_AND_STAY(BEYOND) DO(ADD, RIGHT)
#define LAST_2(COLUMN, BEYOND) WEIGHTS LOAD(COLUMN) DO(ADD, LEFT) LOAD(BEYOND) DO(ADD, RIGHT)
#define ROW_3_2(FIRST)                                                                             \
    "ldm      r10, {r0, r1, r2, r3, r4}\n\t" WEIGHTS LOAD("r0") DO(FIRST, LEFT)                    \
        LOAD_AND_STAY("r2") DO(FIRST, RIGHT) LAST_2("r1", "r3") LAST_2("r2", "r4")                 \
    "stm      r10!, {r0, r1, r2, r3, r4}\n\t"
#define ROW_5_2(FIRST)                                                                             \
    "ldm      r10, {r0, r1, r2, r3, r4, r5, r6}\n\t" WEIGHTS LOAD("r0") DO(FIRST, LEFT)            \
        LOAD_AND_STAY("r2") DO(FIRST, RIGHT) NEXT_2("r1", "r3") NEXT_2("r2", "r4")                 \
            LAST_2("r3", "r5") LAST_2("r4", "r6")                                                  \
    "stm      r10!, {r0, r1, r2, r3, r4, r5, r6}\n\t"
#define ROW_7_2(FIRST)                                                                             \
    "ldm      r10, {r0, r1, r2, r3, r4, r5, r6}\n\t" WEIGHTS LOAD("r0") DO(FIRST, LEFT)            \
        LOAD_AND_STAY("r2") DO(FIRST, RIGHT) NEXT_2("r1", "r3") NEXT_2("r2", "r4")                 \
            LAST_2("r3", "r5") LAST_2("r4", "r6")                                                  \
    "stm      r10!, {r0, r1, r2, r3, r4, r5, r6}\n\t"                                              \
    "ldrd     r0, r1, [r10]\n\t" WEIGHTS LOAD_AGAIN("r5") DO(ADD, LEFT) LOAD("r0") DO(ADD, RIGHT)  \
        WEIGHTS LOAD_AGAIN("r6") DO(ADD, LEFT) LOAD("r1") DO(ADD, RIGHT)                           \
    "strd     r0, r1, [r10], #8\n\t"

#define ROWS_3(ROW) ROW(SET) ROW(ADD) ROW(ADD)
#define ROWS_MORE(ROW, SIDE)                                                                       \
    ROW(SET) "mov      lr, #" #SIDE " - 1\n\t"                                                     \
             "dls      lr, lr\n"                                                                   \
             "1:\n\t" ROW(ADD) "le       lr, 1b\n\t"
#define ROWS_5(ROW) ROWS_MORE(ROW, 5)
#define ROWS_7(ROW) ROWS_MORE(ROW, 7)

#define LIFTED(SUM, OFFSET, FACTOR)                                                                \
    "vshl.i32 " SUM ", " SUM ", #8\n\t"                                                            \
    "vadd.i32 " SUM ", " SUM ", " OFFSET "\n\t"                                                    \
    "vmulh.s32 " SUM ", " SUM ", " FACTOR "\n\t"

/* Eight channels at a time, until none are left or one of the eight is rare: then 1, and their sums
 * are in at->sums. The outputs of the rare one are to be made again. */
#define BLOCKS(SIDE, STRIDE)                                                                       \
    PATCHC_APART static int32_t blocks_##SIDE##_##STRIDE(pair *at)                                 \
    {                                                                                              \
        register const int8_t **columns __asm__("r12") = at->columns;                              \
        register int32_t rare __asm__("r2");                                                       \
                                                                                                   \
        __asm__ volatile("ldr      r7, [r12, #-20]\n"                                              \
                         "0:\n\t"                                                                  \
                         "mov      r10, r12\n\t" ROWS_##SIDE(ROW_##SIDE##_##STRIDE)                \
                         "ldmdb    r12, {r0, r4, r5, r6}\n\t"                                      \
                         "movs     r2, #0\n\t"                                                     \
                         "vld40.32 {q4, q5, q6, q7}, [r0]\n\t"                                     \
                         "vld41.32 {q4, q5, q6, q7}, [r0]\n\t"                                     \
                         "vld42.32 {q4, q5, q6, q7}, [r0]\n\t"                                     \
                         "vld43.32 {q4, q5, q6, q7}, [r0]!\n\t" /* even factors, offsets; odd */   \
                         "vminv.s32 r2, q4\n\t"                                                    \
                         "vminv.s32 r2, q6\n\t"                                                    \
                         "cbz      r2, 2f\n\t"                                                     \
                         "vstrw.32 q0, [r12, #-84]\n\t"                                            \
                         "vstrw.32 q1, [r12, #-68]\n\t"                                            \
                         "vstrw.32 q2, [r12, #-52]\n\t"                                            \
                         "vstrw.32 q3, [r12, #-36]\n"                                              \
                         "2:\n\t" LIFTED("q0", "q5", "q4") LIFTED("q1", "q7", "q6")                \
                             LIFTED("q2", "q5", "q4") LIFTED("q3", "q7", "q6")                     \
                                     PATCHC_VQSHRNB(0, 0) PATCHC_VQSHRNT(0, 1)                     \
                                         PATCHC_VQSHRNB(2, 2) PATCHC_VQSHRNT(2, 3)                 \
                         "vqmovnb.s16 q0, q0\n\t"                                                  \
                         "vqmovnb.s16 q2, q2\n\t"                                                  \
                         "vstrb.16 q2, [r4], #8\n\t"                                               \
                         "vstrb.16 q0, [r5], #8\n\t"                                               \
                         "stmdb    r12, {r0, r4, r5, r6}\n\t"                                      \
                         "cbnz     r2, 3f\n\t"                                                     \
                         "cmp      r0, r6\n\t"                                                     \
                         "bne      0b\n"                                                           \
                         "3:\n\t"                                                                  \
                         "str      r7, [r12, #-20]"                                                \
                         : "=r"(rare), "+r"(columns)                                               \
                         :                                                                         \
                         : "r0", "r1", "r3", "r4", "r5", "r6", "r7", "r10", "lr",                  \
                           "cc", "memory", "q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7");        \
        return rare != 0;                                                                          \
    }

#else

#define BLOCKS(SIDE, STRIDE)                                                                       \
    static int32_t blocks_##SIDE##_##STRIDE(pair *at)                                              \
    {                                                                                              \
        return blocks(at, SIDE, STRIDE);                                                           \
    }

/* Lane k of a pixel is that of its channel in `sums`. */
PATCHC_INLINE int32_t lane_of(int32_t channel)
{
    return channel % 2 * 4 + channel / 2;
}

static int32_t blocks(pair *at, int32_t side, int32_t stride)
{
    int32_t width = side + stride, rare = 0;

    while (!rare && at->form != at->last) {
        memset(at->sums, 0, sizeof at->sums);
        for (int32_t y = 0; y < side; y++) {
            for (int32_t x = 0; x < side; x++) {
                const int8_t *left = at->columns[y * width + x];
                const int8_t *right = at->columns[y * width + x + stride];

                for (int32_t k = 0; k < EIGHT; k++) {
                    at->sums[lane_of(k)] += (int32_t)left[k] * at->weights[k];
                    at->sums[8 + lane_of(k)] += (int32_t)right[k] * at->weights[k];
                }
                at->weights += EIGHT;
            }
        }
        for (int32_t k = 0; k < EIGHT; k++) {
            int32_t value = patchc_line_high(at->sums[8 + lane_of(k)], at->form[k]);

            at->right[k] = patchc_clamp(value, -128, 127);
        }
        for (int32_t k = 0; k < EIGHT; k++) {
            patchc_form form = at->form[k];

            at->left[k] = patchc_clamp(patchc_line_high(at->sums[lane_of(k)], form), -128, 127);
            rare |= form.factor < 0;
        }
        for (int32_t i = 0; i < side * width; i++) {
            at->columns[i] += EIGHT;
        }
        at->left += EIGHT;
        at->right += EIGHT;
        at->form += EIGHT;
    }
    return rare;
}

#endif

BLOCKS(3, 1)
BLOCKS(3, 2)
BLOCKS(5, 1)
BLOCKS(5, 2)
BLOCKS(7, 1)
BLOCKS(7, 2)

static int32_t some_blocks(pair *at, int32_t side, int32_t stride)
{
    if (side == 3) {
        return stride == 1 ? blocks_3_1(at) : blocks_3_2(at);
    }
    if (side == 5) {
        return stride == 1 ? blocks_5_1(at) : blocks_5_2(at);
    }
    return stride == 1 ? blocks_7_1(at) : blocks_7_2(at);
}

/* The outputs of the rare ones among the eight channels before the next. */
PATCHC_APART static void make_again(const pair *at, const patchc_conv_params *params)
{
    const patchc_form *form = at->form - EIGHT;
    int8_t *left = at->left - EIGHT, *right = at->right - EIGHT;

    for (int32_t k = 0; k < EIGHT; k++) {
        if (form[k].factor < 0) {
            int32_t value[4]; /* of this channel and its neighbour, left and right */

            patchc_four_save(value, patchc_four_rare(patchc_four_gather(at->sums + k / 2),
                                                     params->rare + ~form[k].factor,
                                                     params->zero_point));
            right[k] = (int8_t)value[2 + k % 2];
            left[k] = (int8_t)value[k % 2];
        }
    }
}

/* What the channels behind the last eight are computed in. Its forms have the size and alignment
 * that they have in the constants. */
typedef struct {
    patchc_form forms[EIGHT];
    int8_t outputs[2 * EIGHT]; /* left, right */
    int8_t taps[];             /* [row][column][8] */
} remains;

/* What the windows of a row of output pixels share. */
typedef struct {
    const patchc_in *in;
    const patchc_conv_params *params;
    const int8_t *padding;         /* a column of it */
    remains *rest;
    const int8_t *rows[MOST_ROWS]; /* of the view; or null */
    int32_t side, stride;
    int32_t whole; /* 1: no row is null */
    int32_t ready; /* the pixel at this column comes next, and its pointers need but be moved */
} band;

/* Moves the first `count` pointers to columns. */
PATCHC_INLINE void move_columns(pair *at, int32_t count, int32_t bytes)
{
#if PATCHC_ASSEMBLY
    const int8_t **to = at->columns;
    int32_t fours = (count + 3) / 4;

    __asm__ volatile("dls      lr, %[fours]\n"
                     "1:\n\t"
                     "vldrw.32 q0, [%[to]]\n\t"
                     "vadd.i32 q0, q0, %[bytes]\n\t"
                     "vstrw.32 q0, [%[to]], #16\n\t"
                     "le       lr, 1b"
                     : [to] "+r"(to)
                     : [fours] "r"(fours), [bytes] "r"(bytes)
                     : "q0", "lr", "cc", "memory");
#else
    for (int32_t i = 0; i < count; i++) {
        at->columns[i] += bytes;
    }
#endif
}

/* Pointers to the columns of all rows, the first of which is `first`: `width` columns, of which
 * those from `inside` on are padding, too. */
PATCHC_INLINE void find_columns(pair *at, const band *of, int32_t first, int32_t width,
                                int32_t inside)
{
    int32_t channels = of->in->channels;
    int32_t begin = first < 0 ? -first : 0, end = of->in->cols - first;
    const int8_t **to = at->columns;

    end = end < inside ? end : inside;
    for (int32_t y = 0; y < of->side; y++) {
        const int8_t *row = of->rows[y];
        int32_t x = 0;

        if (row != 0 && begin < end) {
            row += (first + begin) * channels;
            for (; x < begin; x++) {
                *to++ = of->padding;
            }
            for (; x < end; x++) {
                *to++ = row;
                row += channels;
            }
        }
        for (; x < width; x++) {
            *to++ = of->padding;
        }
    }
}

/* Puts the channels behind the last eight together, of which there are `count`, as eight. */
PATCHC_APART static void begin_rest(pair *at, const band *of, int32_t width, int32_t count)
{
    for (int32_t i = 0; i < of->side * width; i++) {
        int8_t *to = of->rest->taps + i * EIGHT;

        patchc_fill(to, 0, EIGHT);
        patchc_copy(to, at->columns[i], count);
        at->columns[i] = to;
    }
    for (int32_t k = 0; k < EIGHT; k++) {
        patchc_form none = {0, 0};

        of->rest->forms[k] = k < count ? at->form[k] : none;
    }
    at->form = of->rest->forms;
    at->last = at->form + EIGHT;
    at->left = of->rest->outputs;
    at->right = at->left + EIGHT;
}

/* Eight channels at a time, until none are left. */
PATCHC_INLINE void compute_eights(pair *at, const band *of)
{
    while (at->form != at->last) {
        if (some_blocks(at, of->side, of->stride)) {
            make_again(at, of->params);
        }
    }
}

/* One pixel, whose window begins at column `first`, or two: channels ascending in both. That keeps
 * to Order.PIXEL, although inputs of the left pixel are read after bytes of the right one are
 * written: as the left pixel's bytes lie outside its inputs, those of the right one, which follow,
 * can only lie in channels up to their own, and these have been read. One is computed as two, the
 * second in the same place before the first. */
static void compute_pixels(pair *at, band *of, int8_t *out, int32_t first, int32_t pixels)
{
    const patchc_conv_params *params = of->params;
    int32_t channels = of->in->channels, whole = channels / EIGHT * EIGHT;
    int32_t width = of->side + of->stride;

    at->weights = params->weights;
    at->form = params->form;
    at->last = params->form + whole;
    at->left = out;
    at->right = pixels > 1 ? out + channels : out;
    if (first == of->ready && first + width <= of->in->cols && pixels > 1) {
        move_columns(at, of->side * width, 2 * of->stride * channels - whole);
    } else {
        find_columns(at, of, first, width, pixels > 1 ? width : of->side);
    }
    of->ready = of->whole && whole == channels && first >= 0 && first + width <= of->in->cols
                        && pixels > 1
                    ? first + 2 * of->stride
                    : INT32_MIN;
    compute_eights(at, of);
    if (whole < channels) {
        begin_rest(at, of, width, channels - whole);
        compute_eights(at, of);
        patchc_copy(out + (pixels - 1) * channels + whole, of->rest->outputs + EIGHT,
                    channels - whole);
        patchc_copy(out + whole, of->rest->outputs, channels - whole);
    }
    patchc_mve_confine(out, pixels * channels, params);
}

void patchc_conv2d_depthwise_mve(const patchc_out *out, const patchc_in *in,
                                 const patchc_pads *pads, int8_t *scratch,
                                 const patchc_conv_params *params)
{
    const patchc_window *window = &params->window;
    int32_t channels = in->channels;
    band of;
    pair at;

    of.in = in;
    of.params = params;
    of.padding = scratch;
    of.rest = (remains *)(void *)(scratch + (channels + 3) / 4 * 4);
    of.side = window->kernel_w;
    of.stride = window->stride_w;
    PATCHC_MACS(out->rows * out->cols, channels * of.side * of.side);
    patchc_fill(scratch, params->pad_value, channels);
    for (int32_t i = 0; i < out->rows; i++) {
        int32_t top = i * window->stride_h - pads->top;
        int8_t *pixel = patchc_out_row(out, i);

        of.whole = 1;
        of.ready = INT32_MIN;
        for (int32_t y = 0; y < of.side; y++) {
            int32_t row = top + y;

            of.rows[y] = row >= 0 && row < in->rows ? patchc_in_row(in, row) : 0;
            of.whole = of.whole && of.rows[y] != 0;
        }
        for (int32_t j = 0; j < out->cols; j += 2) {
            int32_t pixels = out->cols - j < 2 ? 1 : 2;

            compute_pixels(&at, &of, pixel, j * of.stride - pads->left, pixels);
            pixel += 2 * channels;
        }
    }
}
