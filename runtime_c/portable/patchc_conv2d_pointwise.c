/* Convolution with one tap: a matrix product per pixel. */
#include "patchc_requant.h"

void patchc_conv2d_pointwise(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                             const patchc_conv_params *params)
{
    int32_t c_in = in->channels, c_out = out->channels;

    (void)pads;
    PATCHC_MACS(out->rows * out->cols, c_out * c_in);
    for (int32_t i = 0; i < out->rows; i++) {
        const int8_t *source = patchc_in_row(in, i);
        int8_t *pixel = patchc_out_row(out, i);

        for (int32_t j = 0; j < out->cols; j++) {
            const int8_t *weights = params->weights;
            int32_t lanes;

            for (int32_t c = 0; c < c_out; c += lanes) {
                int32_t sum[4] = {0, 0, 0, 0};

                lanes = c_out - c >= 4 ? 4 : 1;
                patchc_dot(sum, lanes, source, weights, c_in);
                patchc_store(pixel, sum, lanes, c, params);
                weights += c_in * lanes;
            }
            source += c_in;
            pixel += c_out;
        }
    }
}
