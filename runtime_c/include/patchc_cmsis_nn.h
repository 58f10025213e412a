/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* A view in as few calls of CMSIS-NN as there can be: for (part = first; part.more; next) call. */
#ifndef PATCHC_CMSIS_NN_H
#define PATCHC_CMSIS_NN_H

#include "patchc_cmsis_nn_port.h"

#include "arm_nnfunctions.h"
#include "patchc_kernels_cmsis_nn.h"

typedef struct {
    /* the whole */
    const patchc_out *out;
    const patchc_in *in;
    const patchc_pads *pads;
    const patchc_window *window;
    int8_t *copy;      /* where dense copies of a row's last columns go */
    int32_t row, col;  /* of the output, behind this part */
    /* this part, as the library has it */
    int32_t more;      /* 0: there is none */
    const int8_t *input;
    int8_t *output;
    cmsis_nn_dims input_dims, output_dims;
    cmsis_nn_tile padding;
} patchc_cmsis_nn_part;

/* copy: may be null where all columns of the map are in view. */
patchc_cmsis_nn_part patchc_cmsis_nn_first(const patchc_out *out, const patchc_in *in,
                                           const patchc_pads *pads, const patchc_window *window,
                                           int8_t *copy);
void patchc_cmsis_nn_next(patchc_cmsis_nn_part *part);

static inline cmsis_nn_tile patchc_cmsis_nn_stride(const patchc_window *window)
{
    cmsis_nn_tile stride = {window->stride_w, window->stride_h};

    return stride;
}

static inline cmsis_nn_tile patchc_cmsis_nn_dilation(const patchc_window *window)
{
    cmsis_nn_tile dilation = {window->dilation_w, window->dilation_h};

    return dilation;
}

/* The library takes these as if it wrote to them. */
static inline cmsis_nn_per_channel_quant_params
patchc_cmsis_nn_quant(const patchc_conv_cmsis_nn_params *params)
{
    cmsis_nn_per_channel_quant_params quant;

    quant.multiplier = (int32_t *)params->multiplier;
    quant.shift = (int32_t *)params->shift;
    return quant;
}

#endif
