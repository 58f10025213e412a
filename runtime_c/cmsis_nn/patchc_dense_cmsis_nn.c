/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* A window over the whole view, as a 1x1 convolution of one pixel that has all of its values: the
 * library's dense layer knows one multiplier for all channels only. */
#include "patchc_cmsis_nn.h"

void patchc_dense_cmsis_nn(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                           const patchc_conv_cmsis_nn_params *params)
{
    int32_t values = in->rows * in->cols * in->channels;
    cmsis_nn_per_channel_quant_params quant = patchc_cmsis_nn_quant(params);
    cmsis_nn_context context = {NULL, 0};
    cmsis_nn_dims bias_dims = {1, 1, 1, out->channels};
    cmsis_nn_dims input_dims = {1, 1, 1, values};
    cmsis_nn_dims filter_dims = {out->channels, 1, 1, values};
    cmsis_nn_dims output_dims = {1, 1, 1, out->channels};
    cmsis_nn_tile one = {1, 1}, none = {0, 0};
    cmsis_nn_conv_params how;

    (void)pads; /* there are none */
    how.input_offset = -params->pad_value;
    how.output_offset = params->zero_point;
    how.stride = one;
    how.padding = none;
    how.dilation = one;
    how.activation.min = params->lo;
    how.activation.max = params->hi;
    (void)arm_convolve_wrapper_s8(&context, &how, &quant, &input_dims,
                                  in->data + in->slot * in->pitch, &filter_dims, params->weights,
                                  &bias_dims, params->bias, &output_dims,
                                  out->data + out->slot * out->pitch);
}
