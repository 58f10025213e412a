/* net: the program.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 * SPDX-License-Identifier: Apache-2.0 OR 0BSD
 *
 * The arena, 9996 bytes:
 *
 *    offset     bytes  kind         blocks     tensors
 *         0       147  input        0..0       image
 *         0       294  map          1..2       conv1
 *         0       294  map          3..4       conv3
 *         0      4802  map          5..6       matmul7
 *         0       294  map          7..8       conv5
 *         0       294  map          9..10      matmul9
 *         0       392  map          11..13     conv11, add12
 *         0         3  output       14..14     conv14
 *       294       294  map          8..9       permute6
 *       392       294  map          10..11     permute10
 *       392         8  map          13..14     globalaveragepool13
 *      4802       294  map          2..5       permute2
 *      4802      4802  map          6..9       softmax8
 *      5096       294  map          4..5       permute4
 *      9604       392  map          0..12      conv0
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
    .groups = 1, .weights = net_conv0_node_weights, .form = net_conv0_node_form, .rare = NULL,
    .pad_value = -8, .zero_point = 5, .lo = -128, .hi = 127, .drop = 10};

static const patchc_conv_params params_conv1_node = {
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_conv1_node_weights, .form = net_conv1_node_form, .rare = NULL,
    .pad_value = 5, .zero_point = 9, .lo = -128, .hi = 127, .drop = 10};

static const patchc_permute_params params_permute2_node = {
    .rows = net_permute2_node_rows, .cols = net_permute2_node_cols,
    .channels = net_permute2_node_channels, .row_digits = 1, .col_digits = 1,
    .channel_digits = 1};

static const patchc_conv_params params_conv3_node = {
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_conv3_node_weights, .form = net_conv3_node_form, .rare = NULL,
    .pad_value = 5, .zero_point = 13, .lo = -128, .hi = 127, .drop = 10};

static const patchc_matmul_params params_matmul7_node = {
    .out = {.form = {.factor = 330166135, .offset = 193150}, .rare = NULL,
            .zero_point = 14, .lo = -128, .hi = 127},
    .transposed = 1, .a_zero_point = 9, .b_zero_point = 13};

static const patchc_softmax_params params_softmax8_node = {
    .exponentials = net_softmax8_node_exponentials, .steps = 256, .zero_point = -128,
    .lo = -128, .hi = 127};

static const patchc_conv_params params_conv5_node = {
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_conv5_node_weights, .form = net_conv5_node_form, .rare = NULL,
    .pad_value = 5, .zero_point = 3, .lo = -128, .hi = 127, .drop = 10};

static const patchc_matmul_params params_matmul9_node = {
    .out = {.form = {.factor = -1, .offset = 0}, .rare = net_matmul9_node_out_rare,
            .zero_point = 4, .lo = -128, .hi = 127},
    .transposed = 0, .a_zero_point = -128, .b_zero_point = 3};

static const patchc_permute_params params_permute10_node = {
    .rows = net_permute10_node_rows, .cols = net_permute10_node_cols,
    .channels = net_permute10_node_channels, .row_digits = 1, .col_digits = 1,
    .channel_digits = 2};

static const patchc_conv_params params_conv11_node = {
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_conv11_node_weights, .form = net_conv11_node_form,
    .rare = NULL, .pad_value = 4, .zero_point = 2, .lo = -128, .hi = 127, .drop = 10};

static const patchc_add_params params_add12_node = {
    .a_factor = 16219949, .b_factor = 8542290, .sum_constant = -114961544, .frac = 24,
    .near_a = 1013747, .near_b = 533893,
    .near = {.constant = 4288306744u, .mask = 1048064, .bits = 20}, .constant = NULL,
    .swap = 0, .offset = 0, .lo = -128, .hi = 127};

static const patchc_global_params params_globalaveragepool13_node = {
    .form = {.factor = -1, .offset = 0}, .rare = net_globalaveragepool13_node_rare,
    .zero_point = -6, .lo = -128, .hi = 127};

static const patchc_conv_params params_conv14_node = {
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_conv14_node_weights, .form = net_conv14_node_form,
    .rare = NULL, .pad_value = -6, .zero_point = -8, .lo = -128, .hi = 127, .drop = 10};

/* 0: conv0.node  conv 3x3, 7x7x3 -> 7x7x8 */
static PATCHC_APART void block_0_conv0(int8_t *arena)
{
    const patchc_in in = {
        .data = arena, .pitch = 21, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 3};
    const patchc_out out = {
        .data = arena + 9604, .pitch = 56, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 8};
    const patchc_pads pads = {.top = 1, .left = 1, .bottom = 1, .right = 1};
    patchc_conv2d(&out, &in, &pads, &params_conv0_node);
}

/* 1: conv1.node  conv 1x1, 7x7x8 -> 7x7x6 */
static PATCHC_APART void block_1_conv1(int8_t *arena)
{
    const patchc_in in = {
        .data = arena + 9604, .pitch = 56, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 8};
    const patchc_out out = {
        .data = arena, .pitch = 42, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 6};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_conv2d_pointwise(&out, &in, &pads, &params_conv1_node);
}

/* 2: permute2.node  copy in another order, 7x7x6 -> 2x49x3 */
static PATCHC_APART void block_2_permute2(int8_t *arena)
{
    const patchc_in in = {
        .data = arena, .pitch = 42, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 6};
    const patchc_out out = {
        .data = arena + 4802, .pitch = 147, .slots = 2, .slot = 0,
        .rows = 2, .cols = 49, .channels = 3};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_permute(&out, &in, &pads, &params_permute2_node);
}

/* 3: conv3.node  conv 1x1, 7x7x8 -> 7x7x6 */
static PATCHC_APART void block_3_conv3(int8_t *arena)
{
    const patchc_in in = {
        .data = arena + 9604, .pitch = 56, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 8};
    const patchc_out out = {
        .data = arena, .pitch = 42, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 6};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_conv2d_pointwise(&out, &in, &pads, &params_conv3_node);
}

/* 4: permute4.node  copy in another order, 7x7x6 -> 2x49x3 */
static PATCHC_APART void block_4_permute4(int8_t *arena)
{
    const patchc_in in = {
        .data = arena, .pitch = 42, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 6};
    const patchc_out out = {
        .data = arena + 5096, .pitch = 147, .slots = 2, .slot = 0,
        .rows = 2, .cols = 49, .channels = 3};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_permute(&out, &in, &pads, &params_permute2_node);
}

/* 5: matmul7.node  product of matrices, 2x49x3 + 2x49x3 -> 2x49x49 */
static PATCHC_APART void block_5_matmul7(int8_t *arena)
{
    const patchc_in a = {
        .data = arena + 4802, .pitch = 147, .slots = 2, .slot = 0,
        .rows = 2, .cols = 49, .channels = 3};
    const patchc_in b = {
        .data = arena + 5096, .pitch = 147, .slots = 2, .slot = 0,
        .rows = 2, .cols = 49, .channels = 3};
    const patchc_out out = {
        .data = arena, .pitch = 2401, .slots = 2, .slot = 0,
        .rows = 2, .cols = 49, .channels = 49};
    patchc_matmul(&out, &a, &b, &params_matmul7_node);
}

/* 6: softmax8.node  softmax, 2x49x49 -> 2x49x49 */
static PATCHC_APART void block_6_softmax8(int8_t *arena)
{
    const patchc_in in = {
        .data = arena, .pitch = 2401, .slots = 2, .slot = 0,
        .rows = 2, .cols = 49, .channels = 49};
    const patchc_out out = {
        .data = arena + 4802, .pitch = 2401, .slots = 2, .slot = 0,
        .rows = 2, .cols = 49, .channels = 49};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_softmax(&out, &in, &pads, &params_softmax8_node);
}

/* 7: conv5.node  conv 1x1, 7x7x8 -> 7x7x6 */
static PATCHC_APART void block_7_conv5(int8_t *arena)
{
    const patchc_in in = {
        .data = arena + 9604, .pitch = 56, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 8};
    const patchc_out out = {
        .data = arena, .pitch = 42, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 6};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_conv2d_pointwise(&out, &in, &pads, &params_conv5_node);
}

/* 8: permute6.node  copy in another order, 7x7x6 -> 2x49x3 */
static PATCHC_APART void block_8_permute6(int8_t *arena)
{
    const patchc_in in = {
        .data = arena, .pitch = 42, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 6};
    const patchc_out out = {
        .data = arena + 294, .pitch = 147, .slots = 2, .slot = 0,
        .rows = 2, .cols = 49, .channels = 3};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_permute(&out, &in, &pads, &params_permute2_node);
}

/* 9: matmul9.node  product of matrices, 2x49x49 + 2x49x3 -> 2x49x3 */
static PATCHC_APART void block_9_matmul9(int8_t *arena)
{
    const patchc_in a = {
        .data = arena + 4802, .pitch = 2401, .slots = 2, .slot = 0,
        .rows = 2, .cols = 49, .channels = 49};
    const patchc_in b = {
        .data = arena + 294, .pitch = 147, .slots = 2, .slot = 0,
        .rows = 2, .cols = 49, .channels = 3};
    const patchc_out out = {
        .data = arena, .pitch = 147, .slots = 2, .slot = 0,
        .rows = 2, .cols = 49, .channels = 3};
    patchc_matmul(&out, &a, &b, &params_matmul9_node);
}

/* 10: permute10.node  copy in another order, 2x49x3 -> 7x7x6 */
static PATCHC_APART void block_10_permute10(int8_t *arena)
{
    const patchc_in in = {
        .data = arena, .pitch = 147, .slots = 2, .slot = 0,
        .rows = 2, .cols = 49, .channels = 3};
    const patchc_out out = {
        .data = arena + 392, .pitch = 42, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 6};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_permute(&out, &in, &pads, &params_permute10_node);
}

/* 11: conv11.node  conv 1x1, 7x7x6 -> 7x7x8 */
static PATCHC_APART void block_11_conv11(int8_t *arena)
{
    const patchc_in in = {
        .data = arena + 392, .pitch = 42, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 6};
    const patchc_out out = {
        .data = arena, .pitch = 56, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 8};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_conv2d_pointwise(&out, &in, &pads, &params_conv11_node);
}

/* 12: add12.node  add, 7x7x8 + 7x7x8 -> 7x7x8 */
static PATCHC_APART void block_12_add12(int8_t *arena)
{
    const patchc_in a = {
        .data = arena + 9604, .pitch = 56, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 8};
    const patchc_in b = {
        .data = arena, .pitch = 56, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 8};
    const patchc_out out = {
        .data = arena, .pitch = 56, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 8};
    patchc_add(&out, &a, &b, &params_add12_node);
}

/* 13: globalaveragepool13.node  global average pool, 7x7x8 -> 1x1x8 */
static PATCHC_APART void block_13_globalaveragepool13(int8_t *arena)
{
    const patchc_in in = {
        .data = arena, .pitch = 56, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 8};
    const patchc_out out = {
        .data = arena + 392, .pitch = 8, .slots = 1, .slot = 0,
        .rows = 1, .cols = 1, .channels = 8};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_global_average_pool(&out, &in, &pads, &params_globalaveragepool13_node);
}

/* 14: conv14.node  conv 1x1, 1x1x8 -> 1x1x3 */
static PATCHC_APART void block_14_conv14(int8_t *arena)
{
    const patchc_in in = {
        .data = arena + 392, .pitch = 8, .slots = 1, .slot = 0,
        .rows = 1, .cols = 1, .channels = 8};
    const patchc_out out = {
        .data = arena, .pitch = 3, .slots = 1, .slot = 0,
        .rows = 1, .cols = 1, .channels = 3};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_dense(&out, &in, &pads, &params_conv14_node);
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
    block_1_conv1(base);
    block_2_permute2(base);
    block_3_conv3(base);
    block_4_permute4(base);
    block_5_matmul7(base);
    block_6_softmax8(base);
    block_7_conv5(base);
    block_8_permute6(base);
    block_9_matmul9(base);
    block_10_permute10(base);
    block_11_conv11(base);
    block_12_add12(base);
    block_13_globalaveragepool13(base);
    block_14_conv14(base);

    if (out != NULL) {
        if (out->conv14 != NULL) {
            memmove(out->conv14, base + NET_OUT0_OFFSET, NET_OUT0_BYTES);
        }
    }
    return 0;
}
