/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* The product of a few pixels with all weights: patchc_mve_shared.c. */
#ifndef PATCHC_MVE_PRODUCT_H
#define PATCHC_MVE_PRODUCT_H

#include "patchc_kernels_mve.h"
#include "patchc_mve.h"

/* VQSHRN{B,T}.S32 Qd, Qm, #PATCHC_DROP as numbers: GNU as takes the name for that of VQRSHRN, which
 * rounds, up to version 2.40 at least. */
#define PATCHC_VQSHRNB(D, M) ".inst.w  0xee960f40 + (" #D " << 13) + (" #M " << 1)\n\t"
#define PATCHC_VQSHRNT(D, M) ".inst.w  0xee961f40 + (" #D " << 13) + (" #M " << 1)\n\t"

/* What the pixels of a layer share. */
typedef struct {
    const patchc_conv_params *params;
    int32_t c_out;
    int32_t taps;
} patchc_layer;

/* Do the views share no memory, so that outputs may be written before all inputs are read? */
PATCHC_INLINE int patchc_apart(const patchc_out *out, const patchc_in *in)
{
    uintptr_t a = (uintptr_t)out->data, b = (uintptr_t)in->data;
    int32_t a_bytes = (out->slots - 1) * out->pitch + out->cols * out->channels;
    int32_t b_bytes = (in->slots - 1) * in->pitch + in->cols * in->channels;

    return a + (uintptr_t)a_bytes <= b || b + (uintptr_t)b_bytes <= a;
}

/* All output channels of three pixels; of pixels that are the same the outputs may be, too. */
void patchc_three_pixels(const patchc_layer *layer, const int8_t *const in[3],
                         int8_t *const out[3]);

/* Of one. */
void patchc_one_pixel(const patchc_layer *layer, const int8_t *in, int8_t *out);

/* Of `pixels` neighbours, up to 16 taps each, 16 bytes from one to the next. What lies behind the
 * taps does not matter, but may be read. */
void patchc_few_taps(const patchc_layer *layer, const int8_t *in, int8_t *out, int32_t pixels);

/* A sum in whatever way the channel has. */
int8_t patchc_mve_by_form(int32_t sum, int32_t channel, const patchc_conv_params *params);

/* Those of four sums of a channel without a line that lie next to a tie, bit 4 * i of `near_tie`,
 * or all of a channel whose products are emulated; before they are clipped. */
patchc_four patchc_four_near_tie(patchc_four sums, patchc_four found, uint32_t near_tie,
                                 const patchc_rare *rare, int32_t zero_point);

/* Four sums of a channel without a line, clipped to int8: as patchc_guarded of patchc_rare.h. */
PATCHC_INLINE patchc_four patchc_four_rare(patchc_four sums, const patchc_rare *rare,
                                           int32_t zero_point)
{
    int32_t drop = rare->drop;
    uint32_t one = UINT32_C(1) << drop, guard = one >> 15 | 1;
    uint32_t near_tie = 0x1111;
    patchc_four found = sums;

    if (drop != 0) {
        found = patchc_four_shift(patchc_four_add(sums, patchc_four_of(rare->bias)), rare->lift);
        found = patchc_four_high(found, patchc_four_of((int32_t)(rare->scale.mantissa << 7)));
        found = patchc_four_add(found, patchc_four_of((int32_t)(one >> 1)));
        near_tie = patchc_four_below(patchc_four_add(found, patchc_four_of((int32_t)guard)),
                                     one - 1, 2 * guard);
        found = patchc_four_add(patchc_four_shift(found, -drop), patchc_four_of(zero_point));
    }
    if (near_tie != 0) {
        found = patchc_four_near_tie(sums, found, near_tie, rare, zero_point);
    }
    return patchc_four_clamp(found, -128, 127);
}

/* Into a range. */
void patchc_mve_confine_to(int8_t *out, int32_t count, int32_t lo, int32_t hi);

/* Into the layer's range, which is nearly always all of int8. */
PATCHC_INLINE void patchc_mve_confine(int8_t *out, int32_t count, const patchc_conv_params *params)
{
    if (params->lo != -128 || params->hi != 127) {
        patchc_mve_confine_to(out, count, params->lo, params->hi);
    }
}

#endif
