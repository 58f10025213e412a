/* net: the program.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 * SPDX-License-Identifier: Apache-2.0 OR 0BSD
 *
 * The arena, 1666 bytes:
 *
 *    offset     bytes  kind         blocks     tensors
 *         0       392  map          0..8       conv0
 *         0         3  output       8..8       conv14
 *       392        27  ring         0..0       image
 *       392       294  map          1..2       conv1
 *       392       294  map          3..4       conv3
 *       392       294  map          5..6       conv5
 *       392       294  map          7..8       matmul9
 *       686       294  map          2..7       permute2
 *       686        56  ring         8..8       add12, conv11
 *       742        42  ring         8..8       permute10
 *       784        32  accumulator  8..8       sums of globalaveragepool13
 *       816         8  ring         8..8       globalaveragepool13
 *       980       294  map          4..7       permute4
 *      1274       294  map          6..7       permute6
 *      1568        49  ring         7..7       matmul7
 *      1617        49  ring         7..7       softmax8
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

static const patchc_conv_params params_conv5_node = {
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_conv5_node_weights, .form = net_conv5_node_form, .rare = NULL,
    .pad_value = 5, .zero_point = 3, .lo = -128, .hi = 127, .drop = 10};

static const patchc_matmul_params params_matmul7_node = {
    .out = {.form = {.factor = 330166135, .offset = 193150}, .rare = NULL,
            .zero_point = 14, .lo = -128, .hi = 127},
    .transposed = 1, .a_zero_point = 9, .b_zero_point = 13};

static const patchc_softmax_params params_softmax8_node = {
    .exponentials = net_softmax8_node_exponentials, .steps = 256, .zero_point = -128,
    .lo = -128, .hi = 127};

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

/* Tunnel 0: conv0.node .. conv0.node, in 8 ticks, for each of 7 stripes of columns. */

static const patchc_cols cols_image[7] = {{0, 2}, {0, 3}, {1, 4}, {2, 5}, {3, 6}, {4, 7}, {5, 7}};

static const patchc_step step_image = {
    .rows = {.num = 1, .offset = 1, .den = 1, .mul = 1, .add = 0, .limit = 7},
    .cols = cols_image, .piece_rows = 1, .piece_cols = 3, .reverse = 0};

static const patchc_storage ring_image = {
    .offset = 392, .pitch = 9, .slots = 3, .tile = 3, .depth = 3, .cols = cols_image};

static const patchc_frame frame_conv0 = {.height = 7, .width = 7, .top = 1, .left = 1};

static const patchc_cols cols_conv0[7] = {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 7}};

static const patchc_step step_conv0 = {
    .rows = {.num = 1, .offset = 0, .den = 1, .mul = 1, .add = 0, .limit = 7},
    .cols = cols_conv0, .piece_rows = 1, .piece_cols = 1, .reverse = 0};

static const patchc_storage map_conv0 = {
    .offset = 0, .pitch = 56, .slots = 7, .tile = 7, .depth = 8, .cols = NULL};

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

    { /* 1: conv0.node  conv 3x3, 7x7x3 -> 7x7x8 */
        const patchc_in in = patchc_in_view(arena, &ring_image, piece->stripe, &reach_conv0.patch);
        const patchc_out out = patchc_out_view(arena, &map_conv0, piece->stripe, at);

        patchc_conv2d(&out, &in, &reach_conv0.pads, &params_conv0_node);
    }
}

/* Tunnel 0, stripe by stripe, tick by tick. */
static PATCHC_APART int tunnel_0_conv0(int8_t *arena, const net_inputs *inputs)
{
    for (int32_t q = 0; q < 7; q++) {
        for (int32_t t = 0; t < 8; t++) {
            patchc_piece p;

            /* the callback -> image (ring of 3 rows) */
            for (p = patchc_first(&step_image, q, t); p.more; patchc_next(&p)) {
                if (compute_image(arena, inputs, &p) != 0) {
                    return NET_ERR_CALLBACK;
                }
            }
            /* image (ring of 3 rows) -> conv0 (map) */
            for (p = patchc_first(&step_conv0, q, t); p.more; patchc_next(&p)) {
                compute_conv0(arena, &p);
            }
        }
    }
    return 0;
}

/* 2: conv1.node  conv 1x1, 7x7x8 -> 7x7x6 */
static PATCHC_APART void block_1_conv1(int8_t *arena)
{
    const patchc_in in = {
        .data = arena, .pitch = 56, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 8};
    const patchc_out out = {
        .data = arena + 392, .pitch = 42, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 6};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_conv2d_pointwise(&out, &in, &pads, &params_conv1_node);
}

/* 3: permute2.node  copy in another order, 7x7x6 -> 2x49x3 */
static PATCHC_APART void block_2_permute2(int8_t *arena)
{
    const patchc_in in = {
        .data = arena + 392, .pitch = 42, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 6};
    const patchc_out out = {
        .data = arena + 686, .pitch = 147, .slots = 2, .slot = 0,
        .rows = 2, .cols = 49, .channels = 3};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_permute(&out, &in, &pads, &params_permute2_node);
}

/* 4: conv3.node  conv 1x1, 7x7x8 -> 7x7x6 */
static PATCHC_APART void block_3_conv3(int8_t *arena)
{
    const patchc_in in = {
        .data = arena, .pitch = 56, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 8};
    const patchc_out out = {
        .data = arena + 392, .pitch = 42, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 6};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_conv2d_pointwise(&out, &in, &pads, &params_conv3_node);
}

/* 5: permute4.node  copy in another order, 7x7x6 -> 2x49x3 */
static PATCHC_APART void block_4_permute4(int8_t *arena)
{
    const patchc_in in = {
        .data = arena + 392, .pitch = 42, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 6};
    const patchc_out out = {
        .data = arena + 980, .pitch = 147, .slots = 2, .slot = 0,
        .rows = 2, .cols = 49, .channels = 3};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_permute(&out, &in, &pads, &params_permute2_node);
}

/* 6: conv5.node  conv 1x1, 7x7x8 -> 7x7x6 */
static PATCHC_APART void block_5_conv5(int8_t *arena)
{
    const patchc_in in = {
        .data = arena, .pitch = 56, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 8};
    const patchc_out out = {
        .data = arena + 392, .pitch = 42, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 6};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_conv2d_pointwise(&out, &in, &pads, &params_conv5_node);
}

/* 7: permute6.node  copy in another order, 7x7x6 -> 2x49x3 */
static PATCHC_APART void block_6_permute6(int8_t *arena)
{
    const patchc_in in = {
        .data = arena + 392, .pitch = 42, .slots = 7, .slot = 0,
        .rows = 7, .cols = 7, .channels = 6};
    const patchc_out out = {
        .data = arena + 1274, .pitch = 147, .slots = 2, .slot = 0,
        .rows = 2, .cols = 49, .channels = 3};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_permute(&out, &in, &pads, &params_permute2_node);
}

/* Tunnel 7: matmul7.node .. matmul9.node, in 2 ticks, for each of 49 stripes of columns. */

static const patchc_cols cols_matmul7[49] = {
    {0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 7}, {7, 8}, {8, 9}, {9, 10}, {10, 11},
    {11, 12}, {12, 13}, {13, 14}, {14, 15}, {15, 16}, {16, 17}, {17, 18}, {18, 19}, {19, 20},
    {20, 21}, {21, 22}, {22, 23}, {23, 24}, {24, 25}, {25, 26}, {26, 27}, {27, 28}, {28, 29},
    {29, 30}, {30, 31}, {31, 32}, {32, 33}, {33, 34}, {34, 35}, {35, 36}, {36, 37}, {37, 38},
    {38, 39}, {39, 40}, {40, 41}, {41, 42}, {42, 43}, {43, 44}, {44, 45}, {45, 46}, {46, 47},
    {47, 48}, {48, 49}};

static const patchc_step step_matmul7 = {
    .rows = {.num = 1, .offset = 1, .den = 1, .mul = 1, .add = 0, .limit = 2},
    .cols = cols_matmul7, .piece_rows = 1, .piece_cols = 1, .reverse = 0};

static const patchc_storage map_permute2 = {
    .offset = 686, .pitch = 147, .slots = 2, .tile = 49, .depth = 3, .cols = NULL};

static const patchc_storage map_permute4 = {
    .offset = 980, .pitch = 147, .slots = 2, .tile = 49, .depth = 3, .cols = NULL};

static const patchc_storage ring_matmul7 = {
    .offset = 1568, .pitch = 49, .slots = 1, .tile = 1, .depth = 49, .cols = cols_matmul7};

static const patchc_storage ring_softmax8 = {
    .offset = 1617, .pitch = 49, .slots = 1, .tile = 1, .depth = 49, .cols = cols_matmul7};

static const patchc_storage map_permute6 = {
    .offset = 1274, .pitch = 147, .slots = 2, .tile = 49, .depth = 3, .cols = NULL};

static const patchc_storage map_matmul9 = {
    .offset = 392, .pitch = 147, .slots = 2, .tile = 49, .depth = 3, .cols = NULL};

/* permute2 (map), permute4 (map) -> matmul7 (ring of 1 row) */
static PATCHC_APART void compute_matmul7(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_patch matrices_matmul7 = patchc_all_columns(at, 2, 49);

    { /* 8: matmul7.node  product of matrices, 2x49x3 + 2x49x3 -> 2x49x49 */
        const patchc_in a = patchc_in_view(arena, &map_permute2, piece->stripe, at);
        const patchc_in b = patchc_in_view(arena, &map_permute4, piece->stripe, &matrices_matmul7);
        const patchc_out out = patchc_out_view(arena, &ring_matmul7, piece->stripe, at);

        patchc_matmul(&out, &a, &b, &params_matmul7_node);
    }
}

/* matmul7 (ring of 1 row) -> softmax8 (ring of 1 row) */
static PATCHC_APART void compute_softmax8(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_pads none = {.top = 0, .left = 0, .bottom = 0, .right = 0};

    { /* 9: softmax8.node  softmax, 2x49x49 -> 2x49x49 */
        const patchc_in in = patchc_in_view(arena, &ring_matmul7, piece->stripe, at);
        const patchc_out out = patchc_out_view(arena, &ring_softmax8, piece->stripe, at);

        patchc_softmax(&out, &in, &none, &params_softmax8_node);
    }
}

/* softmax8 (ring of 1 row), permute6 (map) -> matmul9 (map) */
static PATCHC_APART void compute_matmul9(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_patch matrices_matmul9 = patchc_all_columns(at, 2, 49);

    { /* 10: matmul9.node  product of matrices, 2x49x49 + 2x49x3 -> 2x49x3 */
        const patchc_in a = patchc_in_view(arena, &ring_softmax8, piece->stripe, at);
        const patchc_in b = patchc_in_view(arena, &map_permute6, piece->stripe, &matrices_matmul9);
        const patchc_out out = patchc_out_view(arena, &map_matmul9, piece->stripe, at);

        patchc_matmul(&out, &a, &b, &params_matmul9_node);
    }
}

/* Tunnel 7, stripe by stripe, tick by tick. */
static PATCHC_APART void tunnel_7_matmul9(int8_t *arena)
{
    for (int32_t q = 0; q < 49; q++) {
        for (int32_t t = 0; t < 2; t++) {
            patchc_piece p;

            /* permute2 (map), permute4 (map) -> matmul7 (ring of 1 row) */
            for (p = patchc_first(&step_matmul7, q, t); p.more; patchc_next(&p)) {
                compute_matmul7(arena, &p);
            }
            /* matmul7 (ring of 1 row) -> softmax8 (ring of 1 row) */
            for (p = patchc_first(&step_matmul7, q, t); p.more; patchc_next(&p)) {
                compute_softmax8(arena, &p);
            }
            /* softmax8 (ring of 1 row), permute6 (map) -> matmul9 (map) */
            for (p = patchc_first(&step_matmul7, q, t); p.more; patchc_next(&p)) {
                compute_matmul9(arena, &p);
            }
        }
    }
}

/* Tunnel 8: permute10.node .. conv14.node, in 7 ticks. */

static const patchc_frame frame_permute10 = {.height = 2, .width = 49, .top = 0, .left = 0};

static const patchc_cols cols_permute10[1] = {{0, 7}};

static const patchc_step step_permute10 = {
    .rows = {.num = 1, .offset = 1, .den = 1, .mul = 1, .add = 0, .limit = 7},
    .cols = cols_permute10, .piece_rows = 1, .piece_cols = 7, .reverse = 0};

static const patchc_storage ring_permute10 = {
    .offset = 742, .pitch = 42, .slots = 1, .tile = 7, .depth = 6, .cols = NULL};

static const patchc_storage ring_conv11 = {
    .offset = 686, .pitch = 56, .slots = 1, .tile = 7, .depth = 8, .cols = NULL};

static const patchc_cols cols_globalaveragepool13[1] = {{0, 1}};

static const patchc_step step_globalaveragepool13 = {
    .rows = {.num = 1, .offset = 0, .den = 1, .mul = 1, .add = -5, .limit = 1},
    .cols = cols_globalaveragepool13, .piece_rows = 1, .piece_cols = 1, .reverse = 0};

static const patchc_storage ring_globalaveragepool13 = {
    .offset = 816, .pitch = 8, .slots = 1, .tile = 1, .depth = 8, .cols = NULL};

static const patchc_storage map_conv14 = {
    .offset = 0, .pitch = 3, .slots = 1, .tile = 1, .depth = 3, .cols = NULL};

/* matmul9 (map) -> permute10 (ring of 1 row) */
static PATCHC_APART void compute_permute10(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_reach reach_permute10 = patchc_reach_whole(at, &frame_permute10);

    { /* 11: permute10.node  copy in another order, 2x49x3 -> 7x7x6 */
        const patchc_in in = patchc_in_view(arena, &map_matmul9, piece->stripe,
                                            &reach_permute10.patch);
        const patchc_out out = patchc_out_view(arena, &ring_permute10, piece->stripe, at);

        patchc_permute(&out, &in, &reach_permute10.pads, &params_permute10_node);
    }
}

/* permute10 (ring of 1 row), conv0 (map) -> add12 (ring of 1 row) */
static PATCHC_APART void compute_add12(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_pads none = {.top = 0, .left = 0, .bottom = 0, .right = 0};

    { /* 12: conv11.node  conv 1x1, 7x7x6 -> 7x7x8 */
        const patchc_in in = patchc_in_view(arena, &ring_permute10, piece->stripe, at);
        const patchc_out out = patchc_out_view(arena, &ring_conv11, piece->stripe, at);

        patchc_conv2d_pointwise(&out, &in, &none, &params_conv11_node);
    }
    { /* 13: add12.node  add, 7x7x8 + 7x7x8 -> 7x7x8 */
        const patchc_in a = patchc_in_view(arena, &map_conv0, piece->stripe, at);
        const patchc_in b = patchc_in_view(arena, &ring_conv11, piece->stripe, at);
        const patchc_out out = patchc_out_view(arena, &ring_conv11, piece->stripe, at);

        patchc_add(&out, &a, &b, &params_add12_node);
    }
}

/* add12 (ring of 1 row) -> sums of globalaveragepool13 */
static PATCHC_APART void compute_globalaveragepool13_sums(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_sums sums = patchc_sums_at(arena + 784, 1, 8);

    { /* 14: globalaveragepool13.node  global average pool, 7x7x8 -> 1x1x8 */
        const patchc_in in = patchc_in_view(arena, &ring_conv11, piece->stripe, at);

        patchc_mean_add(&sums, &in);
    }
}

/* sums of globalaveragepool13 -> globalaveragepool13 (ring of 1 row) */
static PATCHC_APART void compute_globalaveragepool13(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_sums sums = patchc_sums_at(arena + 784, 1, 8);

    { /* 14: globalaveragepool13.node  its sums as int8, 1x1x8 */
        const patchc_out out = patchc_out_view(arena, &ring_globalaveragepool13, piece->stripe, at);

        patchc_mean_finish(&out, &sums, &params_globalaveragepool13_node);
    }
}

/* globalaveragepool13 (ring of 1 row) -> conv14 (map) */
static PATCHC_APART void compute_conv14(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_pads none = {.top = 0, .left = 0, .bottom = 0, .right = 0};

    { /* 15: conv14.node  conv 1x1, 1x1x8 -> 1x1x3 */
        const patchc_in in = patchc_in_view(arena, &ring_globalaveragepool13, piece->stripe, at);
        const patchc_out out = patchc_out_view(arena, &map_conv14, piece->stripe, at);

        patchc_dense(&out, &in, &none, &params_conv14_node);
    }
}

/* Tunnel 8, tick by tick. */
static PATCHC_APART void tunnel_8_conv14(int8_t *arena)
{
    patchc_new_sums(arena + 784, 1, 8);
    for (int32_t t = 0; t < 7; t++) {
        patchc_piece p;

        /* matmul9 (map) -> permute10 (ring of 1 row) */
        for (p = patchc_first(&step_permute10, 0, t); p.more; patchc_next(&p)) {
            compute_permute10(arena, &p);
        }
        /* permute10 (ring of 1 row), conv0 (map) -> add12 (ring of 1 row) */
        for (p = patchc_first(&step_permute10, 0, t); p.more; patchc_next(&p)) {
            compute_add12(arena, &p);
        }
        /* add12 (ring of 1 row) -> sums of globalaveragepool13 */
        for (p = patchc_first(&step_permute10, 0, t); p.more; patchc_next(&p)) {
            compute_globalaveragepool13_sums(arena, &p);
        }
        /* sums of globalaveragepool13 -> globalaveragepool13 (ring of 1 row) */
        for (p = patchc_first(&step_globalaveragepool13, 0, t); p.more; patchc_next(&p)) {
            compute_globalaveragepool13(arena, &p);
        }
        /* globalaveragepool13 (ring of 1 row) -> conv14 (map) */
        for (p = patchc_first(&step_globalaveragepool13, 0, t); p.more; patchc_next(&p)) {
            compute_conv14(arena, &p);
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
    block_1_conv1(base);
    block_2_permute2(base);
    block_3_conv3(base);
    block_4_permute4(base);
    block_5_conv5(base);
    block_6_permute6(base);
    tunnel_7_matmul9(base);
    tunnel_8_conv14(base);

    if (out != NULL) {
        if (out->conv14 != NULL) {
            memmove(out->conv14, base + NET_OUT0_OFFSET, NET_OUT0_BYTES);
        }
    }
    return 0;
}
