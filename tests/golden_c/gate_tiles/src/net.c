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
 *         0        32  input        0..1       image
 *         0         4  map          2..3       globalaveragepool1
 *         0         2  map          4..5       lut3
 *         0         4  map          6..7       lut5
 *         4         2  map          3..4       conv2
 *         4         4  map          5..6       conv4
 *         4        16  ring         7..7       gated
 *        20        48  output       7..7       conv7
 *        32        64  map          1..7       conv0
 */
#include "net.h"

#include <string.h>

#include "net_weights.h"
#include "patchc_kernels.h"
#include "patchc_tunnel.h"

#ifndef NET_RUNTIME
#error "patchc_names.h: of another network; to share a folder they take --runtime shared"
#endif

static const patchc_conv_params params_conv0_node = {
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_conv0_node_weights, .form = net_conv0_node_form, .rare = NULL,
    .pad_value = 9, .zero_point = -16, .lo = -128, .hi = 127, .drop = 10};

static const patchc_global_params params_globalaveragepool1_node = {
    .form = {.factor = 1512615540, .offset = 55359}, .rare = NULL, .zero_point = -4,
    .lo = -128, .hi = 127};

static const patchc_conv_params params_conv2_node = {
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_conv2_node_weights, .form = net_conv2_node_form, .rare = NULL,
    .pad_value = -4, .zero_point = -1, .lo = -128, .hi = 127, .drop = 10};

static const patchc_lut_params params_lut3_node = {.table = net_lut3_node_table};

static const patchc_conv_params params_conv4_node = {
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_conv4_node_weights, .form = net_conv4_node_form, .rare = NULL,
    .pad_value = -1, .zero_point = -14, .lo = -128, .hi = 127, .drop = 10};

static const patchc_lut_params params_lut5_node = {.table = net_lut5_node_table};

static const patchc_mul_params params_gated_node = {
    .factor = 10084140, .frac = 30, .near_factor = 78782,
    .near = {.constant = 121651200, .mask = 8355840, .bits = 23}, .constant = NULL,
    .a_zero_point = -16, .b_zero_point = 13, .zero_point = 14, .offset = 0, .lo = -128,
    .hi = 127};

static const patchc_conv_params params_conv7_node = {
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_conv7_node_weights, .form = net_conv7_node_form, .rare = NULL,
    .pad_value = 14, .zero_point = -10, .lo = -128, .hi = 127, .drop = 10};

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

/* 0: image  load, 4x4x2 */
static PATCHC_APART int block_0_load_image(int8_t *arena, const net_inputs *inputs)
{
    const patchc_out out = {
        .data = arena, .pitch = 8, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 2};
    return load_rows(&inputs->image, &out, 0, 0);
}

/* 1: conv0.node  conv 3x3, 4x4x2 -> 4x4x4 */
static PATCHC_APART void block_1_conv0(int8_t *arena)
{
    const patchc_in in = {
        .data = arena, .pitch = 8, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 2};
    const patchc_out out = {
        .data = arena + 32, .pitch = 16, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 4};
    const patchc_pads pads = {.top = 1, .left = 1, .bottom = 1, .right = 1};
    patchc_conv2d(&out, &in, &pads, &params_conv0_node);
}

/* 2: globalaveragepool1.node  global average pool, 4x4x4 -> 1x1x4 */
static PATCHC_APART void block_2_globalaveragepool1(int8_t *arena)
{
    const patchc_in in = {
        .data = arena + 32, .pitch = 16, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 4};
    const patchc_out out = {
        .data = arena, .pitch = 4, .slots = 1, .slot = 0,
        .rows = 1, .cols = 1, .channels = 4};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_global_average_pool(&out, &in, &pads, &params_globalaveragepool1_node);
}

/* 3: conv2.node  conv 1x1, 1x1x4 -> 1x1x2 */
static PATCHC_APART void block_3_conv2(int8_t *arena)
{
    const patchc_in in = {
        .data = arena, .pitch = 4, .slots = 1, .slot = 0,
        .rows = 1, .cols = 1, .channels = 4};
    const patchc_out out = {
        .data = arena + 4, .pitch = 2, .slots = 1, .slot = 0,
        .rows = 1, .cols = 1, .channels = 2};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_dense(&out, &in, &pads, &params_conv2_node);
}

/* 4: lut3.node  table Relu, 1x1x2 -> 1x1x2 */
static PATCHC_APART void block_4_lut3(int8_t *arena)
{
    const patchc_in in = {
        .data = arena + 4, .pitch = 2, .slots = 1, .slot = 0,
        .rows = 1, .cols = 1, .channels = 2};
    const patchc_out out = {
        .data = arena, .pitch = 2, .slots = 1, .slot = 0,
        .rows = 1, .cols = 1, .channels = 2};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_lut(&out, &in, &pads, &params_lut3_node);
}

/* 5: conv4.node  conv 1x1, 1x1x2 -> 1x1x4 */
static PATCHC_APART void block_5_conv4(int8_t *arena)
{
    const patchc_in in = {
        .data = arena, .pitch = 2, .slots = 1, .slot = 0,
        .rows = 1, .cols = 1, .channels = 2};
    const patchc_out out = {
        .data = arena + 4, .pitch = 4, .slots = 1, .slot = 0,
        .rows = 1, .cols = 1, .channels = 4};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_dense(&out, &in, &pads, &params_conv4_node);
}

/* 6: lut5.node  table HardSigmoid, 1x1x4 -> 1x1x4 */
static PATCHC_APART void block_6_lut5(int8_t *arena)
{
    const patchc_in in = {
        .data = arena + 4, .pitch = 4, .slots = 1, .slot = 0,
        .rows = 1, .cols = 1, .channels = 4};
    const patchc_out out = {
        .data = arena, .pitch = 4, .slots = 1, .slot = 0,
        .rows = 1, .cols = 1, .channels = 4};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_lut(&out, &in, &pads, &params_lut5_node);
}

/* Tunnel 7: gated.node .. conv7.node, in 4 ticks. */

static const patchc_cols cols_gated[1] = {{0, 4}};

static const patchc_step step_gated = {
    .rows = {.num = 1, .offset = 1, .den = 1, .mul = 1, .add = 0, .limit = 4},
    .cols = cols_gated, .piece_rows = 1, .piece_cols = 4, .reverse = 0};

static const patchc_storage map_conv0 = {
    .offset = 32, .pitch = 16, .slots = 4, .tile = 4, .depth = 4, .cols = NULL};

static const patchc_storage map_lut5 = {
    .offset = 0, .pitch = 4, .slots = 1, .tile = 1, .depth = 4, .cols = NULL};

static const patchc_storage ring_gated = {
    .offset = 4, .pitch = 16, .slots = 1, .tile = 4, .depth = 4, .cols = NULL};

static const patchc_storage map_conv7 = {
    .offset = 20, .pitch = 12, .slots = 4, .tile = 4, .depth = 3, .cols = NULL};

/* conv0 (map), lut5 (map) -> gated (ring of 1 row) */
static PATCHC_APART void compute_gated(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_patch pixel = {.r0 = 0, .r1 = 1, .c0 = 0, .c1 = 1};

    { /* 7: gated.node  mul, 4x4x4 + 1x1x4 -> 4x4x4 */
        const patchc_in a = patchc_in_view(arena, &map_conv0, piece->stripe, at);
        const patchc_in b = patchc_in_view(arena, &map_lut5, piece->stripe, &pixel);
        const patchc_out out = patchc_out_view(arena, &ring_gated, piece->stripe, at);

        patchc_mul(&out, &a, &b, &params_gated_node);
    }
}

/* gated (ring of 1 row) -> conv7 (map) */
static PATCHC_APART void compute_conv7(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_pads none = {.top = 0, .left = 0, .bottom = 0, .right = 0};

    { /* 8: conv7.node  conv 1x1, 4x4x4 -> 4x4x3 */
        const patchc_in in = patchc_in_view(arena, &ring_gated, piece->stripe, at);
        const patchc_out out = patchc_out_view(arena, &map_conv7, piece->stripe, at);

        patchc_conv2d_pointwise(&out, &in, &none, &params_conv7_node);
    }
}

/* Tunnel 7, tick by tick. */
static PATCHC_APART void tunnel_7_conv7(int8_t *arena)
{
    for (int32_t t = 0; t < 4; t++) {
        patchc_piece p;

        /* conv0 (map), lut5 (map) -> gated (ring of 1 row) */
        for (p = patchc_first(&step_gated, 0, t); p.more; patchc_next(&p)) {
            compute_gated(arena, &p);
        }
        /* gated (ring of 1 row) -> conv7 (map) */
        for (p = patchc_first(&step_gated, 0, t); p.more; patchc_next(&p)) {
            compute_conv7(arena, &p);
        }
    }
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
    block_3_conv2(base);
    block_4_lut3(base);
    block_5_conv4(base);
    block_6_lut5(base);
    tunnel_7_conv7(base);

    if (out != NULL) {
        if (out->conv7 != NULL) {
            memmove(out->conv7, base + NET_OUT0_OFFSET, NET_OUT0_BYTES);
        }
    }
    return 0;
}
