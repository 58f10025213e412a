/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Normalisation over the channels in integers: sums of values and of squares, one root and one
 * division for each pixel, two long products for each value. */
#include "patchc_requant.h"

#define ROOT_BITS 52
#define NORMAL_BITS 20

/* The root of a number of ROOT_BITS bits, rounded down, bit by bit; 1 for 0. */
static uint32_t root_of(uint64_t value)
{
    uint64_t root = 0;

    for (int32_t n = ROOT_BITS - 2; n >= 0; n -= 2) {
        uint64_t step = (uint64_t)1 << n;

        if (value >= root + step) {
            value -= root + step;
            root = (root >> 1) + step;
        } else {
            root >>= 1;
        }
    }
    return root == 0 ? 1 : (uint32_t)root;
}

static void compute_pixel(int8_t *out, const int8_t *in, int32_t channels,
                          const patchc_layer_norm_params *params)
{
    int32_t sum = 0;
    uint32_t squares = 0;
    uint64_t spread;
    int64_t inverse;

    for (int32_t c = 0; c < channels; c++) {
        int32_t value = in[c] - params->in_zero_point;

        sum += value;
        squares += (uint32_t)(value * value);
    }
    sum = params->centered ? sum : 0;
    spread = (uint64_t)channels * squares - (uint64_t)((int64_t)sum * sum);
    spread = (spread << params->widening) + params->epsilon;
    inverse = (int64_t)(((uint64_t)1 << ROOT_BITS) / root_of(spread));
    for (int32_t c = 0; c < channels; c++) {
        int64_t above = channels * (in[c] - params->in_zero_point) - sum;
        int32_t normal = (int32_t)(above * inverse >> params->drop);
        int64_t scaled = (int64_t)normal * params->factors[c] >> NORMAL_BITS;

        out[c] = patchc_clamp((int32_t)((scaled + params->offsets[c]) >> params->places),
                              params->lo, params->hi);
    }
}

void patchc_layer_norm(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                       const patchc_layer_norm_params *params)
{
    (void)pads;
    for (int32_t i = 0; i < out->rows; i++) {
        const int8_t *source = patchc_in_row(in, i);
        int8_t *pixel = patchc_out_row(out, i);

        for (int32_t j = 0; j < out->cols; j++) {
            compute_pixel(pixel, source, in->channels, params);
            source += in->channels;
            pixel += out->channels;
        }
    }
}
