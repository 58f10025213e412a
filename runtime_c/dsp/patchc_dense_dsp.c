/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* A window over the whole view, no pads: one output pixel, four channels at a time. Inputs are
 * widened as patchc_dsp_product.h says, in registers. */
#include "patchc_dsp_store.h"

#define ODD_MASK 0xff80ff80u

/* What the sums start at: -128 * the sum of the first and third of every four inputs. */
static int32_t start_of(const patchc_in *in)
{
    int32_t run = in->cols * in->channels, sum = 0;

    for (int32_t y = 0; y < in->rows; y++) {
        const int8_t *from = patchc_in_row(in, y);
        const int8_t *end = from + run / 4 * 4;

        for (; from != end; from += 4) {
            sum = patchc_smlad(patchc_sxtb16(patchc_load(from)), 0x00010001u, sum);
        }
        if (run % 4 != 0) {
            sum = patchc_smlad(patchc_sxtb16(patchc_load_some(from, run % 4)), 0x00010001u, sum);
        }
    }
    return -128 * sum;
}

/* sum[k] += the products of four inputs with weights[k][4] */
PATCHC_INLINE void add_word(int32_t sum[4], uint32_t word, const int8_t *weights, int32_t lanes)
{
    uint32_t even = patchc_sxtb16(word), odd = patchc_rev16(word) ^ ODD_MASK;

    for (int32_t k = 0; k < lanes; k++) {
        uint32_t w = patchc_load(weights + 4 * k);

        sum[k] = patchc_smlad(odd, patchc_sxtb16_odd(w), patchc_smlad(even, w, sum[k]));
    }
}

/* The products of fours of inputs, which end at `end`, with weights [fours][4 channels][4]. */
PATCHC_INLINE void add_fours(int32_t sum[4], const int8_t *from, const int8_t *end,
                             const int8_t *weights)
{
#if PATCHC_ASSEMBLY
    /* Every register is taken; gcc does not find such an allocation itself. */
    register int32_t a __asm__("r0") = sum[0], b __asm__("r1") = sum[1];
    register int32_t c __asm__("r2") = sum[2], d __asm__("r3") = sum[3];
    register const int8_t *w __asm__("r12") = weights, *x __asm__("lr") = from;
    register const int8_t *last __asm__("r7") = end;
    register uint32_t mask __asm__("r11") = ODD_MASK;

    /* Two fours a turn; an odd number of them is entered in the middle. */
    __asm__("sub    r4, %[last], %[x]\n\t"
            "lsls   r4, r4, #29\n\t"
            "bmi    2f\n"
            "1:\n\t"
            "ldr    r4, [%[x]], #4\n\t"
            "ldm    %[w]!, {r5, r6, r8, r9}\n\t"
            "sxtb16 r10, r4\n\t"
            "smlad  %[a], r10, r5, %[a]\n\t"
            "smlad  %[b], r10, r6, %[b]\n\t"
            "smlad  %[c], r10, r8, %[c]\n\t"
            "smlad  %[d], r10, r9, %[d]\n\t"
            "rev16  r4, r4\n\t"
            "eor    r4, r4, %[mask]\n\t"
            "sxtb16 r5, r5, ror #8\n\t"
            "sxtb16 r6, r6, ror #8\n\t"
            "sxtb16 r8, r8, ror #8\n\t"
            "sxtb16 r9, r9, ror #8\n\t"
            "smlad  %[a], r4, r5, %[a]\n\t"
            "smlad  %[b], r4, r6, %[b]\n\t"
            "smlad  %[c], r4, r8, %[c]\n\t"
            "smlad  %[d], r4, r9, %[d]\n"
            "2:\n\t"
            "ldr    r4, [%[x]], #4\n\t"
            "ldm    %[w]!, {r5, r6, r8, r9}\n\t"
            "sxtb16 r10, r4\n\t"
            "smlad  %[a], r10, r5, %[a]\n\t"
            "smlad  %[b], r10, r6, %[b]\n\t"
            "smlad  %[c], r10, r8, %[c]\n\t"
            "smlad  %[d], r10, r9, %[d]\n\t"
            "rev16  r4, r4\n\t"
            "eor    r4, r4, %[mask]\n\t"
            "sxtb16 r5, r5, ror #8\n\t"
            "sxtb16 r6, r6, ror #8\n\t"
            "sxtb16 r8, r8, ror #8\n\t"
            "sxtb16 r9, r9, ror #8\n\t"
            "smlad  %[a], r4, r5, %[a]\n\t"
            "smlad  %[b], r4, r6, %[b]\n\t"
            "smlad  %[c], r4, r8, %[c]\n\t"
            "smlad  %[d], r4, r9, %[d]\n\t"
            "cmp    %[x], %[last]\n\t"
            "bne    1b"
            : [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d), [w] "+r"(w), [x] "+r"(x)
            : [last] "r"(last), [mask] "r"(mask)
            : "r4", "r5", "r6", "r8", "r9", "r10", "cc", "memory");
    sum[0] = a;
    sum[1] = b;
    sum[2] = c;
    sum[3] = d;
#else
    for (; from != end; from += 4) {
        add_word(sum, patchc_load(from), weights, 4);
        weights += 16;
    }
#endif
}

/* The sums of `lanes` channels, 4 or 1; the end of their weights. */
PATCHC_INLINE const int8_t *add_rows(int32_t sum[4], const patchc_in *in, const int8_t *weights,
                                     int32_t lanes)
{
    int32_t run = in->cols * in->channels, whole = run / 4 * 4;

    for (int32_t y = 0; y < in->rows; y++) {
        const int8_t *from = patchc_in_row(in, y);
        const int8_t *end = from + whole;

        if (lanes == 4) {
            if (whole != 0) {
                add_fours(sum, from, end, weights);
            }
        } else {
            for (int32_t i = 0; i < whole; i += 4) {
                add_word(sum, patchc_load(from + i), weights + i, 1);
            }
        }
        weights += whole * lanes;
        if (run % 4 != 0) {
            add_word(sum, patchc_load_some(end, run % 4), weights, lanes);
            weights += 4 * lanes;
        }
    }
    return weights;
}

/* Four channels of the pixel, from c on. */
PATCHC_INLINE void store(int8_t *pixel, const int32_t sum[4], int32_t c,
                         const patchc_conv_dsp_params *params)
{
    const patchc_form *form = params->form + c;
    const patchc_form f0 = form[0], f1 = form[1], f2 = form[2], f3 = form[3];

    if ((f0.factor | f1.factor | f2.factor | f3.factor) >= 0) {
        pixel[c] = patchc_by_line(sum[0], f0);
        pixel[c + 1] = patchc_by_line(sum[1], f1);
        pixel[c + 2] = patchc_by_line(sum[2], f2);
        pixel[c + 3] = patchc_by_line(sum[3], f3);
    } else {
        const int32_t copy[4] = {sum[0], sum[1], sum[2], sum[3]};

        for (int32_t k = 0; k < 4; k++) {
            pixel[c + k] = patchc_by_form(copy[k], c + k, params);
        }
    }
}

void patchc_dense_dsp(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                      const patchc_conv_dsp_params *params)
{
    int32_t start = start_of(in), c_out = out->channels, c = 0;
    int8_t *pixel = patchc_out_row(out, 0);
    const int8_t *weights = params->weights, *first = patchc_in_row(in, 0);
    int32_t run = in->cols * in->channels;
    int32_t one_run = in->rows == 1 && run % 4 == 0;

    (void)pads;
    PATCHC_MACS(in->rows * in->cols * in->channels, c_out);
    for (; c < c_out - 3; c += 4) {
        if (one_run) {
            int32_t sum[4] = {start, start, start, start};

            add_fours(sum, first, first + run, weights);
            store(pixel, sum, c, params);
            weights += 4 * run;
        } else {
            int32_t sum[4] = {start, start, start, start};

            weights = add_rows(sum, in, weights, 4);
            store(pixel, sum, c, params);
        }
    }
    for (; c < c_out; c++) {
        int32_t sum[4] = {start, 0, 0, 0};

        weights = add_rows(sum, in, weights, 1);
        pixel[c] = patchc_by_form(sum[0], c, params);
    }
    patchc_confine(pixel, c_out, params);
}
