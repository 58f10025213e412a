/* A pointwise convolution that keeps the sums of a pixel in scratch memory. */
#include "patchc_requant.h"
#include "patchc_twin.h"

void patchc_conv2d_pointwise_twin(const patchc_out *out, const patchc_in *in,
                                  const patchc_pads *pads, int8_t *scratch,
                                  const patchc_conv_params *params)
{
    int32_t *sums = (int32_t *)(void *)scratch;

    (void)pads;
    PATCHC_MACS(out->rows * out->cols, out->channels * in->channels);
    for (int32_t i = 0; i < out->rows; i++) {
        const int8_t *source = patchc_in_row(in, i);
        int8_t *pixel = patchc_out_row(out, i);

        for (int32_t j = 0; j < out->cols; j++) {
            const int8_t *weights = params->weights;

            for (int32_t c = 0; c < out->channels; c++) {
                sums[c] = 0;
            }
            for (int32_t k = 0; k < in->channels; k++) {
                for (int32_t c = 0; c < out->channels; c++) {
                    sums[c] += (int32_t)source[k] * *weights++;
                }
            }
            patchc_store(pixel, sums, out->channels, 0, params);
            source += in->channels;
            pixel += out->channels;
        }
    }
}
