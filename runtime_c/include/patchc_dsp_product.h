/* A few output pixels at once: the product of their widened inputs with all weights.
 *
 * Inputs x0 .. x3, four taps one after the other, are widened to two words of two halves,
 *     E = (x0, x2)    O = (x1 - 256 * x0 - 128, x3 - 256 * x2 - 128),
 * whose halves just fit int16. The weights w0 .. w3 are one word, of the bytes w0 + 128, w1,
 * w2 + 128, w3; its halves are w0 + 128 + 256 * w1 and w2 + 128 + 256 * w3. Then
 *     smlad(E, word) + smlad(O, odd bytes of word)
 *         = x0 * w0 + x1 * w1 + x2 * w2 + x3 * w3 + 128 * (x0 + x2) - 128 * (w1 + w3):
 * one instruction widens four weights instead of two. The sums of a pixel start at minus what its
 * inputs make too much; what the weights make too little is in the requantisation. All sums are
 * modulo 2^32.
 *
 * In scratch the pixels are interleaved: [taps / 4][E, O][pixels].
 */
#ifndef PATCHC_DSP_PRODUCT_H
#define PATCHC_DSP_PRODUCT_H

#include "patchc_dsp_store.h"

/* The pixels of one pass. */
typedef struct {
    const patchc_conv_dsp_params *params;
    int32_t c_out;
    int32_t fours;    /* taps / 4 of a pixel */
    uint32_t *wide;   /* the scratch */
    int32_t start[3]; /* -128 * the sum of x0 and x2 */
    int8_t *out[3];
} patchc_pass;

/* Bytes 1 and 3 of the words of inputs, as O has them. */
PATCHC_INLINE uint32_t patchc_odd(uint32_t word)
{
    return patchc_rev16(word) ^ 0xff80ff80u;
}

/* Widens fours of bytes that lie one after the other, for one of `pixels` pixels. Adds to the sum
 * of x0 and x2. Where the next ones of this pixel go. */
PATCHC_INLINE uint32_t *patchc_widen(uint32_t *to, const int8_t *from, int32_t fours,
                                     int32_t pixels, int32_t *sum)
{
    int32_t total = *sum;

    for (const int8_t *end = from + 4 * fours; from != end; from += 4) {
        uint32_t word = patchc_load(from);
        uint32_t even = patchc_sxtb16(word);

        to[0] = even;
        to[pixels] = patchc_odd(word);
        total = patchc_smlad(even, 0x00010001u, total);
        to += 2 * pixels;
    }
    *sum = total;
    return to;
}

/* sum[channel][pixel] += products, over `fours` fours of weights [fours][2 channels][4]; the end of
 * the weights. */
PATCHC_INLINE const int8_t *patchc_dot_3(int32_t sum[6], const int8_t *weights,
                                         const uint32_t *wide, int32_t fours)
{
#if PATCHC_ASSEMBLY
    /* Every register is taken; gcc does not find such an allocation itself. */
    const uint32_t *const last = wide + 6 * fours;
    register int32_t a0 __asm__("r0") = sum[0], a1 __asm__("r1") = sum[1];
    register int32_t a2 __asm__("r2") = sum[2], b0 __asm__("r3") = sum[3];
    register int32_t b1 __asm__("r10") = sum[4], b2 __asm__("r11") = sum[5];
    register const int8_t *w __asm__("r12") = weights;
    register const uint32_t *x __asm__("lr") = wide;
    register const uint32_t *end __asm__("r7") = last;

    /* Two fours a turn; an odd number of them is entered in the middle. Bit 3 of 24 * fours. */
    __asm__("sub    r8, %[end], %[x]\n\t"
            "lsls   r8, r8, #28\n\t"
            "bmi    2f\n"
            "1:\n\t"
            "ldm    %[w]!, {r8, r9}\n\t"
            "ldm    %[x]!, {r4, r5, r6}\n\t"
            "smlad  %[a0], r4, r8, %[a0]\n\t"
            "smlad  %[a1], r5, r8, %[a1]\n\t"
            "smlad  %[a2], r6, r8, %[a2]\n\t"
            "smlad  %[b0], r4, r9, %[b0]\n\t"
            "smlad  %[b1], r5, r9, %[b1]\n\t"
            "smlad  %[b2], r6, r9, %[b2]\n\t"
            "ldm    %[x]!, {r4, r5, r6}\n\t"
            "sxtb16 r8, r8, ror #8\n\t"
            "sxtb16 r9, r9, ror #8\n\t"
            "smlad  %[a0], r4, r8, %[a0]\n\t"
            "smlad  %[a1], r5, r8, %[a1]\n\t"
            "smlad  %[a2], r6, r8, %[a2]\n\t"
            "smlad  %[b0], r4, r9, %[b0]\n\t"
            "smlad  %[b1], r5, r9, %[b1]\n\t"
            "smlad  %[b2], r6, r9, %[b2]\n"
            "2:\n\t"
            "ldm    %[w]!, {r8, r9}\n\t"
            "ldm    %[x]!, {r4, r5, r6}\n\t"
            "smlad  %[a0], r4, r8, %[a0]\n\t"
            "smlad  %[a1], r5, r8, %[a1]\n\t"
            "smlad  %[a2], r6, r8, %[a2]\n\t"
            "smlad  %[b0], r4, r9, %[b0]\n\t"
            "smlad  %[b1], r5, r9, %[b1]\n\t"
            "smlad  %[b2], r6, r9, %[b2]\n\t"
            "ldm    %[x]!, {r4, r5, r6}\n\t"
            "sxtb16 r8, r8, ror #8\n\t"
            "sxtb16 r9, r9, ror #8\n\t"
            "smlad  %[a0], r4, r8, %[a0]\n\t"
            "smlad  %[a1], r5, r8, %[a1]\n\t"
            "smlad  %[a2], r6, r8, %[a2]\n\t"
            "smlad  %[b0], r4, r9, %[b0]\n\t"
            "smlad  %[b1], r5, r9, %[b1]\n\t"
            "smlad  %[b2], r6, r9, %[b2]\n\t"
            "cmp    %[x], %[end]\n\t"
            "bne    1b"
            : [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [b0] "+r"(b0), [b1] "+r"(b1),
              [b2] "+r"(b2), [w] "+r"(w), [x] "+r"(x)
            : [end] "r"(end)
            : "r4", "r5", "r6", "r8", "r9", "cc", "memory");
    sum[0] = a0;
    sum[1] = a1;
    sum[2] = a2;
    sum[3] = b0;
    sum[4] = b1;
    sum[5] = b2;
    weights = w;
#else
    for (const uint32_t *end = wide + 6 * fours; wide != end; wide += 6) {
        uint32_t a = patchc_load(weights), b = patchc_load(weights + 4);
        uint32_t a_odd = patchc_sxtb16_odd(a), b_odd = patchc_sxtb16_odd(b);

        sum[0] = patchc_smlad(wide[3], a_odd, patchc_smlad(wide[0], a, sum[0]));
        sum[1] = patchc_smlad(wide[4], a_odd, patchc_smlad(wide[1], a, sum[1]));
        sum[2] = patchc_smlad(wide[5], a_odd, patchc_smlad(wide[2], a, sum[2]));
        sum[3] = patchc_smlad(wide[3], b_odd, patchc_smlad(wide[0], b, sum[3]));
        sum[4] = patchc_smlad(wide[4], b_odd, patchc_smlad(wide[1], b, sum[4]));
        sum[5] = patchc_smlad(wide[5], b_odd, patchc_smlad(wide[2], b, sum[5]));
        weights += 8;
    }
#endif
    return weights;
}

/* The same of two pixels: sum[channel][pixel], at 0, 1, 3 and 4. */
PATCHC_INLINE const int8_t *patchc_dot_2(int32_t sum[6], const int8_t *weights,
                                         const uint32_t *wide, int32_t fours)
{
#if PATCHC_ASSEMBLY
    const uint32_t *const last = wide + 4 * fours;
    register int32_t a0 __asm__("r0") = sum[0], a1 __asm__("r1") = sum[1];
    register int32_t b0 __asm__("r2") = sum[3], b1 __asm__("r10") = sum[4];
    register const int8_t *w __asm__("r12") = weights;
    register const uint32_t *x __asm__("lr") = wide;
    register const uint32_t *end __asm__("r7") = last;

    __asm__("1:\n\t"
            "ldm    %[w]!, {r8, r9}\n\t"
            "ldm    %[x]!, {r3, r4, r5, r6}\n\t"
            "smlad  %[a0], r3, r8, %[a0]\n\t"
            "smlad  %[a1], r4, r8, %[a1]\n\t"
            "smlad  %[b0], r3, r9, %[b0]\n\t"
            "smlad  %[b1], r4, r9, %[b1]\n\t"
            "sxtb16 r8, r8, ror #8\n\t"
            "sxtb16 r9, r9, ror #8\n\t"
            "smlad  %[a0], r5, r8, %[a0]\n\t"
            "smlad  %[a1], r6, r8, %[a1]\n\t"
            "smlad  %[b0], r5, r9, %[b0]\n\t"
            "smlad  %[b1], r6, r9, %[b1]\n\t"
            "cmp    %[x], %[end]\n\t"
            "bne    1b"
            : [a0] "+r"(a0), [a1] "+r"(a1), [b0] "+r"(b0), [b1] "+r"(b1), [w] "+r"(w),
              [x] "+r"(x)
            : [end] "r"(end)
            : "r3", "r4", "r5", "r6", "r8", "r9", "cc", "memory");
    sum[0] = a0;
    sum[1] = a1;
    sum[3] = b0;
    sum[4] = b1;
    weights = w;
#else
    for (const uint32_t *end = wide + 4 * fours; wide != end; wide += 4) {
        uint32_t a = patchc_load(weights), b = patchc_load(weights + 4);
        uint32_t a_odd = patchc_sxtb16_odd(a), b_odd = patchc_sxtb16_odd(b);

        sum[0] = patchc_smlad(wide[2], a_odd, patchc_smlad(wide[0], a, sum[0]));
        sum[1] = patchc_smlad(wide[3], a_odd, patchc_smlad(wide[1], a, sum[1]));
        sum[3] = patchc_smlad(wide[2], b_odd, patchc_smlad(wide[0], b, sum[3]));
        sum[4] = patchc_smlad(wide[3], b_odd, patchc_smlad(wide[1], b, sum[4]));
        weights += 8;
    }
#endif
    return weights;
}

/* The same of one pixel: sum[channel][pixel], at 0 and 3. */
PATCHC_INLINE const int8_t *patchc_dot_1(int32_t sum[6], const int8_t *weights,
                                         const uint32_t *wide, int32_t fours)
{
    int32_t a0 = sum[0], b0 = sum[3];

    for (const uint32_t *end = wide + 2 * fours; wide != end; wide += 2) {
        uint32_t a = patchc_load(weights), b = patchc_load(weights + 4);
        uint32_t even = wide[0], odd = wide[1];

        a0 = patchc_smlad(even, a, a0);
        b0 = patchc_smlad(even, b, b0);
        a0 = patchc_smlad(odd, patchc_sxtb16_odd(a), a0);
        b0 = patchc_smlad(odd, patchc_sxtb16_odd(b), b0);
        weights += 8;
    }
    sum[0] = a0;
    sum[3] = b0;
    return weights;
}

PATCHC_INLINE const int8_t *patchc_dot_pair(int32_t sum[6], const int8_t *weights,
                                       const uint32_t *wide, int32_t fours, int32_t pixels)
{
    return pixels == 3   ? patchc_dot_3(sum, weights, wide, fours)
           : pixels == 2 ? patchc_dot_2(sum, weights, wide, fours)
                         : patchc_dot_1(sum, weights, wide, fours);
}

/* The dot products of a channel without a neighbour, any number of pixels: weights [fours][4]. */
PATCHC_APART static void patchc_dot_last(int32_t sum[3], const int8_t *weights,
                                         const uint32_t *wide, int32_t fours, int32_t pixels)
{
    for (int32_t j = 0; j < pixels; j++) {
        const uint32_t *at = wide + j;
        int32_t total = sum[j];

        for (int32_t i = 0; i < fours; i++) {
            uint32_t word = patchc_load(weights + 4 * i);

            total = patchc_smlad(at[0], word, total);
            total = patchc_smlad(at[pixels], patchc_sxtb16_odd(word), total);
            at += 2 * pixels;
        }
        sum[j] = total;
    }
}

/* Outputs of `count` channels from `first` on, in whatever way each has: sum[channel][3]. */
PATCHC_APART static void patchc_store_any(const patchc_pass *pass, int32_t first, int32_t count,
                                          const int32_t *sum, int32_t pixels)
{
    for (int32_t k = 0; k < count; k++) {
        for (int32_t j = 0; j < pixels; j++) {
            pass->out[j][first + k] = patchc_any(sum[3 * k + j], first + k, pass->params);
        }
    }
}

/* By its line, a channel's output of each pixel. */
PATCHC_INLINE void patchc_store_line(int8_t *const out[3], int32_t channel, const int32_t sum[3],
                                     patchc_form form, int32_t pixels)
{
    out[0][channel] = patchc_by_line(sum[0], form);
    if (pixels > 1) {
        out[1][channel] = patchc_by_line(sum[1], form);
    }
    if (pixels > 2) {
        out[2][channel] = patchc_by_line(sum[2], form);
    }
}

/* `pixels` is a constant. */
PATCHC_INLINE void patchc_product_of(const patchc_pass *pass, int32_t pixels)
{
    const patchc_form *form = pass->params->form;
    const int8_t *weights = pass->params->weights;
    const int32_t s0 = pass->start[0], s1 = pass->start[1], s2 = pass->start[2];
    int32_t c = 0;

    for (; c < pass->c_out - 1; c += 2) {
        const patchc_form first = form[c], second = form[c + 1];
        int32_t sum[6] = {s0, s1, s2, s0, s1, s2};

        weights = patchc_dot_pair(sum, weights, pass->wide, pass->fours, pixels);
        if ((first.factor | second.factor) >= 0) {
            int8_t *const out[3] = {pass->out[0], pass->out[1], pass->out[2]};

            patchc_store_line(out, c, sum, first, pixels);
            patchc_store_line(out, c + 1, sum + 3, second, pixels);
        } else {
            const int32_t copy[6] = {sum[0], sum[1], sum[2], sum[3], sum[4], sum[5]};

            patchc_store_any(pass, c, 2, copy, pixels);
        }
    }
    if (c < pass->c_out) {
        int32_t sum[3] = {s0, s1, s2};

        patchc_dot_last(sum, weights, pass->wide, pass->fours, pixels);
        patchc_store_any(pass, c, 1, sum, pixels);
    }
    for (int32_t j = 0; j < pixels; j++) {
        patchc_confine(pass->out[j], pass->c_out, pass->params);
    }
}

PATCHC_APART static void patchc_product_3(const patchc_pass *pass)
{
    patchc_product_of(pass, 3);
}

PATCHC_APART static void patchc_product_2(const patchc_pass *pass)
{
    patchc_product_of(pass, 2);
}

PATCHC_APART static void patchc_product_1(const patchc_pass *pass)
{
    patchc_product_of(pass, 1);
}

/* All output channels of the pixels, 1 to 3 of them. */
PATCHC_INLINE void patchc_product(const patchc_pass *pass, int32_t pixels)
{
    if (pixels == 3) {
        patchc_product_3(pass);
    } else if (pixels == 2) {
        patchc_product_2(pass);
    } else {
        patchc_product_1(pass);
    }
}

#endif
