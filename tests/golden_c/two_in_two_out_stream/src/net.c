/* net: the program.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 * SPDX-License-Identifier: Apache-2.0 OR 0BSD
 *
 * The arena, 160 bytes:
 *
 *    offset     bytes  kind         blocks     tensors
 *         0        64  output       1..4       sum.1
 *        64        48  input        0..1       int
 *        64        64  output       3..4       sum:1, sum_1
 *       128        32  input        2..3       a/b * / c
 */
#include "net.h"

#include <string.h>

#include "net_weights.h"
#include "patchc_kernels.h"

#ifndef NET_RUNTIME
#error "patchc_names.h: of another network; to share a folder they take --runtime shared"
#endif

static const patchc_conv_params params_sum_1_node = {
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_sum_1_node_weights, .form = net_sum_1_node_form, .rare = NULL,
    .pad_value = -4, .zero_point = 5, .lo = -128, .hi = 127, .drop = 10};

static const patchc_conv_params params_sum_1_node_2 = {
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_sum_1_node_2_weights, .form = net_sum_1_node_2_form,
    .rare = NULL, .pad_value = 14, .zero_point = 4, .lo = -128, .hi = 127, .drop = 10};

static const patchc_add_params params_sum_1_node_3 = {
    .a_factor = 11632980, .b_factor = 14438819, .sum_constant = -82365744, .frac = 24,
    .near_a = 727061, .near_b = 902426,
    .near = {.constant = 4290343981u, .mask = 1048064, .bits = 20}, .constant = NULL,
    .swap = 0, .offset = 0, .lo = -128, .hi = 127};

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

/* 0: int  load, 4x4x3 */
static PATCHC_APART int block_0_load_int(int8_t *arena, const net_inputs *inputs)
{
    const patchc_out out = {
        .data = arena + 64, .pitch = 12, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 3};
    return load_rows(&inputs->t_int, &out, 0, 0);
}

/* 1: sum.1.node  conv 3x3, 4x4x3 -> 4x4x4 */
static PATCHC_APART void block_1_sum_1(int8_t *arena)
{
    const patchc_in in = {
        .data = arena + 64, .pitch = 12, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 3};
    const patchc_out out = {
        .data = arena, .pitch = 16, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 4};
    const patchc_pads pads = {.top = 1, .left = 1, .bottom = 1, .right = 1};
    patchc_conv2d(&out, &in, &pads, &params_sum_1_node);
}

/* 2: a/b * / c  load, 4x4x2 */
static PATCHC_APART int block_2_load_a_b_c(int8_t *arena, const net_inputs *inputs)
{
    const patchc_out out = {
        .data = arena + 128, .pitch = 8, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 2};
    return load_rows(&inputs->a_b_c, &out, 0, 0);
}

/* 3: sum:1.node  conv 1x1, 4x4x2 -> 4x4x4 */
static PATCHC_APART void block_3_sum_1_2(int8_t *arena)
{
    const patchc_in in = {
        .data = arena + 128, .pitch = 8, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 2};
    const patchc_out out = {
        .data = arena + 64, .pitch = 16, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 4};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_conv2d_pointwise(&out, &in, &pads, &params_sum_1_node_2);
}

/* 4: sum_1.node  add, 4x4x4 + 4x4x4 -> 4x4x4 */
static PATCHC_APART void block_4_sum_1_3(int8_t *arena)
{
    const patchc_in a = {
        .data = arena, .pitch = 16, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 4};
    const patchc_in b = {
        .data = arena + 64, .pitch = 16, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 4};
    const patchc_out out = {
        .data = arena + 64, .pitch = 16, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 4};
    patchc_add(&out, &a, &b, &params_sum_1_node_3);
}

int net_run(void *arena, const net_inputs *in, const net_outputs *out)
{
    int8_t *const base = (int8_t *)arena;

    if (base == NULL || in == NULL) {
        return NET_ERR_NULL;
    }
    if (in->t_int.read == NULL) {
        return NET_ERR_NULL;
    }
    if (in->a_b_c.read == NULL) {
        return NET_ERR_NULL;
    }

    if (block_0_load_int(base, in) != 0) {
        return NET_ERR_CALLBACK;
    }
    block_1_sum_1(base);
    if (block_2_load_a_b_c(base, in) != 0) {
        return NET_ERR_CALLBACK;
    }
    block_3_sum_1_2(base);
    block_4_sum_1_3(base);

    if (out != NULL) {
        if (out->sum_1 != NULL) {
            memmove(out->sum_1, base + NET_OUT0_OFFSET, NET_OUT0_BYTES);
        }
        if (out->sum_1_2 != NULL) {
            memmove(out->sum_1_2, base + NET_OUT1_OFFSET, NET_OUT1_BYTES);
        }
    }
    return 0;
}
