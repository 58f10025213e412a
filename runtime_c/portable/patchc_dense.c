/* A window over the whole view, no pads: one output pixel. */
#include "patchc_requant.h"

void patchc_dense(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                  const patchc_conv_params *params)
{
    int32_t run = in->cols * in->channels;
    int8_t *pixel = patchc_out_row(out, 0);
    const int8_t *weights = params->weights;
    int32_t lanes;

    (void)pads;
    PATCHC_MACS(in->rows * run, out->channels);
    for (int32_t c = 0; c < out->channels; c += lanes) {
        int32_t sum[4] = {0, 0, 0, 0};

        lanes = out->channels - c >= 4 ? 4 : 1;
        for (int32_t y = 0; y < in->rows; y++) {
            patchc_dot(sum, lanes, patchc_in_row(in, y), weights, run);
            weights += run * lanes;
        }
        patchc_store(pixel, sum, lanes, c, params);
    }
}
