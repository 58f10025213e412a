/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* The mean of the values of each window that are no padding: arm_avgpool_s8. */
#include "patchc_cmsis_nn.h"

void patchc_average_pool_cmsis_nn(const patchc_out *out, const patchc_in *in,
                                  const patchc_pads *pads, int8_t *scratch,
                                  const patchc_pool_cmsis_nn_params *params)
{
    const patchc_window *window = &params->window;
    cmsis_nn_context context = {scratch, params->work_bytes};
    cmsis_nn_dims filter_dims = {1, window->kernel_h, window->kernel_w, 1};
    cmsis_nn_pool_params how;
    patchc_cmsis_nn_part part;

    how.stride = patchc_cmsis_nn_stride(window);
    how.activation.min = params->lo;
    how.activation.max = params->hi;
    for (part = patchc_cmsis_nn_first(out, in, pads, window, scratch + params->work_bytes);
         part.more; patchc_cmsis_nn_next(&part)) {
        how.padding = part.padding;
        (void)arm_avgpool_s8(&context, &how, &part.input_dims, part.input, &filter_dims,
                             &part.output_dims, part.output);
    }
}
