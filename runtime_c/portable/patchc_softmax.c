/* Softmax over the channels, by the float32 operations of onnxruntime's QLinearSoftmax in their
 * order: exponentials looked up and summed, each times the steps of the output, over the sum. */
#include "patchc_softfloat.h"

#define TIMES_4 (UINT32_C(2) << 23) /* what a float32 grows by, as a bit pattern */

static void compute_pixel(int8_t *out, const int8_t *in, int32_t channels,
                          const patchc_softmax_params *params)
{
    uint32_t sum = 0;
    int32_t most = in[0];

    for (int32_t c = 1; c < channels; c++) {
        most = in[c] > most ? in[c] : most;
    }
    for (int32_t c = 0; c < channels; c++) {
        sum = patchc_f32_add(sum, params->exponentials[255 - most + in[c]]);
    }
    for (int32_t c = 0; c < channels; c++) {
        uint32_t product = patchc_f32_mul(params->exponentials[255 - most + in[c]], params->steps);
        int32_t steps = 0;

        /* a quotient below 1/4 is none, and might be too small for a float32 */
        if (product + TIMES_4 > sum) {
            steps = patchc_f32_rint(patchc_f32_div(product, sum));
        }
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
