/* net: the program.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 * SPDX-License-Identifier: Apache-2.0 OR 0BSD
 *
 * The arena, 210 bytes:
 *
 *    offset     bytes  kind         blocks     tensors
 *         0       144  ring         0..0       a
 *       144        20  accumulator  0..0       sums of m
 *       164        18  scratch      0..0       d, c
 *       182        16  ring         0..0       p
 *       198         7  output       0..0       logits
 *       205         5  ring         0..0       m
 */
#include "net.h"

#include <string.h>

#include "net_weights.h"
#include "patchc_kernels.h"
#include "patchc_tunnel.h"

#ifndef NET_RUNTIME
#error "patchc_names.h: of another network; to share a folder they take --runtime shared"
#endif

static const patchc_conv_params params_a_node = {
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_a_node_weights, .form = net_a_node_form, .rare = NULL,
    .pad_value = -14, .zero_point = 15, .lo = -128, .hi = 127, .drop = 10};

static const patchc_conv_params params_d_node = {
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 6, .weights = net_d_node_weights, .form = net_d_node_form, .rare = NULL,
    .pad_value = 15, .zero_point = 14, .lo = -128, .hi = 127, .drop = 10};

static const patchc_conv_params params_p_node = {
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_p_node_weights, .form = net_p_node_form, .rare = NULL,
    .pad_value = 14, .zero_point = 13, .lo = -128, .hi = 127, .drop = 10};

static const patchc_conv_params params_c_node = {
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_c_node_weights, .form = net_c_node_form, .rare = NULL,
    .pad_value = 13, .zero_point = 3, .lo = -128, .hi = 127, .drop = 10};

static const patchc_global_params params_m_node = {
    .form = {.factor = 967770909, .offset = 41446}, .rare = NULL, .zero_point = 12,
    .lo = -128, .hi = 127};

static const patchc_conv_params params_logits_node = {
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_logits_node_weights, .form = net_logits_node_form,
    .rare = NULL, .pad_value = 12, .zero_point = 11, .lo = -128, .hi = 127, .drop = 10};

/* Tunnel 0: a.node .. logits.node, in 11 ticks, from the last row to the first. */

static const patchc_frame frame_a = {.height = 9, .width = 8, .top = 1, .left = 1};

static const patchc_cols cols_a[1] = {{0, 8}};

static const patchc_step step_a = {
    .rows = {.num = 1, .offset = 0, .den = 1, .mul = 1, .add = 0, .limit = 9}, .cols = cols_a,
    .piece_rows = 1, .piece_cols = 8, .reverse = 1};

static const patchc_storage map_image = {
    .offset = 0, .pitch = 16, .slots = 9, .tile = 8, .depth = 2, .cols = NULL};

static const patchc_storage ring_a = {
    .offset = 0, .pitch = 48, .slots = 3, .tile = 8, .depth = 6, .cols = NULL};

static const patchc_cols cols_p[1] = {{0, 4}};

static const patchc_step step_p = {
    .rows = {.num = 1, .offset = 0, .den = 2, .mul = 1, .add = 0, .limit = 5}, .cols = cols_p,
    .piece_rows = 1, .piece_cols = 3, .reverse = 1};

static const patchc_storage tile_d = {
    .offset = 164, .pitch = 18, .slots = 1, .tile = 3, .depth = 6, .cols = NULL};

static const patchc_storage ring_p = {
    .offset = 182, .pitch = 16, .slots = 1, .tile = 4, .depth = 4, .cols = NULL};

static const patchc_step step_m_sums = {
    .rows = {.num = 1, .offset = 0, .den = 2, .mul = 1, .add = 0, .limit = 5}, .cols = cols_p,
    .piece_rows = 1, .piece_cols = 2, .reverse = 1};

static const patchc_storage tile_c = {
    .offset = 164, .pitch = 10, .slots = 1, .tile = 2, .depth = 5, .cols = NULL};

static const patchc_cols cols_m[1] = {{0, 1}};

static const patchc_step step_m = {
    .rows = {.num = 1, .offset = 0, .den = 2, .mul = 1, .add = -4, .limit = 1},
    .cols = cols_m, .piece_rows = 1, .piece_cols = 1, .reverse = 1};

static const patchc_storage ring_m = {
    .offset = 205, .pitch = 5, .slots = 1, .tile = 1, .depth = 5, .cols = NULL};

static const patchc_storage map_logits = {
    .offset = 198, .pitch = 7, .slots = 1, .tile = 1, .depth = 7, .cols = NULL};

/* image (map) -> a (ring of 3 rows) */
static PATCHC_APART void compute_a(int8_t *arena, const net_inputs *inputs,
                                   const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_reach reach_a = patchc_reach_of(at, &params_a_node.window, &frame_a);

    { /* 0: a.node  conv 3x3, 9x8x2 -> 9x8x6 */
        const patchc_in in = patchc_in_view(inputs->image, &map_image, piece->stripe,
                                            &reach_a.patch);
        const patchc_out out = patchc_out_view(arena, &ring_a, piece->stripe, at);

        patchc_conv2d(&out, &in, &reach_a.pads, &params_a_node);
    }
}

/* a (ring of 3 rows) -> p (ring of 1 row), 3 columns at a time */
static PATCHC_APART void compute_p(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_reach reach_d = patchc_reach_of(at, &params_d_node.window, &frame_a);
    const patchc_pads none = {.top = 0, .left = 0, .bottom = 0, .right = 0};

    { /* 1: d.node  depthwise 3x3 s2, 9x8x6 -> 5x4x6 */
        const patchc_in in = patchc_in_view(arena, &ring_a, piece->stripe, &reach_d.patch);
        const patchc_out out = patchc_out_view(arena, &tile_d, piece->stripe, at);

        patchc_conv2d_depthwise(&out, &in, &reach_d.pads, &params_d_node);
    }
    { /* 2: p.node  conv 1x1, 5x4x6 -> 5x4x4 */
        const patchc_in in = patchc_in_view(arena, &tile_d, piece->stripe, at);
        const patchc_out out = patchc_out_view(arena, &ring_p, piece->stripe, at);

        patchc_conv2d_pointwise(&out, &in, &none, &params_p_node);
    }
}

/* p (ring of 1 row) -> sums of m, 2 columns at a time */
static PATCHC_APART void compute_m_sums(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_sums sums = patchc_sums_at(arena + 144, 1, 5);
    const patchc_pads none = {.top = 0, .left = 0, .bottom = 0, .right = 0};

    { /* 3: c.node  conv 1x1, 5x4x4 -> 5x4x5 */
        const patchc_in in = patchc_in_view(arena, &ring_p, piece->stripe, at);
        const patchc_out out = patchc_out_view(arena, &tile_c, piece->stripe, at);

        patchc_conv2d_pointwise(&out, &in, &none, &params_c_node);
    }
    { /* 4: m.node  global average pool, 5x4x5 -> 1x1x5 */
        const patchc_in in = patchc_in_view(arena, &tile_c, piece->stripe, at);

        patchc_mean_add(&sums, &in);
    }
}

/* sums of m -> m (ring of 1 row) */
static PATCHC_APART void compute_m(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_sums sums = patchc_sums_at(arena + 144, 1, 5);

    { /* 4: m.node  its sums as int8, 1x1x5 */
        const patchc_out out = patchc_out_view(arena, &ring_m, piece->stripe, at);

        patchc_mean_finish(&out, &sums, &params_m_node);
    }
}

/* m (ring of 1 row) -> logits (map) */
static PATCHC_APART void compute_logits(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_pads none = {.top = 0, .left = 0, .bottom = 0, .right = 0};

    { /* 5: logits.node  conv 1x1, 1x1x5 -> 1x1x7 */
        const patchc_in in = patchc_in_view(arena, &ring_m, piece->stripe, at);
        const patchc_out out = patchc_out_view(arena, &map_logits, piece->stripe, at);

        patchc_dense(&out, &in, &none, &params_logits_node);
    }
}

/* Tunnel 0, tick by tick. */
static PATCHC_APART void tunnel_0_logits(int8_t *arena, const net_inputs *inputs)
{
    patchc_new_sums(arena + 144, 1, 5);
    for (int32_t t = 0; t < 11; t++) {
        patchc_piece p;

        /* image (map) -> a (ring of 3 rows) */
        for (p = patchc_first(&step_a, 0, t); p.more; patchc_next(&p)) {
            compute_a(arena, inputs, &p);
        }
        /* a (ring of 3 rows) -> p (ring of 1 row), 3 columns at a time */
        for (p = patchc_first(&step_p, 0, t); p.more; patchc_next(&p)) {
            compute_p(arena, &p);
        }
        /* p (ring of 1 row) -> sums of m, 2 columns at a time */
        for (p = patchc_first(&step_m_sums, 0, t); p.more; patchc_next(&p)) {
            compute_m_sums(arena, &p);
        }
        /* sums of m -> m (ring of 1 row) */
        for (p = patchc_first(&step_m, 0, t); p.more; patchc_next(&p)) {
            compute_m(arena, &p);
        }
        /* m (ring of 1 row) -> logits (map) */
        for (p = patchc_first(&step_m, 0, t); p.more; patchc_next(&p)) {
            compute_logits(arena, &p);
        }
    }
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
    if ((uintptr_t)arena % NET_ARENA_ALIGN != 0) {
        return NET_ERR_ALIGN;
    }

    tunnel_0_logits(base, in);

    if (out != NULL) {
        if (out->logits != NULL) {
            memmove(out->logits, base + NET_OUT0_OFFSET, NET_OUT0_BYTES);
        }
    }
    return 0;
}
