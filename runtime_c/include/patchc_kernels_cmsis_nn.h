/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* The kernels that call CMSIS-NN. They compute what the kernels of patchc_kernels.h compute, from
 * the same views; which layers come out byte for byte the same is proved when they are chosen.
 *
 * The library takes maps without a gap between rows, pads at the top and left, and lets the sizes
 * imply those at the bottom and right. So a view goes to it in as few calls as that allows: one
 * where rows are dense, else a call per row of the output; and the columns whose windows reach
 * beyond the right border, if their rows are longer than the view, from a copy.
 *
 * patchc_conv2d_pointwise_cmsis_nn and those of two operands find the rows of a ring wherever they
 * lie. The others read row i at slot + i. Outputs may be rings. A call may write before it has read everything.
 *
 * `scratch` begins at a multiple of four bytes, belongs to the kernel during the call and overlaps
 * nothing: `work_bytes` for the library, then the copy, of kernel_h x (kernel_w - 1) pixels of the
 * window's extent, where a call makes less than all columns of the map.
 */
#ifndef PATCHC_KERNELS_CMSIS_NN_H
#define PATCHC_KERNELS_CMSIS_NN_H

#include "patchc_kernels.h"

typedef struct {
    patchc_window window;
    const int8_t *weights;     /* [c_out][kernel_h][kernel_w][c_in]; depthwise: c_out last */
    const int32_t *bias;       /* [c_out] */
    const int32_t *multiplier; /* [c_out] */
    const int32_t *shift;      /* [c_out]; to the left */
    int32_t work_bytes;        /* that the library works in */
    int8_t pad_value;          /* the input's zero point */
    int8_t zero_point;         /* of the output */
    int8_t lo, hi;             /* range of the output */
} patchc_conv_cmsis_nn_params;

typedef struct {
    patchc_window window;
    int32_t work_bytes;
    int8_t lo, hi;
} patchc_pool_cmsis_nn_params;

/* Shifts are to the left. */
typedef struct {
    int32_t a_offset; /* less its zero point */
    int32_t a_multiplier, a_shift;
    int32_t b_offset, b_multiplier, b_shift;
    int32_t left_shift;        /* of both operands */
    int32_t multiplier, shift; /* of the sum */
    int8_t zero_point;         /* of the output */
    int8_t lo, hi;
} patchc_add_cmsis_nn_params;

typedef struct {
    int32_t a_offset, b_offset; /* less their zero points */
    int32_t multiplier, shift;  /* of the product */
    int8_t zero_point;          /* of the output */
    int8_t lo, hi;
} patchc_mul_cmsis_nn_params;

void patchc_conv2d_cmsis_nn(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                            int8_t *scratch, const patchc_conv_cmsis_nn_params *params);
void patchc_conv2d_pointwise_cmsis_nn(const patchc_out *out, const patchc_in *in,
                                      const patchc_pads *pads,
                                      const patchc_conv_cmsis_nn_params *params);
void patchc_dense_cmsis_nn(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                           const patchc_conv_cmsis_nn_params *params);
void patchc_conv2d_depthwise_cmsis_nn(const patchc_out *out, const patchc_in *in,
                                      const patchc_pads *pads, int8_t *scratch,
                                      const patchc_conv_cmsis_nn_params *params);
/* Without working memory for the library, and slower. */
void patchc_conv2d_depthwise_basic_cmsis_nn(const patchc_out *out, const patchc_in *in,
                                            const patchc_pads *pads, int8_t *scratch,
                                            const patchc_conv_cmsis_nn_params *params);
void patchc_max_pool_cmsis_nn(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                              int8_t *scratch, const patchc_pool_cmsis_nn_params *params);
void patchc_average_pool_cmsis_nn(const patchc_out *out, const patchc_in *in,
                                  const patchc_pads *pads, int8_t *scratch,
                                  const patchc_pool_cmsis_nn_params *params);
/* Of maps of one size. */
void patchc_add_cmsis_nn(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                         const patchc_add_cmsis_nn_params *params);
void patchc_mul_cmsis_nn(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                         const patchc_mul_cmsis_nn_params *params);

#endif
