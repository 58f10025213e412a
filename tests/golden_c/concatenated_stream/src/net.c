/* net: the program.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 * SPDX-License-Identifier: Apache-2.0 OR 0BSD
 *
 * The arena, 544 bytes:
 *
 *    offset     bytes  kind         blocks     tensors
 *         0        72  ring         0..0       image
 *         0         4  ring         1..1       conv2
 *         0       256  output       3..3       sum, conv6
 *         4        12  ring         1..1       conv1
 *       128       256  map          1..3       branches, difference
 *       384        96  map          0..3       conv0
 *       480        64  scratch      3..3       widened
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
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_conv0_node_weights, .form = net_conv0_node_form, .rare = NULL,
    .pad_value = 1, .zero_point = 12, .lo = -128, .hi = 127, .drop = 10};

static const patchc_conv_params params_conv1_node = {
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 6, .weights = net_conv1_node_weights, .form = net_conv1_node_form, .rare = NULL,
    .pad_value = 12, .zero_point = -3, .lo = -128, .hi = 127, .drop = 10};

static const patchc_conv_params params_conv2_node = {
    .window = {.kernel_h = 5, .kernel_w = 5, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_conv2_node_weights, .form = net_conv2_node_form, .rare = NULL,
    .pad_value = 12, .zero_point = 7, .lo = -128, .hi = 127, .drop = 10};

static const patchc_concat_params params_branches_node = {
    .count = 3, .starts = net_branches_node_starts, .tables_at = net_branches_node_tables_at,
    .tables = net_branches_node_tables, .background = NULL};

static const patchc_sub_params params_difference_node = {
    .a_scale = 1006632960, .b_scale = 1022739087, .out_scale = 1022739087, .near_a = 273067,
    .near_b = -1048576, .near = {.constant = 7045376, .mask = 1048064, .bits = 20},
    .constant = net_difference_node_constant, .swap = 1, .a_zero_point = 3,
    .b_zero_point = 16, .zero_point = -9, .lo = -128, .hi = 127};

static const patchc_concat_params params_widened_node = {
    .count = 1, .starts = net_widened_node_starts, .tables_at = net_widened_node_tables_at,
    .tables = net_widened_node_tables, .background = net_widened_node_background};

static const patchc_conv_params params_conv6_node = {
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 16, .weights = net_conv6_node_weights, .form = net_conv6_node_form,
    .rare = NULL, .pad_value = -9, .zero_point = -9, .lo = -128, .hi = 127, .drop = 10};

static const patchc_add_params params_sum_node = {
    .a_factor = 10354143, .b_factor = 16777216, .sum_constant = 361622752, .frac = 24,
    .near_a = 647134, .near_b = 1048576,
    .near = {.constant = 23125966, .mask = 1048064, .bits = 20}, .constant = NULL, .swap = 0,
    .offset = 0, .lo = -128, .hi = 127};

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

/* Tunnel 0: conv0.node .. conv0.node, in 8 ticks. */

static const patchc_cols cols_image[1] = {{0, 8}};

static const patchc_step step_image = {
    .rows = {.num = 1, .offset = 1, .den = 1, .mul = 1, .add = 0, .limit = 8},
    .cols = cols_image, .piece_rows = 1, .piece_cols = 8, .reverse = 0};

static const patchc_storage ring_image = {
    .offset = 0, .pitch = 24, .slots = 3, .tile = 8, .depth = 3, .cols = NULL};

static const patchc_frame frame_conv0 = {.height = 8, .width = 8, .top = 1, .left = 1};

static const patchc_cols cols_conv0[1] = {{0, 4}};

static const patchc_step step_conv0 = {
    .rows = {.num = 1, .offset = 1, .den = 2, .mul = 1, .add = 0, .limit = 4},
    .cols = cols_conv0, .piece_rows = 1, .piece_cols = 4, .reverse = 0};

static const patchc_storage map_conv0 = {
    .offset = 384, .pitch = 24, .slots = 4, .tile = 4, .depth = 6, .cols = NULL};

/* the callback -> image (ring of 3 rows) */
static PATCHC_APART int compute_image(int8_t *arena, const net_inputs *inputs,
                                      const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_out out = patchc_out_view(arena, &ring_image, piece->stripe, at);

    return load_rows(&inputs->image, &out, at->r0, at->c0);
}

/* image (ring of 3 rows) -> conv0 (map) */
static PATCHC_APART void compute_conv0(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_reach reach_conv0 = patchc_reach_of(at, &params_conv0_node.window, &frame_conv0);

    { /* 1: conv0.node  conv 3x3 s2, 8x8x3 -> 4x4x6 */
        const patchc_in in = patchc_in_view(arena, &ring_image, piece->stripe, &reach_conv0.patch);
        const patchc_out out = patchc_out_view(arena, &map_conv0, piece->stripe, at);

        patchc_conv2d(&out, &in, &reach_conv0.pads, &params_conv0_node);
    }
}

/* Tunnel 0, tick by tick. */
static PATCHC_APART int tunnel_0_conv0(int8_t *arena, const net_inputs *inputs)
{
    for (int32_t t = 0; t < 8; t++) {
        patchc_piece p;

        /* the callback -> image (ring of 3 rows) */
        for (p = patchc_first(&step_image, 0, t); p.more; patchc_next(&p)) {
            if (compute_image(arena, inputs, &p) != 0) {
                return NET_ERR_CALLBACK;
            }
        }
        /* image (ring of 3 rows) -> conv0 (map) */
        for (p = patchc_first(&step_conv0, 0, t); p.more; patchc_next(&p)) {
            compute_conv0(arena, &p);
        }
    }
    return 0;
}

/* Tunnel 1: conv1.node .. branches.node, in 6 ticks, for each of 4 stripes of columns. */

static const patchc_frame frame_conv1 = {.height = 4, .width = 4, .top = 1, .left = 1};

static const patchc_cols cols_conv1[4] = {{0, 1}, {1, 2}, {2, 3}, {3, 4}};

static const patchc_step step_conv1 = {
    .rows = {.num = 1, .offset = 0, .den = 1, .mul = 1, .add = 0, .limit = 4},
    .cols = cols_conv1, .piece_rows = 1, .piece_cols = 1, .reverse = 0};

static const patchc_storage ring_conv1 = {
    .offset = 4, .pitch = 6, .slots = 2, .tile = 1, .depth = 6, .cols = cols_conv1};

static const patchc_frame frame_conv2 = {.height = 4, .width = 4, .top = 2, .left = 2};

static const patchc_step step_conv2 = {
    .rows = {.num = 1, .offset = 0, .den = 1, .mul = 1, .add = -1, .limit = 4},
    .cols = cols_conv1, .piece_rows = 1, .piece_cols = 1, .reverse = 0};

static const patchc_storage ring_conv2 = {
    .offset = 0, .pitch = 4, .slots = 1, .tile = 1, .depth = 4, .cols = cols_conv1};

static const patchc_storage map_branches = {
    .offset = 128, .pitch = 64, .slots = 4, .tile = 4, .depth = 16, .cols = NULL};

/* conv0 (map) -> conv1 (ring of 2 rows) */
static PATCHC_APART void compute_conv1(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_reach reach_conv1 = patchc_reach_of(at, &params_conv1_node.window, &frame_conv1);

    { /* 2: conv1.node  depthwise 3x3, 4x4x6 -> 4x4x6 */
        const patchc_in in = patchc_in_view(arena, &map_conv0, piece->stripe, &reach_conv1.patch);
        const patchc_out out = patchc_out_view(arena, &ring_conv1, piece->stripe, at);

        patchc_conv2d_depthwise(&out, &in, &reach_conv1.pads, &params_conv1_node);
    }
}

/* conv0 (map) -> conv2 (ring of 1 row) */
static PATCHC_APART void compute_conv2(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_reach reach_conv2 = patchc_reach_of(at, &params_conv2_node.window, &frame_conv2);

    { /* 3: conv2.node  conv 5x5, 4x4x6 -> 4x4x4 */
        const patchc_in in = patchc_in_view(arena, &map_conv0, piece->stripe, &reach_conv2.patch);
        const patchc_out out = patchc_out_view(arena, &ring_conv2, piece->stripe, at);

        patchc_conv2d(&out, &in, &reach_conv2.pads, &params_conv2_node);
    }
}

/* conv1 (ring of 2 rows), conv2 (ring of 1 row), conv0 (map) -> branches (map) */
static PATCHC_APART void compute_branches(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;

    { /* 4: branches.node  concat, 4x4x6 + 4x4x4 + 4x4x6 -> 4x4x16 */
        const patchc_in in0 = patchc_in_view(arena, &ring_conv1, piece->stripe, at);
        const patchc_in in1 = patchc_in_view(arena, &ring_conv2, piece->stripe, at);
        const patchc_in in2 = patchc_in_view(arena, &map_conv0, piece->stripe, at);
        const patchc_out out = patchc_out_view(arena, &map_branches, piece->stripe, at);
        const patchc_in *const operands[] = {&in0, &in1, &in2};

        patchc_concat(&out, operands, &params_branches_node);
    }
}

/* Tunnel 1, stripe by stripe, tick by tick. */
static PATCHC_APART void tunnel_1_branches(int8_t *arena)
{
    for (int32_t q = 0; q < 4; q++) {
        for (int32_t t = 0; t < 6; t++) {
            patchc_piece p;

            /* conv0 (map) -> conv1 (ring of 2 rows) */
            for (p = patchc_first(&step_conv1, q, t); p.more; patchc_next(&p)) {
                compute_conv1(arena, &p);
            }
            /* conv0 (map) -> conv2 (ring of 1 row) */
            for (p = patchc_first(&step_conv2, q, t); p.more; patchc_next(&p)) {
                compute_conv2(arena, &p);
            }
            /* conv1 (ring of 2 rows), conv2 (ring of 1 row), conv0 (map) -> branches (map) */
            for (p = patchc_first(&step_conv2, q, t); p.more; patchc_next(&p)) {
                compute_branches(arena, &p);
            }
        }
    }
}

/* 5: difference.node  sub, 4x4x16 -> 4x4x16 */
static PATCHC_APART void block_2_difference(int8_t *arena)
{
    const patchc_in a = {
        .data = arena + 128, .pitch = 64, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 16};
    const patchc_out out = {
        .data = arena + 128, .pitch = 64, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 16};
    patchc_sub(&out, &a, NULL, &params_difference_node);
}

/* Tunnel 3: widened.node .. sum.node, in 5 ticks. */

static const patchc_step step_sum = {
    .rows = {.num = 1, .offset = 0, .den = 1, .mul = 1, .add = 0, .limit = 4},
    .cols = cols_conv0, .piece_rows = 1, .piece_cols = 8, .reverse = 0};

static const patchc_storage tile_widened = {
    .offset = 480, .pitch = 64, .slots = 1, .tile = 4, .depth = 16, .cols = NULL};

static const patchc_storage map_conv6 = {
    .offset = 0, .pitch = 64, .slots = 4, .tile = 4, .depth = 16, .cols = NULL};

/* conv0 (map), difference (map) -> sum (map), 8 columns at a time */
static PATCHC_APART void compute_sum(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_reach reach_conv6 = patchc_reach_of(at, &params_conv6_node.window, &frame_conv1);

    { /* 6: widened.node  concat, 4x4x6 -> 4x4x16 */
        const patchc_in in0 = patchc_in_view(arena, &map_conv0, piece->stripe, at);
        const patchc_out out = patchc_out_view(arena, &tile_widened, piece->stripe, at);
        const patchc_in *const operands[] = {&in0};

        patchc_concat(&out, operands, &params_widened_node);
    }
    { /* 7: conv6.node  depthwise 3x3, 4x4x16 -> 4x4x16 */
        const patchc_in in = patchc_in_view(arena, &map_branches, piece->stripe,
                                            &reach_conv6.patch);
        const patchc_out out = patchc_out_view(arena, &map_conv6, piece->stripe, at);

        patchc_conv2d_depthwise(&out, &in, &reach_conv6.pads, &params_conv6_node);
    }
    { /* 8: sum.node  add, 4x4x16 + 4x4x16 -> 4x4x16 */
        const patchc_in a = patchc_in_view(arena, &map_conv6, piece->stripe, at);
        const patchc_in b = patchc_in_view(arena, &tile_widened, piece->stripe, at);
        const patchc_out out = patchc_out_view(arena, &map_conv6, piece->stripe, at);

        patchc_add(&out, &a, &b, &params_sum_node);
    }
}

/* Tunnel 3, tick by tick. */
static PATCHC_APART void tunnel_3_sum(int8_t *arena)
{
    for (int32_t t = 0; t < 5; t++) {
        patchc_piece p;

        /* conv0 (map), difference (map) -> sum (map), 8 columns at a time */
        for (p = patchc_first(&step_sum, 0, t); p.more; patchc_next(&p)) {
            compute_sum(arena, &p);
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
    if ((uintptr_t)arena % NET_ARENA_ALIGN != 0) {
        return NET_ERR_ALIGN;
    }

    if (tunnel_0_conv0(base, in) != 0) {
        return NET_ERR_CALLBACK;
    }
    tunnel_1_branches(base);
    block_2_difference(base);
    tunnel_3_sum(base);

    if (out != NULL) {
        if (out->sum != NULL) {
            memmove(out->sum, base + NET_OUT0_OFFSET, NET_OUT0_BYTES);
        }
    }
    return 0;
}
