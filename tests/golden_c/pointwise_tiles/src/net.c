/* net: the program.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 * SPDX-License-Identifier: Apache-2.0 OR 0BSD
 *
 * The arena, 144 bytes:
 *
 *    offset     bytes  kind         blocks     tensors
 *         0        84  output       1..1       conv0
 *        84        60  input        0..1       image
 */
#include "net.h"

#include <string.h>

#include "net_weights.h"
#include "patchc_kernels.h"

#ifndef NET_RUNTIME
#error "patchc_names.h: of another network; to share a folder they take --runtime shared"
#endif

static const patchc_conv_params params_conv0_node = {
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_conv0_node_weights, .form = net_conv0_node_form, .rare = NULL,
    .pad_value = -2, .zero_point = -14, .lo = -128, .hi = 127, .drop = 10};

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

/* 0: image  load, 3x4x5 */
static PATCHC_APART int block_0_load_image(int8_t *arena, const net_inputs *inputs)
{
    const patchc_out out = {
        .data = arena + 84, .pitch = 20, .slots = 3, .slot = 0,
        .rows = 3, .cols = 4, .channels = 5};
    return load_rows(&inputs->image, &out, 0, 0);
}

/* 1: conv0.node  conv 1x1, 3x4x5 -> 3x4x7 */
static PATCHC_APART void block_1_conv0(int8_t *arena)
{
    const patchc_in in = {
        .data = arena + 84, .pitch = 20, .slots = 3, .slot = 0,
        .rows = 3, .cols = 4, .channels = 5};
    const patchc_out out = {
        .data = arena, .pitch = 28, .slots = 3, .slot = 0,
        .rows = 3, .cols = 4, .channels = 7};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_conv2d_pointwise(&out, &in, &pads, &params_conv0_node);
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

    if (out != NULL) {
        if (out->conv0 != NULL) {
            memmove(out->conv0, base + NET_OUT0_OFFSET, NET_OUT0_BYTES);
        }
    }
    return 0;
}
