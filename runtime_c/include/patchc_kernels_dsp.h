/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* The kernels for cores with DSP instructions: Cortex-M4, M7, M33. They compute what the kernels of
 * patchc_kernels.h compute, byte for byte, from the same views, which may lie at any address.
 * Their weights are packed for their loops and begin at a multiple of four bytes. So does
 * `scratch`, which belongs to the kernel during the call and overlaps nothing.
 */
#ifndef PATCHC_KERNELS_DSP_H
#define PATCHC_KERNELS_DSP_H

#include "patchc_kernels.h"

/* Before the definition of an array that begins at a multiple of so many bytes. */
#if defined(PATCHC_ALIGNED)
/* given by the project */
#elif defined(__GNUC__) || defined(__ICCARM__)
#define PATCHC_ALIGNED(bytes) __attribute__((aligned(bytes)))
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define PATCHC_ALIGNED(bytes) _Alignas(bytes)
#else
#error "define PATCHC_ALIGNED(bytes) as what aligns an array with this compiler"
#endif

/* Requantisation: patchc_requant.h. A channel with a line becomes
 *     ((sum << PATCHC_LIFT) + offset) * factor >> (32 + PATCHC_DROP),
 * then clipped; its bias is in the offset. Lines of other shifts count as none: the channel is rare.
 */
#define PATCHC_LIFT 8
#define PATCHC_DROP 10

typedef struct {
    patchc_window window;
    const int8_t *weights;    /* layout: see the kernel; at a multiple of four bytes */
    const patchc_form *form;  /* [c_out]; for sums as the layout makes them */
    const patchc_rare *rare;  /* null where every channel has a line */
    uint8_t pixels;           /* computed at once, 1 to 3: more are faster and need more scratch */
    int8_t pad_value;         /* the input's zero point */
    int8_t zero_point;        /* of the output */
    int8_t lo, hi;            /* range of the output */
} patchc_conv_dsp_params;

/* "Fours": the taps of an output channel in the order [kernel_h][kernel_w][c_in], four at a time,
 * zeros behind the last. Output channels go in blocks of `lanes` neighbours, and the channels left
 * over one by one: [c_out / lanes][taps / 4][lanes][4], then [c_out % lanes][taps / 4][4]. Of each
 * four weights the first and the third are stored xor 0x80. A channel's sums are too small by 128
 * times the sum of its second and fourth weights of every four, which its offset, or the bias of a
 * rare channel, makes good (patchc_dsp_product.h).
 *
 * patchc_conv2d_pointwise_dsp: 1x1, stride 1, no pads; fours, lanes 2
 *     scratch: 2 * pixels * align4(c_in) bytes; fewer where the view has fewer pixels
 * patchc_conv2d_dsp: groups 1; fours, lanes 2
 *     scratch: 2 * pixels * align4(taps) bytes, and align4(taps) more where c_in is not a multiple
 *     of 4; fewer where the view has fewer pixels
 * patchc_dense_dsp: a window over the whole view, no pads; fours of each row, [rows] of them one
 *     behind the other, each with zeros behind its last; lanes 4
 *     scratch: none, and no pointer to any
 * patchc_conv2d_depthwise_dsp: one input channel per output channel; 3x3, 5x5 or 7x7, strides of
 *     columns 1 or 2, dilation 1; two channels in a block of align4(2 * taps) bytes, zeros behind
 *     the last. Of the columns of a row, 0 and 2 are a pair, 1 and 3, 4 and 6, as far as there
 *     are, and 1, 4 or 5 is single. In a block are
 *         the pairs: [kernel_h][pairs][2 columns][2 channels]
 *         the single columns: [kernel_h][2 channels]
 *     scratch: align4(c) + 8 * kernel_h * (kernel_w + stride_w) bytes
 *
 * patchc_pointwise_add_dsp, patchc_pointwise_finish_dsp: a pointwise convolution in two halves, as
 *     in patchc_kernels.h; fours of the channels of each part, lanes 2. What the sums are too
 *     small by is that of all parts together.
 *     scratch: 6 * align4(c_in of the part) bytes, and none
 *
 * Promises of order (patchc/kernels/kernel.py): Order.PIXEL, unless said otherwise. */
void patchc_conv2d_pointwise_dsp(const patchc_out *out, const patchc_in *in,
                                 const patchc_pads *pads, int8_t *scratch,
                                 const patchc_conv_dsp_params *params);
void patchc_conv2d_dsp(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                       int8_t *scratch, const patchc_conv_dsp_params *params);
void patchc_dense_dsp(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                      const patchc_conv_dsp_params *params);
void patchc_conv2d_depthwise_dsp(const patchc_out *out, const patchc_in *in,
                                 const patchc_pads *pads, int8_t *scratch,
                                 const patchc_conv_dsp_params *params);

void patchc_pointwise_add_dsp(const patchc_sums *sums, const patchc_in *in, int8_t *scratch,
                              const patchc_conv_dsp_params *params);
void patchc_pointwise_finish_dsp(const patchc_out *out, const patchc_sums *sums,
                                 const patchc_conv_dsp_params *params);

/* Kernels of patchc_kernels.h with a faster loop in them; constants and promises are the same. */
void patchc_add_dsp(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                    const patchc_add_params *params);
void patchc_sub_dsp(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                    const patchc_sub_params *params);
void patchc_max_pool_dsp(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                         const patchc_pool_params *params);

/* ---- A few channels at a time, as in patchc_tunnel.h ---- */

/* The constants of output channels from k on, of `bytes` of weights each. */
static inline patchc_conv_dsp_params
patchc_outputs_from_dsp(const patchc_conv_dsp_params *params, int32_t k, int32_t bytes)
{
    patchc_conv_dsp_params part = *params;

    part.weights += k * bytes;
    part.form += k;
    return part;
}

/* The weights of input channels from k on, a multiple of 4, for all `c_out` output channels. */
static inline patchc_conv_dsp_params
patchc_inputs_from_dsp(const patchc_conv_dsp_params *params, int32_t k, int32_t c_out)
{
    patchc_conv_dsp_params part = *params;

    part.weights += k * c_out;
    return part;
}

#endif
