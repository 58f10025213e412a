/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Softmax over the channels as onnxruntime's QLinearSoftmax computes it: exponentials looked up and
 * summed in float32, one by one; each times the steps of the output, over the sum, rounded once. */
#include "patchc_softfloat.h"

#define FAR 32 /* an entry so many binary places below the sum gives less than half a step */

/* The sum of two entries. An addition in float32 never rounds a subnormal result, so that with
 * exponents enough it needs no case of its own. */
static uint32_t add(uint32_t a, uint32_t b)
{
    uint32_t large = a > b ? a : b, small = a > b ? b : a;
    uint32_t distance = (large >> 23) - (small >> 23);
    uint64_t sum;
    int32_t drop;

    if (small == 0 || distance > 32) {
        return large;
    }
    sum = ((uint64_t)patchc_f32_significand(large) << 32)
          + ((uint64_t)patchc_f32_significand(small) << (32 - distance));
    drop = patchc_bit_length64(sum) - 24;
    /* added, not or-ed, as in patchc_f32_round */
    return (((large >> 23) + (uint32_t)drop - 32) << 23)
           + ((uint32_t)patchc_half_even64(sum, drop) - PATCHC_F32_HIDDEN);
}

/* entry * steps / sum to the nearest integer, ties to even. The product has 24 + 30 bits at most. */
static int32_t steps_of(uint32_t entry, uint32_t sum, uint32_t steps)
{
    uint32_t distance = (sum >> 23) - (entry >> 23);
    uint64_t product, divisor, quotient, twice;

    if (entry == 0 || distance >= FAR) {
        return 0;
    }
    product = (uint64_t)patchc_f32_significand(entry) * steps;
    divisor = (uint64_t)patchc_f32_significand(sum) << distance;
    quotient = product / divisor;
    twice = 2 * (product - quotient * divisor);
    if (twice > divisor || (twice == divisor && (quotient & 1) != 0)) {
        quotient++;
    }
    return (int32_t)quotient;
}

static void compute_pixel(int8_t *out, const int8_t *in, int32_t channels,
                          const patchc_softmax_params *params)
{
    uint32_t sum = 0;
    int32_t most = in[0];

    for (int32_t c = 1; c < channels; c++) {
        most = in[c] > most ? in[c] : most;
    }
    for (int32_t c = 0; c < channels; c++) {
        sum = add(sum, params->exponentials[255 - most + in[c]]);
    }
    for (int32_t c = 0; c < channels; c++) {
        int32_t steps = steps_of(params->exponentials[255 - most + in[c]], sum, params->steps);

        out[c] = patchc_clamp(steps + params->zero_point, params->lo, params->hi);
    }
}

void patchc_softmax(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                    const patchc_softmax_params *params)
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
