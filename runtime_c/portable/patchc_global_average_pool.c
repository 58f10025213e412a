/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Mean over all pixels of the view, four channels at a time. */
#include "patchc_requant.h"

static void sum_pixels(int32_t sum[4], int32_t lanes, const patchc_in *in, int32_t channel)
{
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;

    for (int32_t i = 0; i < in->rows; i++) {
        const int8_t *pixel = patchc_in_row(in, i) + channel;

        for (int32_t j = 0; j < in->cols; j++) {
            s0 += pixel[0];
            if (lanes == 4) {
                s1 += pixel[1];
                s2 += pixel[2];
                s3 += pixel[3];
            }
            pixel += in->channels;
        }
    }
    sum[0] = s0;
    sum[1] = s1;
    sum[2] = s2;
    sum[3] = s3;
}

void patchc_global_average_pool(const patchc_out *out, const patchc_in *in,
                                const patchc_pads *pads, const patchc_global_params *params)
{
    int8_t *pixel = patchc_out_row(out, 0);
    int32_t lanes;

    (void)pads;
    for (int32_t c = 0; c < out->channels; c += lanes) {
        int32_t sum[4];

        lanes = out->channels - c >= 4 ? 4 : 1;
        sum_pixels(sum, lanes, in, c);
        for (int32_t k = 0; k < lanes; k++) {
            pixel[c + k] = patchc_mean(sum[k], params);
        }
    }
}
