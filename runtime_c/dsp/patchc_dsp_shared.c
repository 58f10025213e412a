/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* What the kernels for cores with DSP instructions call. */
#include "patchc_dsp_product.h"
#include "patchc_requant.h"

int8_t patchc_by_form(int32_t sum, int32_t channel, const patchc_conv_dsp_params *params)
{
    patchc_form form = params->form[channel];

    if (form.factor >= 0) {
        return patchc_by_line(sum, form);
    }
    return patchc_clamp(patchc_rare_value(sum, params->rare + ~form.factor, params->zero_point), -128,
                        127);
}

void patchc_confine_to(int8_t *out, int32_t count, int32_t lo, int32_t hi)
{
    for (int32_t i = 0; i < count; i++) {
        out[i] = patchc_clamp(out[i], lo, hi);
    }
}

/* sum[channel][pixel] += products, over `fours` fours of weights [fours][2 channels][4]; the end of
 * the weights. */
PATCHC_INLINE const int8_t *dot_3(int32_t sum[6], const int8_t *weights,
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
PATCHC_INLINE const int8_t *dot_2(int32_t sum[6], const int8_t *weights,
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
PATCHC_INLINE const int8_t *dot_1(int32_t sum[6], const int8_t *weights,
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

PATCHC_INLINE const int8_t *dot_pair(int32_t sum[6], const int8_t *weights,
                                       const uint32_t *wide, int32_t fours, int32_t pixels)
{
    return pixels == 3   ? dot_3(sum, weights, wide, fours)
           : pixels == 2 ? dot_2(sum, weights, wide, fours)
                         : dot_1(sum, weights, wide, fours);
}

/* The dot products of a channel without a neighbour, any number of pixels: weights [fours][4]. */
PATCHC_APART static void dot_last(int32_t sum[3], const int8_t *weights,
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
PATCHC_APART static void store_any(const patchc_pass *pass, int32_t first, int32_t count,
                                          const int32_t *sum, int32_t pixels)
{
    for (int32_t k = 0; k < count; k++) {
        for (int32_t j = 0; j < pixels; j++) {
            pass->out[j][first + k] = patchc_by_form(sum[3 * k + j], first + k, pass->params);
        }
    }
}

/* By its line, a channel's output of each pixel. */
PATCHC_INLINE void store_line(int8_t *const out[3], int32_t channel, const int32_t sum[3],
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

/* The last channel of an odd number, whose weights are left; and the range. */
PATCHC_APART static void finish(const patchc_pass *pass, const int8_t *weights, int32_t pixels)
{
    int32_t c_out = pass->c_out;

    if (c_out % 2 != 0) {
        int32_t sum[3] = {pass->start[0], pass->start[1], pass->start[2]};

        dot_last(sum, weights, pass->wide, pass->fours, pixels);
        store_any(pass, c_out - 1, 1, sum, pixels);
    }
    for (int32_t j = 0; j < pixels; j++) {
        patchc_confine(pass->out[j], c_out, pass->params);
    }
}

/* `pixels` is a constant. */
PATCHC_INLINE void product_of(const patchc_pass *pass, int32_t pixels)
{
    const patchc_form *form = pass->params->form;
    const int8_t *weights = pass->params->weights;
    const int32_t s0 = pass->start[0], s1 = pass->start[1], s2 = pass->start[2];
    int32_t c = 0;

    for (; c < pass->c_out - 1; c += 2) {
        const patchc_form first = form[c], second = form[c + 1];
        int32_t sum[6] = {s0, s1, s2, s0, s1, s2};

        weights = dot_pair(sum, weights, pass->wide, pass->fours, pixels);
        if ((first.factor | second.factor) >= 0) {
            int8_t *const out[3] = {pass->out[0], pass->out[1], pass->out[2]};

            store_line(out, c, sum, first, pixels);
            store_line(out, c + 1, sum + 3, second, pixels);
        } else {
            const int32_t copy[6] = {sum[0], sum[1], sum[2], sum[3], sum[4], sum[5]};

            store_any(pass, c, 2, copy, pixels);
        }
    }
    finish(pass, weights, pixels);
}

void patchc_product_add(const patchc_pass *pass, int32_t *const sums[3])
{
    const int8_t *weights = pass->params->weights;
    int32_t *const first = sums[0], *const second = sums[1], *const third = sums[2];
    int32_t c = 0;

    for (; c < pass->c_out - 1; c += 2) {
        int32_t sum[6];

        sum[0] = patchc_plus(first[c], pass->start[0]);
        sum[1] = patchc_plus(second[c], pass->start[1]);
        sum[2] = patchc_plus(third[c], pass->start[2]);
        sum[3] = patchc_plus(first[c + 1], pass->start[0]);
        sum[4] = patchc_plus(second[c + 1], pass->start[1]);
        sum[5] = patchc_plus(third[c + 1], pass->start[2]);
        weights = dot_3(sum, weights, pass->wide, pass->fours);
        first[c] = sum[0];
        second[c] = sum[1];
        third[c] = sum[2];
        first[c + 1] = sum[3];
        second[c + 1] = sum[4];
        third[c + 1] = sum[5];
    }
    if (c < pass->c_out) {
        int32_t sum[3];

        for (int32_t j = 0; j < 3; j++) {
            sum[j] = patchc_plus(sums[j][c], pass->start[j]);
        }
        dot_last(sum, weights, pass->wide, pass->fours, 3);
        for (int32_t j = 0; j < 3; j++) {
            sums[j][c] = sum[j];
        }
    }
}

#if PATCHC_ASSEMBLY

#if PATCHC_LIFT != 8 || PATCHC_DROP != 10
#error "the shifts of lines are in the assembly"
#endif

/* What stays in memory while sums and operands fill the registers. */
typedef struct {
    int32_t start[3];
    const uint32_t *wide, *end; /* of the inputs */
    const int8_t *weights;
    const patchc_form *form, *last;
    int8_t *out[3];
    int32_t sum[6]; /* of two channels one of which is rare: [channel][pixel] */
} work;

/* Three pixels: pairs of channels that both have lines without leaving the assembly. */
PATCHC_APART static void product_3(const patchc_pass *pass)
{
    const patchc_form *form = pass->params->form;
    work at = {{pass->start[0], pass->start[1], pass->start[2]},
               pass->wide,
               pass->wide + 6 * pass->fours,
               pass->params->weights,
               form,
               form + pass->c_out / 2 * 2,
               {pass->out[0], pass->out[1], pass->out[2]},
               {0}};

    while (at.form != at.last) {
        register int32_t rare __asm__("r0");

        /* r12: weights, lr: inputs, r7: their end, r0 - r3, r10, r11: sums. Two fours of inputs a
         * turn; an odd number of them is entered in the middle. Bit 3 of 24 * fours. */
        __asm__("ldr    r12, %[weights]\n"
                "0:\n\t"
                "ldr    r7, %[end]\n\t"
                "ldr    lr, %[wide]\n\t"
                "ldr    r2, %[start2]\n\t"
                "ldrd   r0, r1, %[start0]\n\t"
                "sub    r8, r7, lr\n\t"
                "mov    r3, r0\n\t"
                "mov    r10, r1\n\t"
                "mov    r11, r2\n\t"
                "lsls   r8, r8, #28\n\t"
                "bmi    2f\n"
                "1:\n\t"
                "ldm    r12!, {r8, r9}\n\t"
                "ldm    lr!, {r4, r5, r6}\n\t"
                "smlad  r0, r4, r8, r0\n\t"
                "smlad  r1, r5, r8, r1\n\t"
                "smlad  r2, r6, r8, r2\n\t"
                "smlad  r3, r4, r9, r3\n\t"
                "smlad  r10, r5, r9, r10\n\t"
                "smlad  r11, r6, r9, r11\n\t"
                "ldm    lr!, {r4, r5, r6}\n\t"
                "sxtb16 r8, r8, ror #8\n\t"
                "sxtb16 r9, r9, ror #8\n\t"
                "smlad  r0, r4, r8, r0\n\t"
                "smlad  r1, r5, r8, r1\n\t"
                "smlad  r2, r6, r8, r2\n\t"
                "smlad  r3, r4, r9, r3\n\t"
                "smlad  r10, r5, r9, r10\n\t"
                "smlad  r11, r6, r9, r11\n"
                "2:\n\t"
                "ldm    r12!, {r8, r9}\n\t"
                "ldm    lr!, {r4, r5, r6}\n\t"
                "smlad  r0, r4, r8, r0\n\t"
                "smlad  r1, r5, r8, r1\n\t"
                "smlad  r2, r6, r8, r2\n\t"
                "smlad  r3, r4, r9, r3\n\t"
                "smlad  r10, r5, r9, r10\n\t"
                "smlad  r11, r6, r9, r11\n\t"
                "ldm    lr!, {r4, r5, r6}\n\t"
                "sxtb16 r8, r8, ror #8\n\t"
                "sxtb16 r9, r9, ror #8\n\t"
                "smlad  r0, r4, r8, r0\n\t"
                "smlad  r1, r5, r8, r1\n\t"
                "smlad  r2, r6, r8, r2\n\t"
                "smlad  r3, r4, r9, r3\n\t"
                "smlad  r10, r5, r9, r10\n\t"
                "smlad  r11, r6, r9, r11\n\t"
                "cmp    lr, r7\n\t"
                "bne    1b\n\t"
                "ldr    r7, %[form]\n\t"
                "ldm    r7!, {r4, r5, r6, r8}\n\t" /* factor, offset, factor, offset */
                "str    r7, %[form]\n\t"
                "orrs   r9, r4, r6\n\t"
                "bmi    3f\n\t"
                "ldr    lr, %[out0]\n\t"
                "add    r3, r8, r3, lsl #8\n\t"
                "add    r0, r5, r0, lsl #8\n\t"
                "smmul  r3, r3, r6\n\t"
                "smmul  r0, r0, r4\n\t"
                "ssat   r3, #8, r3, asr #10\n\t"
                "ssat   r0, #8, r0, asr #10\n\t"
                "strb   r3, [lr, #1]\n\t"
                "strb   r0, [lr], #2\n\t"
                "str    lr, %[out0]\n\t"
                "ldr    lr, %[out1]\n\t"
                "add    r10, r8, r10, lsl #8\n\t"
                "add    r1, r5, r1, lsl #8\n\t"
                "smmul  r10, r10, r6\n\t"
                "smmul  r1, r1, r4\n\t"
                "ssat   r10, #8, r10, asr #10\n\t"
                "ssat   r1, #8, r1, asr #10\n\t"
                "strb   r10, [lr, #1]\n\t"
                "strb   r1, [lr], #2\n\t"
                "str    lr, %[out1]\n\t"
                "ldr    lr, %[out2]\n\t"
                "add    r11, r8, r11, lsl #8\n\t"
                "add    r2, r5, r2, lsl #8\n\t"
                "smmul  r11, r11, r6\n\t"
                "smmul  r2, r2, r4\n\t"
                "ssat   r11, #8, r11, asr #10\n\t"
                "ssat   r2, #8, r2, asr #10\n\t"
                "strb   r11, [lr, #1]\n\t"
                "strb   r2, [lr], #2\n\t"
                "str    lr, %[out2]\n\t"
                "ldr    lr, %[last]\n\t"
                "cmp    r7, lr\n\t"
                "bne    0b\n\t"
                "mov    r0, #0\n\t"
                "b      4f\n"
                "3:\n\t"
                "str    r0, %[sum0]\n\t"
                "str    r1, %[sum1]\n\t"
                "str    r2, %[sum2]\n\t"
                "str    r3, %[sum3]\n\t"
                "str    r10, %[sum4]\n\t"
                "str    r11, %[sum5]\n\t"
                "mov    r0, #1\n"
                "4:\n\t"
                "str    r12, %[weights]"
                : [rare] "=r"(rare), [weights] "+m"(at.weights), [form] "+m"(at.form),
                  [out0] "+m"(at.out[0]), [out1] "+m"(at.out[1]), [out2] "+m"(at.out[2]),
                  [sum0] "=m"(at.sum[0]), [sum1] "=m"(at.sum[1]), [sum2] "=m"(at.sum[2]),
                  [sum3] "=m"(at.sum[3]), [sum4] "=m"(at.sum[4]), [sum5] "=m"(at.sum[5])
                : [start0] "m"(at.start[0]), "m"(at.start[1]), [start2] "m"(at.start[2]),
                  [wide] "m"(at.wide), [end] "m"(at.end), [last] "m"(at.last)
                : "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr",
                  "cc", "memory");
        if (rare) {
            store_any(pass, (int32_t)(at.form - form) - 2, 2, at.sum, 3);
            at.out[0] += 2;
            at.out[1] += 2;
            at.out[2] += 2;
        }
    }
    finish(pass, at.weights, 3);
}

#else

PATCHC_APART static void product_3(const patchc_pass *pass)
{
    product_of(pass, 3);
}

#endif

PATCHC_APART static void product_2(const patchc_pass *pass)
{
    product_of(pass, 2);
}

PATCHC_APART static void product_1(const patchc_pass *pass)
{
    product_of(pass, 1);
}

void patchc_product(const patchc_pass *pass, int32_t pixels)
{
    if (pixels == 3) {
        product_3(pass);
    } else if (pixels == 2) {
        product_2(pass);
    } else {
        product_1(pass);
    }
}
