/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* A window over the whole view, no pads: one output pixel. */
#include "patchc_dot.h"

void patchc_dense(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                  const patchc_conv_params *params)
{
    int32_t run = in->cols * in->channels, c_out = out->channels, c = 0;
    int8_t *to = patchc_out_row(out, 0);
    const int8_t *weights = params->weights;

    (void)pads;
    PATCHC_MACS(in->rows * run, c_out);
    for (; c + 4 <= c_out; c += 4) {
        int32_t sum[4] = {0, 0, 0, 0};

        for (int32_t y = 0; y < in->rows; y++) {
            patchc_dot_4(sum, patchc_in_row(in, y), weights, run);
            weights += 4 * run;
        }
        patchc_store_4(to, sum, c, params);
    }
    for (; c < c_out; c++) {
        int32_t sum = 0;

        for (int32_t y = 0; y < in->rows; y++) {
            sum += patchc_dot_1(patchc_in_row(in, y), weights, run);
            weights += run;
        }
        patchc_store(to, &sum, 1, c, params);
    }
    patchc_limit(to, c_out, params);
}
