/* net: the program.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 * SPDX-License-Identifier: Apache-2.0 OR 0BSD
 *
 * The arena, 240 bytes:
 *
 *    offset     bytes  kind         blocks     tensors
 *         0       120  map          1..3       x
 *       120        60  input        0..1       image
 *       120       120  output       2..4       conv1, sum, lut3
 */
#include "net.h"

#include <string.h>

#include "net_weights.h"
#include "patchc_kernels.h"

#ifndef NET_RUNTIME
#error "patchc_names.h: of another network; to share a folder they take --runtime shared"
#endif

static const patchc_add_params params_sum_node = {
    .a_factor = 16653738, .b_factor = 14722993, .sum_constant = -91609056, .frac = 24,
    .near_a = 1040859, .near_b = 920187,
    .near = {.constant = 4289766274u, .mask = 1048064, .bits = 20}, .constant = NULL,
    .swap = 0, .offset = 0, .lo = -128, .hi = 127};

static const patchc_lut_params params_lut3_node = {.table = net_lut3_node_table};

/* Fetches `view->rows` rows of an input, from `row` and `col` on, into the slots of `view`: as many
 * rows per call as lie packed one after the other. Returns 0, or what the callback returned. */
static int load_rows(const net_reader *reader, const patchc_out *view, int32_t row,
                     int32_t col)
{
    const int32_t packed = view->cols * view->channels;
    int32_t done = 0;

    while (done < view->rows) {
        const int32_t slot = (view->slot + done) % view->slots;
        int32_t count = 1;
        int status;

        if (view->pitch == packed) {
            count = view->rows - done;
            if (count > view->slots - slot) {
                count = view->slots - slot;
            }
        }
        status = reader->read(reader->ctx, row + done, col, count, view->cols,
                              view->data + slot * view->pitch);
        if (status != 0) {
            return status;
        }
        done += count;
    }
    return 0;
}

/* 0: image  load, 4x5x3 */
static PATCHC_APART int block_0_load_image(int8_t *arena, const net_inputs *inputs)
{
    const patchc_out out = {
        .data = arena + 120, .pitch = 15, .slots = 4, .slot = 0,
        .rows = 4, .cols = 5, .channels = 3};
    return load_rows(&inputs->image, &out, 0, 0);
}

/* 1: x.node  conv 1x1, 4x5x3 -> 4x5x6 */
static PATCHC_APART void block_1_x(int8_t *arena, const net_inputs *inputs)
{
    const int8_t *const weights = inputs->weights;
    const patchc_conv_params params_x_node = {
        .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
        .groups = 1, .weights = weights + 0, .form = net_x_node_form, .rare = net_x_node_rare,
        .pad_value = 17, .zero_point = 4, .lo = -128, .hi = 127, .drop = 10};
    const patchc_in in = {
        .data = arena + 120, .pitch = 15, .slots = 4, .slot = 0,
        .rows = 4, .cols = 5, .channels = 3};
    const patchc_out out = {
        .data = arena, .pitch = 30, .slots = 4, .slot = 0,
        .rows = 4, .cols = 5, .channels = 6};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_conv2d_pointwise(&out, &in, &pads, &params_x_node);
}

/* 2: conv1.node  depthwise 3x3, 4x5x6 -> 4x5x6 */
static PATCHC_APART void block_2_conv1(int8_t *arena, const net_inputs *inputs)
{
    const int8_t *const weights = inputs->weights;
    const patchc_conv_params params_conv1_node = {
        .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
        .groups = 6, .weights = weights + 18, .form = net_conv1_node_form, .rare = NULL,
        .pad_value = 4, .zero_point = -4, .lo = -128, .hi = 127, .drop = 10};
    const patchc_in in = {
        .data = arena, .pitch = 30, .slots = 4, .slot = 0,
        .rows = 4, .cols = 5, .channels = 6};
    const patchc_out out = {
        .data = arena + 120, .pitch = 30, .slots = 4, .slot = 0,
        .rows = 4, .cols = 5, .channels = 6};
    const patchc_pads pads = {.top = 1, .left = 1, .bottom = 1, .right = 1};
    patchc_conv2d_depthwise(&out, &in, &pads, &params_conv1_node);
}

/* 3: sum.node  add, 4x5x6 + 4x5x6 -> 4x5x6 */
static PATCHC_APART void block_3_sum(int8_t *arena)
{
    const patchc_in a = {
        .data = arena, .pitch = 30, .slots = 4, .slot = 0,
        .rows = 4, .cols = 5, .channels = 6};
    const patchc_in b = {
        .data = arena + 120, .pitch = 30, .slots = 4, .slot = 0,
        .rows = 4, .cols = 5, .channels = 6};
    const patchc_out out = {
        .data = arena + 120, .pitch = 30, .slots = 4, .slot = 0,
        .rows = 4, .cols = 5, .channels = 6};
    patchc_add(&out, &a, &b, &params_sum_node);
}

/* 4: lut3.node  table Relu, 4x5x6 -> 4x5x6 */
static PATCHC_APART void block_4_lut3(int8_t *arena)
{
    const patchc_in in = {
        .data = arena + 120, .pitch = 30, .slots = 4, .slot = 0,
        .rows = 4, .cols = 5, .channels = 6};
    const patchc_out out = {
        .data = arena + 120, .pitch = 30, .slots = 4, .slot = 0,
        .rows = 4, .cols = 5, .channels = 6};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_lut(&out, &in, &pads, &params_lut3_node);
}

int net_run(void *arena, const net_inputs *in, const net_outputs *out)
{
    int8_t *const base = (int8_t *)arena;

    if (base == NULL || in == NULL) {
        return NET_ERR_NULL;
    }
    if (in->image.read == NULL) {
        return NET_ERR_NULL;
    }
    if (in->weights == NULL) {
        return NET_ERR_NULL;
    }

    if (block_0_load_image(base, in) != 0) {
        return NET_ERR_CALLBACK;
    }
    block_1_x(base, in);
    block_2_conv1(base, in);
    block_3_sum(base);
    block_4_lut3(base);

    if (out != NULL) {
        if (out->lut3 != NULL) {
            memmove(out->lut3, base + NET_OUT0_OFFSET, NET_OUT0_BYTES);
        }
    }
    return 0;
}
