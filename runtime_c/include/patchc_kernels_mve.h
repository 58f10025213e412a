/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* The kernels for cores with MVE: Cortex-M55. They compute what the kernels of patchc_kernels.h
 * compute, byte for byte, from the same views and constants; views may lie at any address. Only
 * their weights are in another order. `scratch` belongs to the kernel during the call and overlaps
 * nothing.
 */
#ifndef PATCHC_KERNELS_MVE_H
#define PATCHC_KERNELS_MVE_H

#include "patchc_kernels.h"

#define PATCHC_FEW_TAPS 16  /* that fit one vector */
#define PATCHC_FEW_PIXELS 8 /* that are computed at once then, of a row */
#define PATCHC_PIXELS 3     /* else */

/* "Rows": the taps of an output channel one after the other, [c_out][kernel_h][kernel_w][c_in].
 *
 * patchc_conv2d_pointwise_mve: 1x1, stride 1, no pads; rows
 * patchc_conv2d_mve: groups 1; rows
 *     scratch of both: 16 bytes for each pixel that is computed at once for up to PATCHC_FEW_TAPS
 *     taps, else `taps` bytes for each of these
 * patchc_dense_mve: a window over the whole view, no pads; rows
 *     scratch: none, and no pointer to any
 * patchc_conv2d_depthwise_mve: one input channel per output channel; 3x3, 5x5 or 7x7, strides of
 *     columns 1 or 2, dilation 1; eight channels at a time, zeros in place of those that the last
 *     eight lack: [c / 8][kernel_h][kernel_w][8]
 *     scratch, at a multiple of four bytes: c bytes; where c is not a multiple of 8, align4(c)
 *     + 80 + 8 * kernel_h * (kernel_w + stride_w)
 *
 * patchc_pointwise_add_mve, patchc_pointwise_finish_mve: a pointwise convolution in two halves, as
 *     in patchc_kernels.h; rows of the channels of each part
 *     scratch: none, and no pointer to any
 *
 * Promises of order (patchc/kernels/kernel.py): Order.PIXEL. */
void patchc_conv2d_pointwise_mve(const patchc_out *out, const patchc_in *in,
                                 const patchc_pads *pads, int8_t *scratch,
                                 const patchc_conv_params *params);
void patchc_conv2d_mve(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                       int8_t *scratch, const patchc_conv_params *params);
void patchc_dense_mve(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                      const patchc_conv_params *params);
void patchc_conv2d_depthwise_mve(const patchc_out *out, const patchc_in *in,
                                 const patchc_pads *pads, int8_t *scratch,
                                 const patchc_conv_params *params);

void patchc_pointwise_add_mve(const patchc_sums *sums, const patchc_in *in,
                              const patchc_conv_params *params);
void patchc_pointwise_finish_mve(const patchc_out *out, const patchc_sums *sums,
                                 const patchc_conv_params *params);

/* Kernels of patchc_kernels.h with a faster loop in them; constants and promises are the same. */
void patchc_add_mve(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                    const patchc_add_params *params);
void patchc_sub_mve(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                    const patchc_sub_params *params);
void patchc_mul_mve(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                    const patchc_mul_params *params);
void patchc_max_pool_mve(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                         const patchc_pool_params *params);
void patchc_lut_mve(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                    const patchc_lut_params *params);
void patchc_mean_add_mve(const patchc_sums *sums, const patchc_in *in);

#endif
