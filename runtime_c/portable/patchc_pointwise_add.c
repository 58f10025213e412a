/* The products of some input channels with their weights, added to the sums of every pixel. */
#include "patchc_requant.h"

void patchc_pointwise_add(const patchc_sums *sums, const patchc_in *in,
                          const patchc_conv_params *params)
{
    int32_t c_in = in->channels, c_out = sums->channels;
    int32_t *sum = sums->data;

    PATCHC_MACS(in->rows * in->cols, c_out * c_in);
    for (int32_t i = 0; i < in->rows; i++) {
        const int8_t *source = patchc_in_row(in, i);

        for (int32_t j = 0; j < in->cols; j++) {
            const int8_t *weights = params->weights;
            int32_t lanes;

            for (int32_t c = 0; c < c_out; c += lanes) {
                lanes = c_out - c >= 4 ? 4 : 1;
                patchc_dot(sum + c, lanes, source, weights, c_in);
                weights += c_in * lanes;
            }
            source += c_in;
            sum += c_out;
        }
    }
}
