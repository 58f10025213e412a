/* net: the program.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 * SPDX-License-Identifier: Apache-2.0 OR 0BSD
 *
 * The arena, 96 bytes:
 *
 *    offset     bytes  kind         blocks     tensors
 *         0        64  map          0..1       maxpool0
 *        64        32  output       1..1       average
 */
#include "net.h"

#include <string.h>

#include "net_weights.h"
#include "patchc_kernels.h"

#ifndef NET_RUNTIME
#error "patchc_names.h: of another network; to share a folder they take --runtime shared"
#endif

static const patchc_pool_params params_maxpool0_node = {
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2, .dilation_h = 1,
            .dilation_w = 1},
    .lo = -128, .hi = 127};

static const patchc_average_params params_average_node = {
    .window = {.kernel_h = 2, .kernel_w = 3, .stride_h = 1, .stride_w = 2, .dilation_h = 1,
            .dilation_w = 1},
    .divisor = 0, .in_scale = 1017370378, .out_scale = 1017370378, .in_zero_point = 8,
    .out_zero_point = -7, .offset = 0, .lo = -128, .hi = 127};

/* 0: maxpool0.node  max pool 3x3 s2, 9x9x4 -> 4x4x4 */
static PATCHC_APART void block_0_maxpool0(int8_t *arena, const net_inputs *inputs)
{
    const patchc_in in = {
        .data = inputs->image, .pitch = 36, .slots = 9, .slot = 0,
        .rows = 9, .cols = 9, .channels = 4};
    const patchc_out out = {
        .data = arena, .pitch = 16, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 4};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_max_pool(&out, &in, &pads, &params_maxpool0_node);
}

/* 1: average.node  average pool 2x3 s1x2, 4x4x4 -> 4x2x4 */
static PATCHC_APART void block_1_average(int8_t *arena)
{
    const patchc_in in = {
        .data = arena, .pitch = 16, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 4};
    const patchc_out out = {
        .data = arena + 64, .pitch = 8, .slots = 4, .slot = 0,
        .rows = 4, .cols = 2, .channels = 4};
    const patchc_pads pads = {.top = 1, .left = 1, .bottom = 0, .right = 0};
    patchc_average_pool(&out, &in, &pads, &params_average_node);
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

    block_0_maxpool0(base, in);
    block_1_average(base);

    if (out != NULL) {
        if (out->average != NULL) {
            memmove(out->average, base + NET_OUT0_OFFSET, NET_OUT0_BYTES);
        }
    }
    return 0;
}
