/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Convolution of one group with any window: arm_convolve_wrapper_s8. */
#include "patchc_cmsis_nn.h"

void patchc_conv2d_cmsis_nn(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                            int8_t *scratch, const patchc_conv_cmsis_nn_params *params)
{
    const patchc_window *window = &params->window;
    cmsis_nn_per_channel_quant_params quant = patchc_cmsis_nn_quant(params);
    cmsis_nn_context context = {scratch, params->work_bytes};
    cmsis_nn_dims bias_dims = {1, 1, 1, out->channels};
    cmsis_nn_dims filter_dims = {out->channels, window->kernel_h, window->kernel_w, in->channels};
    cmsis_nn_conv_params how;
    patchc_cmsis_nn_part part;

    how.input_offset = -params->pad_value;
    how.output_offset = params->zero_point;
    how.stride = patchc_cmsis_nn_stride(window);
    how.dilation = patchc_cmsis_nn_dilation(window);
    how.activation.min = params->lo;
    how.activation.max = params->hi;
    for (part = patchc_cmsis_nn_first(out, in, pads, window, scratch + params->work_bytes);
         part.more; patchc_cmsis_nn_next(&part)) {
        how.padding = part.padding;
        (void)arm_convolve_wrapper_s8(&context, &how, &quant, &part.input_dims, part.input,
                                      &filter_dims, params->weights, &bias_dims, params->bias,
                                      &part.output_dims, part.output);
    }
}
