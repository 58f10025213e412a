/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* The products of some input channels with their weights, added to the sums of every pixel, three
 * pixels at a time: patchc_dsp_product.h. */
#include "patchc_dsp_product.h"

void patchc_pointwise_add_dsp(const patchc_sums *sums, const patchc_in *in, int8_t *scratch,
                              const patchc_conv_dsp_params *params)
{
    int32_t c_in = in->channels, c_out = sums->channels;
    int32_t left = in->rows * in->cols, row = 0, col = 0;
    const int8_t *from = patchc_in_row(in, 0);
    int32_t *to = sums->data;
    patchc_pass pass;

    PATCHC_MACS(left, c_out * c_in);
    pass.params = params;
    pass.c_out = c_out;
    pass.fours = (c_in + 3) / 4;
    pass.wide = (uint32_t *)(void *)scratch;
    for (; left > 0; left -= 3) {
        int32_t *out[3];

        for (int32_t j = 0; j < 3; j++) {
            patchc_take_pixel(&pass, from, c_in, j, 3);
            out[j] = to;
            if (left - j > 1) { /* else the last pixel again */
                from += c_in;
                to += c_out;
                if (++col == in->cols) {
                    col = 0;
                    from = patchc_in_row(in, ++row);
                }
            }
        }
        patchc_product_add(&pass, out);
    }
}
