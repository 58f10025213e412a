/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* What the kernels for cores with MVE call: products of pixels with rows of weights, four output
 * channels at a time.
 *
 * VMLADAVA multiplies 16 pairs of bytes and adds the products to a general register. The loops are
 * tail-predicated, so that rows of any length are read as they lie, and nothing beyond them is. The
 * sums of four channels of a pixel meet in a vector, whose lines are computed at once. The sums of
 * a channel without a line are kept, and the channel's outputs made again in C.
 */
#include "patchc_mve_product.h"

#if PATCHC_ASSEMBLY && (PATCHC_LIFT != 8 || PATCHC_DROP != 10)
#error "the shifts of lines are in the assembly"
#endif

int8_t patchc_mve_by_form(int32_t sum, int32_t channel, const patchc_conv_params *params)
{
    patchc_form form = params->form[channel];
    int32_t value = form.factor >= 0 ? patchc_line_high(sum, form)
                                     : patchc_rare_value(sum, params->rare + ~form.factor,
                                                         params->zero_point);

    return patchc_clamp(value, params->lo, params->hi);
}

patchc_four patchc_four_near_tie(patchc_four sums, patchc_four found, uint32_t near_tie,
                                 const patchc_rare *rare, int32_t zero_point)
{
    int32_t sum[4], value[4];

    patchc_four_save(sum, sums);
    patchc_four_save(value, found);
    for (int32_t i = 0; i < 4; i++) {
        if ((near_tie >> (4 * i) & 1) != 0) {
            value[i] = patchc_rare_value(sum[i], rare, zero_point);
        }
    }
    return patchc_four_load(value);
}

void patchc_mve_confine_to(int8_t *out, int32_t count, int32_t lo, int32_t hi)
{
    for (int32_t i = 0; i < count; i++) {
        out[i] = patchc_clamp(out[i], lo, hi);
    }
}

/* ---- Three pixels ---- */

/* In the order in which the assembly loads it; see there. */
typedef struct {
    const patchc_form *form; /* of the next channels */
    int8_t *out[3];          /* the next outputs */
    const patchc_form *last;
    struct {
        int32_t none[3]; /* zeros, which sums begin with */
        const int8_t *in0;
        int32_t none3;
        const int8_t *in1;
        int32_t none4;
        const int8_t *in2;
        int32_t none5;
        int32_t taps;
    } start;
    const int8_t *weights;
    int32_t back;     /* from behind a row's last vector to the next row */
    int32_t sums[16]; /* [pixel][channel], of four channels one of which is rare; and room */
} three;

/* Four channels at a time, until none are left or one of the four is rare: then 1, and their sums
 * are in at->sums. The outputs of the rare one are to be made again. */
#if PATCHC_ASSEMBLY

/* Channels c and c + 2 of all pixels; then r1 is at the row behind c + 2 - `from` rows. */
#define TWO_BY_THREE                                                                               \
    "ldm      r12, {r0, r2, r4, r5, r6, r7, r8, r9, r10, lr}\n\t"                                  \
    "add      r3, r1, lr, lsl #1\n\t"                                                              \
    "dlstp.8  lr, lr\n"                                                                            \
    "1:\n\t"                                                                                       \
    "vldrb.8  q0, [r1], #16\n\t"                                                                   \
    "vldrb.8  q1, [r3], #16\n\t"                                                                   \
    "vldrb.8  q2, [r5], #16\n\t"                                                                   \
    "vmladava.s8 r0, q0, q2\n\t"                                                                   \
    "vldrb.8  q3, [r7], #16\n\t"                                                                   \
    "vmladava.s8 r2, q1, q2\n\t"                                                                   \
    "vldrb.8  q2, [r9], #16\n\t"                                                                   \
    "vmladava.s8 r4, q0, q3\n\t"                                                                   \
    "vmladava.s8 r6, q1, q3\n\t"                                                                   \
    "vmladava.s8 r8, q0, q2\n\t"                                                                   \
    "vmladava.s8 r10, q1, q2\n\t"                                                                  \
    "letp     lr, 1b\n\t"

/* The sums in vector N as bytes. */
#define BY_LINE(N, FACTOR, OFFSET)                                                                 \
    "vshl.i32 q" #N ", q" #N ", #8\n\t"                                                            \
    "vadd.i32 q" #N ", q" #N ", " OFFSET "\n\t"                                                    \
    "vmulh.s32 q" #N ", q" #N ", " FACTOR "\n\t" PATCHC_VQSHRNB(N, N)                              \
    "vqmovnb.s16 q" #N ", q" #N "\n\t"

static int32_t three_blocks(three *at)
{
    register void *start __asm__("r12") = &at->start;
    register int32_t rare __asm__("r2");

    __asm__ volatile("ldrd     r1, r11, [r12, #40]\n"
                     "0:\n\t" TWO_BY_THREE
                     "add      r1, r1, r11\n\t" /* the second row */
                     "vmov     q5[2], q5[0], r0, r2\n\t"
                     "vmov     q6[2], q6[0], r4, r6\n\t"
                     "vmov     q7[2], q7[0], r8, r10\n\t" TWO_BY_THREE
                     "add      r1, r3, r11\n\t" /* behind the fourth */
                     "vmov     q5[3], q5[1], r0, r2\n\t"
                     "vmov     q6[3], q6[1], r4, r6\n\t"
                     "vmov     q7[3], q7[1], r8, r10\n\t"
                     "ldmdb    r12, {r0, r4, r5, r6, r8}\n\t"
                     "movs     r2, #0\n\t"
                     "vld20.32 {q0, q1}, [r0]\n\t"
                     "vld21.32 {q0, q1}, [r0]!\n\t" /* factors, offsets */
                     "vminv.s32 r2, q0\n\t"
                     "cbz      r2, 2f\n\t"
                     "vstrw.32 q5, [r12, #48]\n\t"
                     "vstrw.32 q6, [r12, #64]\n\t"
                     "vstrw.32 q7, [r12, #80]\n"
                     "2:\n\t" BY_LINE(5, "q0", "q1") BY_LINE(6, "q0", "q1")
                         BY_LINE(7, "q0", "q1")
                     "vstrb.32 q5, [r4], #4\n\t"
                     "vstrb.32 q6, [r5], #4\n\t"
                     "vstrb.32 q7, [r6], #4\n\t"
                     "stmdb    r12, {r0, r4, r5, r6, r8}\n\t"
                     "cbnz     r2, 3f\n\t"
                     "cmp      r0, r8\n\t"
                     "bne      0b\n"
                     "3:\n\t"
                     "str      r1, [r12, #40]"
                     : "=r"(rare), "+r"(start)
                     :
                     : "r0", "r1", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "lr",
                       "cc", "memory", "q0", "q1", "q2", "q3", "q5", "q6", "q7");
    return rare != 0;
}

#else

static int32_t three_blocks(three *at)
{
    const int8_t *const in[3] = {at->start.in0, at->start.in1, at->start.in2};
    int32_t taps = at->start.taps, rare = 0;

    while (!rare && at->form != at->last) {
        for (int32_t j = 0; j < 3; j++) {
            for (int32_t k = 0; k < 4; k++) {
                int32_t sum = patchc_dot_bytes(in[j], at->weights + k * taps, taps);

                at->sums[4 * j + k] = sum;
                at->out[j][k] = patchc_clamp(patchc_line_high(sum, at->form[k]), -128, 127);
                rare |= at->form[k].factor < 0;
            }
            at->out[j] += 4;
        }
        at->form += 4;
        at->weights += 4 * taps;
    }
    return rare;
}

#endif

/* The outputs of the rare ones among four channels, of three pixels, or of one: sums [pixel][4].
 * What else is in `sums` does not matter. */
PATCHC_APART static void make_again(const patchc_conv_params *params, int32_t first,
                                    const int32_t sums[16], int8_t *const *out, int32_t pixels)
{
    for (int32_t k = 0; k < 4; k++) {
        int32_t factor = params->form[first + k].factor;

        if (factor < 0) {
            int32_t value[4];

            patchc_four_save(value, patchc_four_rare(patchc_four_gather(sums + k),
                                                     params->rare + ~factor, params->zero_point));
            out[0][first + k] = (int8_t)value[0];
            if (pixels == 3) {
                out[1][first + k] = (int8_t)value[1];
                out[2][first + k] = (int8_t)value[2];
            }
        }
    }
}

/* Channels first .. first + count - 1, a multiple of 4. */
static void three_some(const patchc_layer *layer, const int8_t *const in[3], int8_t *const out[3],
                       int32_t first, int32_t count)
{
    const patchc_conv_params *params = layer->params;
    int32_t taps = layer->taps;
    three at;

    patchc_four_save(at.sums + 12, patchc_four_of(0));
    at.form = params->form + first;
    at.out[0] = out[0] + first;
    at.out[1] = out[1] + first;
    at.out[2] = out[2] + first;
    at.last = params->form + first + count;
    at.start.none[0] = at.start.none[1] = at.start.none[2] = 0;
    at.start.none3 = at.start.none4 = at.start.none5 = 0;
    at.start.in0 = in[0];
    at.start.in1 = in[1];
    at.start.in2 = in[2];
    at.start.taps = taps;
    at.weights = params->weights + first * taps;
    at.back = taps - (taps + 15) / 16 * 16;
    while (at.form != at.last) {
        if (three_blocks(&at)) {
            make_again(params, (int32_t)(at.form - params->form) - 4, at.sums, out, 3);
        }
    }
}

/* Fewer channels than four, of one pixel. */
PATCHC_APART static void few_channels(const patchc_layer *layer, const int8_t *in, int8_t *out)
{
    for (int32_t c = 0; c < layer->c_out; c++) {
        const int8_t *weights = layer->params->weights + c * layer->taps;

        out[c] = patchc_mve_by_form(patchc_dot_bytes(in, weights, layer->taps), c, layer->params);
    }
}

void patchc_three_pixels(const patchc_layer *layer, const int8_t *const in[3],
                         int8_t *const out[3])
{
    int32_t c_out = layer->c_out;

    if (c_out < 4) {
        for (int32_t j = 0; j < 3; j++) {
            few_channels(layer, in[j], out[j]);
        }
        return;
    }
    three_some(layer, in, out, 0, c_out / 4 * 4);
    if (c_out % 4 != 0) {
        three_some(layer, in, out, c_out - 4, 4); /* some of them again */
    }
    for (int32_t j = 0; j < 3; j++) {
        patchc_mve_confine(out[j], c_out, layer->params);
    }
}

/* ---- One pixel ---- */

typedef struct {
    const patchc_form *form; /* of the next channels */
    int8_t *out;             /* the next outputs */
    const patchc_form *last;
    struct {
        int32_t none[4]; /* zeros, which sums begin with */
        const int8_t *in;
        int32_t taps;
    } start;
    const int8_t *weights;
    int32_t back;
    int32_t sums[16]; /* as of three pixels */
} one;

/* As three_blocks. */
#if PATCHC_ASSEMBLY

static int32_t one_blocks(one *at)
{
    register void *start __asm__("r12") = &at->start;
    register int32_t rare __asm__("r2");

    __asm__ volatile("ldrd     r1, r11, [r12, #24]\n"
                     "0:\n\t"
                     "ldm      r12, {r0, r2, r4, r6, r9, lr}\n\t"
                     "add      r3, r1, lr\n\t"
                     "add      r5, r1, lr, lsl #1\n\t"
                     "add      r7, r3, lr, lsl #1\n\t"
                     "dlstp.8  lr, lr\n"
                     "1:\n\t"
                     "vldrb.8  q0, [r9], #16\n\t"
                     "vldrb.8  q1, [r1], #16\n\t"
                     "vldrb.8  q2, [r3], #16\n\t"
                     "vmladava.s8 r0, q0, q1\n\t"
                     "vldrb.8  q1, [r5], #16\n\t"
                     "vmladava.s8 r2, q0, q2\n\t"
                     "vldrb.8  q2, [r7], #16\n\t"
                     "vmladava.s8 r4, q0, q1\n\t"
                     "vmladava.s8 r6, q0, q2\n\t"
                     "letp     lr, 1b\n\t"
                     "add      r1, r7, r11\n\t"
                     "vmov     q5[2], q5[0], r0, r4\n\t"
                     "vmov     q5[3], q5[1], r2, r6\n\t"
                     "ldmdb    r12, {r0, r4, r8}\n\t"
                     "movs     r2, #0\n\t"
                     "vld20.32 {q0, q1}, [r0]\n\t"
                     "vld21.32 {q0, q1}, [r0]!\n\t"
                     "vminv.s32 r2, q0\n\t"
                     "cbz      r2, 2f\n\t"
                     "vstrw.32 q5, [r12, #32]\n"
                     "2:\n\t" BY_LINE(5, "q0", "q1")
                     "vstrb.32 q5, [r4], #4\n\t"
                     "stmdb    r12, {r0, r4, r8}\n\t"
                     "cbnz     r2, 3f\n\t"
                     "cmp      r0, r8\n\t"
                     "bne      0b\n"
                     "3:\n\t"
                     "str      r1, [r12, #24]"
                     : "=r"(rare), "+r"(start)
                     :
                     : "r0", "r1", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r11", "lr", "cc",
                       "memory", "q0", "q1", "q2", "q5");
    return rare != 0;
}

#else

static int32_t one_blocks(one *at)
{
    int32_t taps = at->start.taps, rare = 0;

    while (!rare && at->form != at->last) {
        for (int32_t k = 0; k < 4; k++) {
            int32_t sum = patchc_dot_bytes(at->start.in, at->weights + k * taps, taps);

            at->sums[k] = sum;
            at->out[k] = patchc_clamp(patchc_line_high(sum, at->form[k]), -128, 127);
            rare |= at->form[k].factor < 0;
        }
        at->out += 4;
        at->form += 4;
        at->weights += 4 * taps;
    }
    return rare;
}

#endif

static void one_some(const patchc_layer *layer, const int8_t *in, int8_t *out, int32_t first,
                     int32_t count)
{
    const patchc_conv_params *params = layer->params;
    int32_t taps = layer->taps;
    one at;

    for (int32_t i = 4; i < 16; i += 4) {
        patchc_four_save(at.sums + i, patchc_four_of(0));
    }
    at.form = params->form + first;
    at.out = out + first;
    at.last = params->form + first + count;
    at.start.none[0] = at.start.none[1] = at.start.none[2] = at.start.none[3] = 0;
    at.start.in = in;
    at.start.taps = taps;
    at.weights = params->weights + first * taps;
    at.back = taps - (taps + 15) / 16 * 16;
    while (at.form != at.last) {
        if (one_blocks(&at)) {
            make_again(params, (int32_t)(at.form - params->form) - 4, at.sums, &out, 1);
        }
    }
}

void patchc_one_pixel(const patchc_layer *layer, const int8_t *in, int8_t *out)
{
    int32_t c_out = layer->c_out;

    if (c_out < 4) {
        few_channels(layer, in, out);
        return;
    }
    one_some(layer, in, out, 0, c_out / 4 * 4);
    if (c_out % 4 != 0) {
        one_some(layer, in, out, c_out - 4, 4); /* some of them again */
    }
    patchc_mve_confine(out, c_out, layer->params);
}

/* ---- Few taps: the weights of four channels stay in vectors ---- */

typedef struct {
    struct {
        const int8_t *in;
        int32_t c_out;
        int32_t pixels;
    } start; /* in the order in which the assembly loads it */
    const int8_t *weights;
    const patchc_form *form, *last;
    int8_t *out;
    int32_t taps;
} few;

/* As three_blocks, but that no sums are kept. */
#if PATCHC_ASSEMBLY

static int32_t few_blocks(few *at)
{
    register few *start __asm__("r12") = at;
    register int32_t rare __asm__("r8");

    __asm__ volatile("ldrd     r1, r10, [r12, #12]\n\t"
                     "ldrd     r11, r9, [r12, #24]\n\t"
                     "vctp.8   r9\n"
                     "0:\n\t"
                     "add      r3, r1, r9\n\t"
                     "add      r5, r1, r9, lsl #1\n\t"
                     "add      r7, r3, r9, lsl #1\n\t"
                     "vpstttt\n\t"
                     "vldrbt.u8 q0, [r1]\n\t" /* zeros behind the taps */
                     "vldrbt.u8 q1, [r3]\n\t"
                     "vldrbt.u8 q2, [r5]\n\t"
                     "vldrbt.u8 q3, [r7]\n\t"
                     "add      r1, r7, r9\n\t"
                     "mov      r8, #0\n\t"
                     "vld20.32 {q5, q6}, [r10]\n\t"
                     "vld21.32 {q5, q6}, [r10]!\n\t"
                     "vminv.s32 r8, q5\n\t"
                     "ldm      r12, {r3, r7, lr}\n\t"
                     "mov      r5, r11\n\t"
                     "add      r11, r11, #4\n\t"
                     "dls      lr, lr\n"
                     "1:\n\t"
                     "vldrb.8  q4, [r3], #16\n\t"
                     "vmladav.s8 r0, q0, q4\n\t"
                     "vmladav.s8 r2, q1, q4\n\t"
                     "vmladav.s8 r4, q2, q4\n\t"
                     "vmladav.s8 r6, q3, q4\n\t"
                     "vmov     q4[2], q4[0], r0, r4\n\t"
                     "vmov     q4[3], q4[1], r2, r6\n\t" BY_LINE(4, "q5", "q6")
                     "vstrb.32 q4, [r5]\n\t"
                     "add      r5, r5, r7\n\t"
                     "le       lr, 1b\n\t"
                     "cmp      r8, #0\n\t"
                     "bne      2f\n\t"
                     "ldr      r3, [r12, #20]\n\t"
                     "cmp      r10, r3\n\t"
                     "bne      0b\n"
                     "2:\n\t"
                     "strd     r1, r10, [r12, #12]\n\t"
                     "str      r11, [r12, #24]"
                     : "=r"(rare), "+r"(start)
                     :
                     : "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r9", "r10", "r11", "lr",
                       "cc", "memory", "q0", "q1", "q2", "q3", "q4", "q5", "q6");
    return rare != 0;
}

#else

static int32_t few_blocks(few *at)
{
    int32_t taps = at->taps, rare = 0;

    while (!rare && at->form != at->last) {
        for (int32_t j = 0; j < at->start.pixels; j++) {
            for (int32_t k = 0; k < 4; k++) {
                const int8_t *in = at->start.in + 16 * j;
                int32_t sum = patchc_dot_bytes(in, at->weights + k * taps, taps);

                at->out[j * at->start.c_out + k] =
                    patchc_clamp(patchc_line_high(sum, at->form[k]), -128, 127);
                rare |= at->form[k].factor < 0;
            }
        }
        at->out += 4;
        at->form += 4;
        at->weights += 4 * taps;
    }
    return rare;
}

#endif

/* The outputs of the rare ones among four channels, four pixels at a time. */
PATCHC_APART static void make_few_again(const patchc_layer *layer, int32_t first,
                                        const int8_t *in, int8_t *out, int32_t pixels)
{
    const patchc_conv_params *params = layer->params;

    for (int32_t c = first; c < first + 4; c++) {
        const int8_t *weights = params->weights + c * layer->taps;
        int32_t factor = params->form[c].factor;

        for (int32_t j = 0; factor < 0 && j < pixels; j += 4) {
            int32_t value[4] = {0, 0, 0, 0}, count = pixels - j < 4 ? pixels - j : 4;
            patchc_four four;

            for (int32_t i = 0; i < count; i++) {
                value[i] = patchc_dot_bytes(in + 16 * (j + i), weights, layer->taps);
            }
            four = patchc_four_rare(patchc_four_load(value), params->rare + ~factor,
                                    params->zero_point);
            patchc_four_save(value, four);
            for (int32_t i = 0; i < count; i++) {
                out[(j + i) * layer->c_out + c] = (int8_t)value[i];
            }
        }
    }
}

static void few_some(const patchc_layer *layer, const int8_t *in, int8_t *out, int32_t pixels,
                     int32_t first, int32_t count)
{
    const patchc_conv_params *params = layer->params;
    few at = {{in, layer->c_out, pixels},
              params->weights + first * layer->taps,
              params->form + first,
              params->form + first + count,
              out + first,
              layer->taps};

    while (at.form != at.last) {
        if (few_blocks(&at)) {
            make_few_again(layer, (int32_t)(at.form - params->form) - 4, in, out, pixels);
        }
    }
}

void patchc_few_taps(const patchc_layer *layer, const int8_t *in, int8_t *out, int32_t pixels)
{
    int32_t c_out = layer->c_out;

    if (c_out < 4) {
        for (int32_t j = 0; j < pixels; j++) {
            few_channels(layer, in + 16 * j, out + j * c_out);
        }
        return;
    }
    few_some(layer, in, out, pixels, 0, c_out / 4 * 4);
    if (c_out % 4 != 0) {
        few_some(layer, in, out, pixels, c_out - 4, 4); /* some of them again */
    }
    patchc_mve_confine(out, pixels * c_out, layer->params);
}
