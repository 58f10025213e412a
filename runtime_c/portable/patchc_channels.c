/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* One pixel or two by all channels, once for all kernels. */
#include "patchc_dot.h"

void patchc_channels(int8_t *to, const int8_t *from, int32_t pixels, int32_t taps, int32_t c_out,
                    const patchc_conv_params *params)
{
    const int8_t *weights = params->weights;
    int32_t c = 0, channels;

    for (; c + 4 <= c_out; c += channels) {
        int32_t sum[PATCHC_SUMS];

        channels = 4;
        patchc_set_4(sum, 0, 0, 0, 0);
        if (PATCHC_TWO_PIXELS(pixels)) {
            patchc_set_4(sum + 4, 0, 0, 0, 0);
            patchc_dot_4x2(sum, from, taps, weights, taps);
            patchc_store_4(to + c_out, sum + 4, c, params);
        } else if (PATCHC_EIGHT_CHANNELS(c_out - c)) {
            channels = 8;
            patchc_set_4(sum + 4, 0, 0, 0, 0);
            patchc_dot_8(sum, from, weights, taps);
            patchc_store_4(to, sum + 4, c + 4, params);
        } else {
            patchc_dot_4(sum, from, weights, taps);
        }
        patchc_store_4(to, sum, c, params);
        weights += channels * taps;
    }
    for (; c < c_out; c++) {
        for (int32_t j = 0; j < pixels; j++) {
            int32_t sum = patchc_dot_1(from + j * taps, weights, taps);

            patchc_store(to + j * c_out, &sum, 1, c, params);
        }
        weights += taps;
    }
    patchc_limit(to, pixels * c_out, params);
}
