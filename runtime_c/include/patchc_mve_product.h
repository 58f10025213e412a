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

/* Four sums of a channel without a line, before they are clipped. */
patchc_four patchc_four_rare(patchc_four sums, const patchc_rare *rare, int32_t zero_point);

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
