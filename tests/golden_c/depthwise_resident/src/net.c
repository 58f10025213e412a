/* net: the program.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 * SPDX-License-Identifier: Apache-2.0 OR 0BSD
 *
 * The arena, 300 bytes:
 *
 *    offset     bytes  kind         blocks     tensors
 *         0       150  output       0..0       conv0
 *       150       150  input        0..0       image
 */
#include "net.h"

#include <string.h>

#include "net_weights.h"
#include "patchc_kernels.h"

#ifndef NET_RUNTIME
#error "patchc_names.h: of another network; to share a folder they take --runtime shared"
#endif

static const patchc_conv_params params_conv0_node = {
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 6, .weights = net_conv0_node_weights, .form = net_conv0_node_form, .rare = NULL,
    .pad_value = 9, .zero_point = -1, .lo = -128, .hi = 127, .drop = 10};

/* 0: conv0.node  depthwise 3x3, 5x5x6 -> 5x5x6 */
static PATCHC_APART void block_0_conv0(int8_t *arena)
{
    const patchc_in in = {
        .data = arena + 150, .pitch = 30, .slots = 5, .slot = 0,
        .rows = 5, .cols = 5, .channels = 6};
    const patchc_out out = {
        .data = arena, .pitch = 30, .slots = 5, .slot = 0,
        .rows = 5, .cols = 5, .channels = 6};
    const patchc_pads pads = {.top = 1, .left = 1, .bottom = 1, .right = 1};
    patchc_conv2d_depthwise(&out, &in, &pads, &params_conv0_node);
}

int net_run(void *arena, const net_inputs *in, const net_outputs *out)
{
    int8_t *const base = (int8_t *)arena;

    if (base == NULL) {
        return NET_ERR_NULL;
    }
    if (in != NULL && in->image != NULL) {
        memmove(base + NET_IN0_OFFSET, in->image, NET_IN0_BYTES);
    }

    block_0_conv0(base);

    if (out != NULL) {
        if (out->conv0 != NULL) {
            memmove(out->conv0, base + NET_OUT0_OFFSET, NET_OUT0_BYTES);
        }
    }
    return 0;
}
