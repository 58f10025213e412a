/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* The products of some input channels with their weights, added to the sums of every pixel. */
#include "patchc_dot.h"

#if PATCHC_DOT_PIXELS > 1
/* Two neighbours, four channels at a time. */
static void add_2(int32_t *sums, const int8_t *from, int32_t c_in, int32_t c_out,
                  const int8_t *weights)
{
    for (int32_t c = 0; c + 4 <= c_out; c += 4) {
        int32_t *a = sums + c, *b = a + c_out;
        int32_t sum[8] = {a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3]};

        patchc_dot_4x2(sum, from, c_in, weights, c_in);
        patchc_set_4(a, sum[0], sum[1], sum[2], sum[3]);
        patchc_set_4(b, sum[4], sum[5], sum[6], sum[7]);
        weights += 4 * c_in;
    }
}
#endif

void patchc_pointwise_add(const patchc_sums *sums, const patchc_in *in,
                          const patchc_conv_params *params)
{
    int32_t c_in = in->channels, c_out = sums->channels, fours = c_out / 4 * 4;
    int32_t *sum = sums->data;

    PATCHC_MACS(in->rows * in->cols, c_out * c_in);
    for (int32_t i = 0; i < in->rows; i++) {
        const int8_t *from = patchc_in_row(in, i);

        for (int32_t j = 0; j < in->cols; j++) {
            const int8_t *weights = params->weights;

#if PATCHC_DOT_PIXELS > 1
            if (j % 2 == 0 && j + 1 < in->cols) {
                add_2(sum, from, c_in, c_out, weights);
            }
            if (j % 2 == 0 && j + 1 == in->cols)
#endif
            {
                for (int32_t c = 0; c < fours; c += 4) {
                    patchc_dot_4(sum + c, from, weights + c * c_in, c_in);
                }
            }
            for (int32_t c = fours; c < c_out; c++) {
                sum[c] += patchc_dot_1(from, weights + c * c_in, c_in);
            }
            from += c_in;
            sum += c_out;
        }
    }
}
