/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
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

/* The inputs of one pixel of a map, as pixel j of `pixels`. */
PATCHC_INLINE void patchc_take_pixel(patchc_pass *pass, const int8_t *from, int32_t c_in,
                                     int32_t j, int32_t pixels)
{
    int32_t sum = 0;
    uint32_t *to = patchc_widen(pass->wide + j, from, c_in / 4, pixels, &sum);

    if (c_in % 4 != 0) {
        uint32_t word = patchc_load_some(from + c_in / 4 * 4, c_in % 4);
        uint32_t even = patchc_sxtb16(word);

        to[0] = even;
        to[pixels] = patchc_odd(word);
        sum = patchc_smlad(even, 0x00010001u, sum);
    }
    pass->start[j] = -128 * sum;
}

/* All output channels of the pixels, 1 to 3 of them: patchc_dsp_shared.c. */
void patchc_product(const patchc_pass *pass, int32_t pixels);

/* The products of three pixels, added to the sums of each, [c_out]. Of pixels that are the same
 * the sums may be the same. */
void patchc_product_add(const patchc_pass *pass, int32_t *const sums[3]);

#endif
