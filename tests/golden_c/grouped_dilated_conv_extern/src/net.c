/* net: the program.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 * SPDX-License-Identifier: Apache-2.0 OR 0BSD
 *
 * The arena, 108 bytes:
 *
 *    offset     bytes  kind         blocks     tensors
 *         0       108  output       0..0       conv0
 */
#include "net.h"

#include <string.h>

#include "net_weights.h"
#include "patchc_kernels.h"

#ifndef NET_RUNTIME
#error "patchc_names.h: of another network; to share a folder they take --runtime shared"
#endif

static const patchc_conv_params params_conv0_node = {
    .window = {.kernel_h = 3, .kernel_w = 2, .stride_h = 2, .stride_w = 1, .dilation_h = 2,
            .dilation_w = 3},
    .groups = 2, .weights = net_conv0_node_weights, .form = net_conv0_node_form,
    .rare = net_conv0_node_rare, .pad_value = 12, .zero_point = -12, .lo = -128, .hi = 127,
    .drop = 10};

/* 0: conv0.node  conv in 2 groups 3x2 s2x1 d2x3, 7x6x4 -> 3x6x6 */
static PATCHC_APART void block_0_conv0(int8_t *arena, const net_inputs *inputs)
{
    const patchc_in in = {
        .data = inputs->image, .pitch = 24, .slots = 7, .slot = 0,
        .rows = 7, .cols = 6, .channels = 4};
    const patchc_out out = {
        .data = arena, .pitch = 36, .slots = 3, .slot = 0,
        .rows = 3, .cols = 6, .channels = 6};
    const patchc_pads pads = {.top = 2, .left = 1, .bottom = 0, .right = 2};
    patchc_conv2d(&out, &in, &pads, &params_conv0_node);
}

int net_run(void *arena, const net_inputs *in, const net_outputs *out)
{
    int8_t *const base = (int8_t *)arena;

    if (base == NULL || in == NULL) {
        return NET_ERR_NULL;
    }
    if (in->image == NULL) {
        return NET_ERR_NULL;
    }

    block_0_conv0(base, in);

    if (out != NULL) {
        if (out->conv0 != NULL) {
            memmove(out->conv0, base + NET_OUT0_OFFSET, NET_OUT0_BYTES);
        }
    }
    return 0;
}
