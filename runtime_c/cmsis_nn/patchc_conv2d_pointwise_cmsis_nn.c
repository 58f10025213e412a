/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Convolution 1x1, stride 1, no pads, for which the library needs no memory. */
#include "patchc_cmsis_nn.h"

void patchc_conv2d_pointwise_cmsis_nn(const patchc_out *out, const patchc_in *in,
                                      const patchc_pads *pads,
                                      const patchc_conv_cmsis_nn_params *params)
{
    cmsis_nn_per_channel_quant_params quant = patchc_cmsis_nn_quant(params);
    cmsis_nn_context context = {NULL, 0};
    cmsis_nn_dims bias_dims = {1, 1, 1, out->channels};
    cmsis_nn_dims filter_dims = {out->channels, 1, 1, in->channels};
    cmsis_nn_conv_params how;
    patchc_cmsis_nn_part part;

    how.input_offset = -params->pad_value;
    how.output_offset = params->zero_point;
    how.stride = patchc_cmsis_nn_stride(&params->window);
    how.dilation = patchc_cmsis_nn_dilation(&params->window);
    how.activation.min = params->lo;
    how.activation.max = params->hi;
    for (part = patchc_cmsis_nn_first(out, in, pads, &params->window, NULL); part.more;
         patchc_cmsis_nn_next(&part)) {
        how.padding = part.padding;
        (void)arm_convolve_wrapper_s8(&context, &how, &quant, &part.input_dims, part.input,
                                      &filter_dims, params->weights, &bias_dims, params->bias,
                                      &part.output_dims, part.output);
    }
}
