/* net: the program.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 * SPDX-License-Identifier: Apache-2.0 OR 0BSD
 *
 * The arena, 176 bytes:
 *
 *    offset     bytes  kind         blocks     tensors
 *         0       128  map          1..2       conv0
 *         0        10  output       3..3       logits
 *       128        48  input        0..1       image
 *       128         8  map          2..3       globalaveragepool1
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
    .pad_value = 6, .zero_point = 14, .lo = -128, .hi = 127, .drop = 10};

static const patchc_global_params params_globalaveragepool1_node = {
    .form = {.factor = 899041679, .offset = -147845}, .rare = NULL, .zero_point = -19,
    .lo = -128, .hi = 127};

static const patchc_conv_params params_logits_node = {
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_logits_node_weights, .form = net_logits_node_form,
    .rare = NULL, .pad_value = -19, .zero_point = -3, .lo = -128, .hi = 127, .drop = 10};

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

/* 0: image  load, 4x4x3 */
static PATCHC_APART int block_0_load_image(int8_t *arena, const net_inputs *inputs)
{
    const patchc_out out = {
        .data = arena + 128, .pitch = 12, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 3};
    return load_rows(&inputs->image, &out, 0, 0);
}

/* 1: conv0.node  conv 3x3, 4x4x3 -> 4x4x8 */
static PATCHC_APART void block_1_conv0(int8_t *arena)
{
    const patchc_in in = {
        .data = arena + 128, .pitch = 12, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 3};
    const patchc_out out = {
        .data = arena, .pitch = 32, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 8};
    const patchc_pads pads = {.top = 1, .left = 1, .bottom = 1, .right = 1};
    patchc_conv2d(&out, &in, &pads, &params_conv0_node);
}

/* 2: globalaveragepool1.node  global average pool, 4x4x8 -> 1x1x8 */
static PATCHC_APART void block_2_globalaveragepool1(int8_t *arena)
{
    const patchc_in in = {
        .data = arena, .pitch = 32, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 8};
    const patchc_out out = {
        .data = arena + 128, .pitch = 8, .slots = 1, .slot = 0,
        .rows = 1, .cols = 1, .channels = 8};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_global_average_pool(&out, &in, &pads, &params_globalaveragepool1_node);
}

/* 3: logits.node  conv 1x1, 1x1x8 -> 1x1x10 */
static PATCHC_APART void block_3_logits(int8_t *arena)
{
    const patchc_in in = {
        .data = arena + 128, .pitch = 8, .slots = 1, .slot = 0,
        .rows = 1, .cols = 1, .channels = 8};
    const patchc_out out = {
        .data = arena, .pitch = 10, .slots = 1, .slot = 0,
        .rows = 1, .cols = 1, .channels = 10};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_dense(&out, &in, &pads, &params_logits_node);
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

    if (block_0_load_image(base, in) != 0) {
        return NET_ERR_CALLBACK;
    }
    block_1_conv0(base);
    block_2_globalaveragepool1(base);
    block_3_logits(base);

    if (out != NULL) {
        if (out->logits != NULL) {
            memmove(out->logits, base + NET_OUT0_OFFSET, NET_OUT0_BYTES);
        }
    }
    return 0;
}
