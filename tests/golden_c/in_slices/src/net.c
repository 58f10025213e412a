/* net: the program.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 * SPDX-License-Identifier: Apache-2.0 OR 0BSD
 *
 * The arena, 302 bytes:
 *
 *    offset     bytes  kind         blocks     tensors
 *         0        96  map          0..3       conv0
 *         0         5  output       4..4       logits
 *        96        80  ring         0..0       upsample3
 *        96        96  map          1..2       edges
 *        96         6  map          3..4       globalaveragepool6
 *       176        72  ring         0..0       image
 *       248        24  ring         0..0       fine
 *       272        18  ring         0..0       conv1
 *       290        12  ring         0..0       coarse
 */
#include "net.h"

#include <string.h>

#include "net_weights.h"
#include "patchc_kernels.h"
#include "patchc_tunnel.h"
#include "patchc_step.h"

#ifndef NET_RUNTIME
#error "patchc_names.h: of another network; to share a folder they take --runtime shared"
#endif

static const patchc_conv_params params_conv0_node = {
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_conv0_node_weights, .form = net_conv0_node_form, .rare = NULL,
    .pad_value = 15, .zero_point = -10, .lo = -128, .hi = 127, .drop = 10};

static const patchc_conv_params params_conv1_node = {
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 6, .weights = net_conv1_node_weights, .form = net_conv1_node_form,
    .rare = net_conv1_node_rare, .pad_value = -10, .zero_point = -16, .lo = -128, .hi = 127,
    .drop = 10};

static const patchc_conv_params params_coarse_node = {
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_coarse_node_weights, .form = net_coarse_node_form,
    .rare = NULL, .pad_value = -16, .zero_point = 14, .lo = -128, .hi = 127, .drop = 10};

static const patchc_upsample_params params_upsample3_node = {.up_h = 2, .up_w = 2};

static const patchc_conv_params params_fine_node = {
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_fine_node_weights, .form = net_fine_node_form, .rare = NULL,
    .pad_value = 14, .zero_point = -13, .lo = -128, .hi = 127, .drop = 10};

static const patchc_conv_params params_edges_node = {
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 6, .weights = net_edges_node_weights, .form = net_edges_node_form, .rare = NULL,
    .pad_value = -10, .zero_point = -14, .lo = -128, .hi = 127, .drop = 10};

static const patchc_global_params params_globalaveragepool6_node = {
    .form = {.factor = 1409974608, .offset = -19865}, .rare = NULL, .zero_point = -20,
    .lo = -128, .hi = 127};

static const patchc_conv_params params_logits_node = {
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_logits_node_weights, .form = net_logits_node_form,
    .rare = NULL, .pad_value = -20, .zero_point = -19, .lo = -128, .hi = 127, .drop = 10};

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

/* Hands over `view->rows` rows of an output, from `row` and `col` on: as many rows per call as lie
 * packed one after the other. Returns 0, or what the callback returned. */
static int store_rows(const net_writer *writer, const patchc_in *view, int32_t row,
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
        status = writer->write(writer->ctx, row + done, col, count, view->cols,
                               view->data + slot * view->pitch);
        if (status != 0) {
            return status;
        }
        done += count;
    }
    return 0;
}

/* Tunnel 0: conv0.node .. fine.node, in 12 ticks, for each of 2 stripes of columns. */

static const patchc_cols cols_image[2] = {{0, 8}, {0, 8}};

static const patchc_step step_image = {
    .rows = {.num = 1, .offset = 1, .den = 1, .mul = 1, .add = 0, .limit = 8},
    .cols = cols_image, .piece_rows = 1, .piece_cols = 8, .reverse = 0};

static const patchc_storage ring_image = {
    .offset = 176, .pitch = 24, .slots = 3, .tile = 8, .depth = 3, .cols = cols_image};

static const patchc_frame frame_conv0 = {.height = 8, .width = 8, .top = 1, .left = 1};

static const patchc_cols cols_conv0[2] = {{0, 4}, {0, 4}};

static const patchc_step step_conv0 = {
    .rows = {.num = 1, .offset = 1, .den = 2, .mul = 1, .add = 0, .limit = 4},
    .cols = cols_conv0, .piece_rows = 1, .piece_cols = 4, .reverse = 0};

static const patchc_storage map_conv0 = {
    .offset = 0, .pitch = 24, .slots = 4, .tile = 4, .depth = 6, .cols = NULL};

static const patchc_frame frame_conv1 = {.height = 4, .width = 4, .top = 1, .left = 1};

static const patchc_cols cols_conv1[2] = {{0, 3}, {1, 4}};

static const patchc_step step_conv1 = {
    .rows = {.num = 1, .offset = 1, .den = 2, .mul = 1, .add = -1, .limit = 4},
    .cols = cols_conv1, .piece_rows = 1, .piece_cols = 3, .reverse = 0};

static const patchc_storage ring_conv1 = {
    .offset = 272, .pitch = 18, .slots = 1, .tile = 3, .depth = 6, .cols = cols_conv1};

static const patchc_storage ring_coarse = {
    .offset = 290, .pitch = 12, .slots = 1, .tile = 3, .depth = 4, .cols = cols_conv1};

static const patchc_cols cols_coarse[2] = {{0, 2}, {2, 4}};

static const patchc_step step_coarse_rows = {
    .rows = {.num = 1, .offset = 1, .den = 2, .mul = 1, .add = -1, .limit = 4},
    .cols = cols_coarse, .piece_rows = 1, .piece_cols = 2, .reverse = 0};

static const patchc_cols cols_upsample3[2] = {{0, 5}, {3, 8}};

static const patchc_step step_upsample3 = {
    .rows = {.num = 1, .offset = 1, .den = 2, .mul = 2, .add = -2, .limit = 8},
    .cols = cols_upsample3, .piece_rows = 1, .piece_cols = 5, .reverse = 0};

static const patchc_storage ring_upsample3 = {
    .offset = 96, .pitch = 20, .slots = 4, .tile = 5, .depth = 4, .cols = cols_upsample3};

static const patchc_cols cols_fine[2] = {{0, 4}, {4, 8}};

static const patchc_step step_fine = {
    .rows = {.num = 1, .offset = 1, .den = 2, .mul = 2, .add = -3, .limit = 8},
    .cols = cols_fine, .piece_rows = 1, .piece_cols = 4, .reverse = 0};

static const patchc_storage ring_fine = {
    .offset = 248, .pitch = 12, .slots = 2, .tile = 4, .depth = 3, .cols = cols_fine};

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

/* conv0 (map) -> conv1 (ring of 1 row) */
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

/* conv1 (ring of 1 row) -> coarse (ring of 1 row) */
static PATCHC_APART void compute_coarse(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_pads none = {.top = 0, .left = 0, .bottom = 0, .right = 0};

    { /* 3: coarse.node  conv 1x1, 4x4x6 -> 4x4x4 */
        const patchc_in in = patchc_in_view(arena, &ring_conv1, piece->stripe, at);
        const patchc_out out = patchc_out_view(arena, &ring_coarse, piece->stripe, at);

        patchc_conv2d_pointwise(&out, &in, &none, &params_coarse_node);
    }
}

/* coarse (ring of 1 row) -> the callback */
static PATCHC_APART int compute_coarse_rows(int8_t *arena, const net_outputs *outputs,
                                            const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_in in = patchc_in_view(arena, &ring_coarse, piece->stripe, at);

    return store_rows(&outputs->coarse, &in, at->r0, at->c0);
}

/* coarse (ring of 1 row) -> upsample3 (ring of 4 rows) */
static PATCHC_APART void compute_upsample3(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_reach reach_upsample3 = patchc_reach_up(at, &params_upsample3_node);

    { /* 4: upsample3.node  upsample 2x2, 4x4x4 -> 8x8x4 */
        const patchc_in in = patchc_in_view(arena, &ring_coarse, piece->stripe,
                                            &reach_upsample3.patch);
        const patchc_out out = patchc_out_view(arena, &ring_upsample3, piece->stripe, at);

        patchc_upsample(&out, &in, &reach_upsample3.pads, &params_upsample3_node);
    }
}

/* upsample3 (ring of 4 rows) -> fine (ring of 2 rows) */
static PATCHC_APART void compute_fine(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_reach reach_fine = patchc_reach_of(at, &params_fine_node.window, &frame_conv0);

    { /* 5: fine.node  conv 3x3, 8x8x4 -> 8x8x3 */
        const patchc_in in = patchc_in_view(arena, &ring_upsample3, piece->stripe,
                                            &reach_fine.patch);
        const patchc_out out = patchc_out_view(arena, &ring_fine, piece->stripe, at);

        patchc_conv2d(&out, &in, &reach_fine.pads, &params_fine_node);
    }
}

/* fine (ring of 2 rows) -> the callback */
static PATCHC_APART int compute_fine_rows(int8_t *arena, const net_outputs *outputs,
                                          const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_in in = patchc_in_view(arena, &ring_fine, piece->stripe, at);

    return store_rows(&outputs->fine, &in, at->r0, at->c0);
}

/* 6: edges.node  depthwise 3x3, 4x4x6 -> 4x4x6 */
static PATCHC_APART void block_1_edges(int8_t *arena)
{
    const patchc_in in = {
        .data = arena, .pitch = 24, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 6};
    const patchc_out out = {
        .data = arena + 96, .pitch = 24, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 6};
    const patchc_pads pads = {.top = 1, .left = 1, .bottom = 1, .right = 1};
    patchc_conv2d_depthwise(&out, &in, &pads, &params_edges_node);
}

/* 6: edges  handed over, 4x4x6 */
static PATCHC_APART int block_2_store_edges(int8_t *arena, const net_outputs *outputs)
{
    const patchc_in in = {
        .data = arena + 96, .pitch = 24, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 6};
    return store_rows(&outputs->edges, &in, 0, 0);
}

/* 7: globalaveragepool6.node  global average pool, 4x4x6 -> 1x1x6 */
static PATCHC_APART void block_3_globalaveragepool6(int8_t *arena)
{
    const patchc_in in = {
        .data = arena, .pitch = 24, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 6};
    const patchc_out out = {
        .data = arena + 96, .pitch = 6, .slots = 1, .slot = 0,
        .rows = 1, .cols = 1, .channels = 6};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_global_average_pool(&out, &in, &pads, &params_globalaveragepool6_node);
}

/* 8: logits.node  conv 1x1, 1x1x6 -> 1x1x5 */
static PATCHC_APART void block_4_logits(int8_t *arena)
{
    const patchc_in in = {
        .data = arena + 96, .pitch = 6, .slots = 1, .slot = 0,
        .rows = 1, .cols = 1, .channels = 6};
    const patchc_out out = {
        .data = arena, .pitch = 5, .slots = 1, .slot = 0,
        .rows = 1, .cols = 1, .channels = 5};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_dense(&out, &in, &pads, &params_logits_node);
}


/* What the blocks below are made of: pieces, work, function. */
static const patchc_part parts[] = {
    {&step_image, 1, 0}, /* 0: the callback -> image (ring of 3 rows) */
    {&step_conv0, 7575, 1}, /* 1: image (ring of 3 rows) -> conv0 (map) */
    {&step_conv1, 2739, 2}, /* 2: conv0 (map) -> conv1 (ring of 1 row) */
    {&step_conv1, 871, 3}, /* 3: conv1 (ring of 1 row) -> coarse (ring of 1 row) */
    {&step_coarse_rows, 1, 4}, /* 4: coarse (ring of 1 row) -> the callback */
    {&step_upsample3, 42, 5}, /* 5: coarse (ring of 1 row) -> upsample3 (ring of 4 rows) */
    {&step_fine, 5884, 6}, /* 6: upsample3 (ring of 4 rows) -> fine (ring of 2 rows) */
    {&step_fine, 1, 7}, /* 7: fine (ring of 2 rows) -> the callback */
    {&patchc_once, 13094, 8}, /* 8: 6: edges.node  depthwise 3x3, 4x4x6 -> 4x4x6 */
    {&patchc_once, 1, 9}, /* 9: 6: edges  handed over, 4x4x6 */
    {&patchc_once, 1377, 10}, /* 10: 7: globalaveragepool6.node  global average pool, 4x4x6 ->... */
    {&patchc_once, 288, 11}, /* 11: 8: logits.node  conv 1x1, 1x1x6 -> 1x1x5 */
    {&patchc_once, 10, 12}, /* 12: OUT3, where it is asked for */
};

/* Parts, stripes, ticks. */
static const patchc_block blocks[] = {
    {0, 8, 2, 12},
    {8, 9, 1, 1},
    {9, 10, 1, 1},
    {10, 11, 1, 1},
    {11, 12, 1, 1},
    {12, 13, 1, 1},
};

/* Computes a piece. Returns 0, or what a callback returned. */
static int compute(uint32_t function, int8_t *arena, const net_inputs *inputs,
                   const net_outputs *outputs, const patchc_piece *piece)
{
    switch (function) {
    case 0:
        return compute_image(arena, inputs, piece);
    case 1:
        compute_conv0(arena, piece);
        break;
    case 2:
        compute_conv1(arena, piece);
        break;
    case 3:
        compute_coarse(arena, piece);
        break;
    case 4:
        return compute_coarse_rows(arena, outputs, piece);
    case 5:
        compute_upsample3(arena, piece);
        break;
    case 6:
        compute_fine(arena, piece);
        break;
    case 7:
        return compute_fine_rows(arena, outputs, piece);
    case 8:
        block_1_edges(arena);
        break;
    case 9:
        return block_2_store_edges(arena, outputs);
    case 10:
        block_3_globalaveragepool6(arena);
        break;
    case 11:
        block_4_logits(arena);
        break;
    case 12:
        if (outputs != NULL && outputs->logits != NULL) {
            memmove(outputs->logits, arena + NET_OUT3_OFFSET, NET_OUT3_BYTES);
        }
        break;
    default:
        break;
    }
    return 0;
}

#ifdef NET_STEP_HOOK
#ifdef __cplusplus
extern "C"
#endif
void NET_STEP_HOOK(uint32_t part, uint32_t work);
#endif

int net_step(void *arena, net_state *state, uint32_t max_work)
{
    int8_t *const base = (int8_t *)arena;
    patchc_place *place;
    uint32_t left = max_work;
    int begun = 0;

    if (base == NULL || state == NULL) {
        return NET_ERR_NULL;
    }
    if (state->in == NULL) {
        return NET_ERR_NULL;
    }
    if (state->out == NULL) {
        return NET_ERR_NULL;
    }
    if (state->in->image.read == NULL) {
        return NET_ERR_NULL;
    }
    if (state->out->fine.write == NULL) {
        return NET_ERR_NULL;
    }
    if (state->out->coarse.write == NULL) {
        return NET_ERR_NULL;
    }
    if (state->out->edges.write == NULL) {
        return NET_ERR_NULL;
    }

    place = &state->place;
    while (place->block < sizeof blocks / sizeof blocks[0]) {
        const patchc_part *const part = &parts[place->part];
        patchc_piece piece = patchc_piece_at(part, place);

        while (piece.more) {
            if (begun && part->work > left) {
                patchc_stop_at(place, &piece);
                return NET_MORE;
            }
            if (compute(part->function, base, state->in, state->out, &piece) != 0) {
                patchc_stop_at(place, &piece);
                return NET_ERR_CALLBACK;
            }
#ifdef NET_STEP_HOOK
            NET_STEP_HOOK(place->part, part->work);
#endif
            begun = 1;
            left -= part->work < left ? part->work : left;
            patchc_next(&piece);
        }
        patchc_go_on(place, &blocks[place->block]);
    }
    memset(place, 0, sizeof *place);
    return 0;
}

/* What a whole run gives to each slice: tests make it less. */
#ifndef NET_RUN_SLICE
#define NET_RUN_SLICE UINT32_MAX
#endif

int net_run(void *arena, const net_inputs *in, const net_outputs *out)
{
    net_state state;
    int status;

    memset(&state, 0, sizeof state);
    state.in = in;
    state.out = out;
    do {
        status = net_step(arena, &state, NET_RUN_SLICE);
    } while (status == NET_MORE);
    return status;
}
