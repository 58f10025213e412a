/* Kernels made for tests only: a second flavour of two operators. */
#ifndef PATCHC_TWIN_H
#define PATCHC_TWIN_H

#include "patchc_kernels.h"

/* Weights [c_in][c_out]. `scratch`: int32_t [c_out], the sums of one pixel. */
void patchc_conv2d_pointwise_twin(const patchc_out *out, const patchc_in *in,
                                  const patchc_pads *pads, int8_t *scratch,
                                  const patchc_conv_params *params);

/* Weights [c][kernel_h][kernel_w]; as many channels out as in. The rows of the input view lie one
 * behind the other. */
void patchc_conv2d_depthwise_twin(const patchc_out *out, const patchc_in *in,
                                  const patchc_pads *pads, const patchc_conv_params *params);

#endif
