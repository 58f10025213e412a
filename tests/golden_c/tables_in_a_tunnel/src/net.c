/* net: the program.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 * SPDX-License-Identifier: Apache-2.0 OR 0BSD
 *
 * The arena, 243 bytes:
 *
 *    offset     bytes  kind         blocks     tensors
 *         0        52  scratch      0..0       a, d, hd, p
 *        52        63  ring         0..0       image
 *       115        80  output       0..0       hp
 *       195        48  ring         0..0       ha
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
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_a_node_weights, .form = net_a_node_form, .rare = NULL,
    .pad_value = 17, .zero_point = 12, .lo = -128, .hi = 127, .drop = 10};

static const patchc_lut_params params_ha_node = {.table = net_ha_node_table};

static const patchc_conv_params params_d_node = {
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 4, .weights = net_d_node_weights, .form = net_d_node_form, .rare = NULL,
    .pad_value = -103, .zero_point = -7, .lo = -128, .hi = 127, .drop = 10};

static const patchc_lut_params params_hd_node = {.table = net_hd_node_table};

static const patchc_conv_params params_p_node = {
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_p_node_weights, .form = net_p_node_form, .rare = NULL,
    .pad_value = -101, .zero_point = -14, .lo = -128, .hi = 127, .drop = 10};

static const patchc_lut_params params_hp_node = {.table = net_hp_node_table};

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

/* Tunnel 0: a.node .. hp.node, in 10 ticks. */

static const patchc_cols cols_image[1] = {{0, 7}};

static const patchc_step step_image = {
    .rows = {.num = 1, .offset = 1, .den = 1, .mul = 1, .add = 0, .limit = 8},
    .cols = cols_image, .piece_rows = 1, .piece_cols = 7, .reverse = 0};

static const patchc_storage ring_image = {
    .offset = 52, .pitch = 21, .slots = 3, .tile = 7, .depth = 3, .cols = NULL};

static const patchc_frame frame_a = {.height = 8, .width = 7, .top = 1, .left = 1};

static const patchc_cols cols_ha[1] = {{0, 4}};

static const patchc_step step_ha = {
    .rows = {.num = 1, .offset = 1, .den = 2, .mul = 1, .add = 0, .limit = 4},
    .cols = cols_ha, .piece_rows = 1, .piece_cols = 4, .reverse = 0};

static const patchc_storage tile_a = {
    .offset = 0, .pitch = 16, .slots = 1, .tile = 4, .depth = 4, .cols = NULL};

static const patchc_storage ring_ha = {
    .offset = 195, .pitch = 16, .slots = 3, .tile = 4, .depth = 4, .cols = NULL};

static const patchc_frame frame_d = {.height = 4, .width = 4, .top = 1, .left = 1};

static const patchc_step step_hp = {
    .rows = {.num = 1, .offset = 1, .den = 2, .mul = 1, .add = -1, .limit = 4},
    .cols = cols_ha, .piece_rows = 1, .piece_cols = 4, .reverse = 0};

static const patchc_storage tile_hd = {
    .offset = 16, .pitch = 16, .slots = 1, .tile = 4, .depth = 4, .cols = NULL};

static const patchc_storage tile_p = {
    .offset = 32, .pitch = 20, .slots = 1, .tile = 4, .depth = 5, .cols = NULL};

static const patchc_storage map_hp = {
    .offset = 115, .pitch = 20, .slots = 4, .tile = 4, .depth = 5, .cols = NULL};

/* the callback -> image (ring of 3 rows) */
static PATCHC_APART int compute_image(int8_t *arena, const net_inputs *inputs,
                                      const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_out out = patchc_out_view(arena, &ring_image, piece->stripe, at);

    return load_rows(&inputs->image, &out, at->r0, at->c0);
}

/* image (ring of 3 rows) -> ha (ring of 3 rows) */
static PATCHC_APART void compute_ha(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_reach reach_a = patchc_reach_of(at, &params_a_node.window, &frame_a);
    const patchc_pads none = {.top = 0, .left = 0, .bottom = 0, .right = 0};

    { /* 1: a.node  conv 3x3 s2, 8x7x3 -> 4x4x4 */
        const patchc_in in = patchc_in_view(arena, &ring_image, piece->stripe, &reach_a.patch);
        const patchc_out out = patchc_out_view(arena, &tile_a, piece->stripe, at);

        patchc_conv2d(&out, &in, &reach_a.pads, &params_a_node);
    }
    { /* 2: ha.node  table HardSwish, 4x4x4 -> 4x4x4 */
        const patchc_in in = patchc_in_view(arena, &tile_a, piece->stripe, at);
        const patchc_out out = patchc_out_view(arena, &ring_ha, piece->stripe, at);

        patchc_lut(&out, &in, &none, &params_ha_node);
    }
}

/* ha (ring of 3 rows) -> hp (map) */
static PATCHC_APART void compute_hp(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_reach reach_d = patchc_reach_of(at, &params_d_node.window, &frame_d);
    const patchc_pads none = {.top = 0, .left = 0, .bottom = 0, .right = 0};

    { /* 3: d.node  depthwise 3x3, 4x4x4 -> 4x4x4 */
        const patchc_in in = patchc_in_view(arena, &ring_ha, piece->stripe, &reach_d.patch);
        const patchc_out out = patchc_out_view(arena, &tile_a, piece->stripe, at);

        patchc_conv2d_depthwise(&out, &in, &reach_d.pads, &params_d_node);
    }
    { /* 4: hd.node  table HardSwish, 4x4x4 -> 4x4x4 */
        const patchc_in in = patchc_in_view(arena, &tile_a, piece->stripe, at);
        const patchc_out out = patchc_out_view(arena, &tile_hd, piece->stripe, at);

        patchc_lut(&out, &in, &none, &params_hd_node);
    }
    { /* 5: p.node  conv 1x1, 4x4x4 -> 4x4x5 */
        const patchc_in in = patchc_in_view(arena, &tile_hd, piece->stripe, at);
        const patchc_out out = patchc_out_view(arena, &tile_p, piece->stripe, at);

        patchc_conv2d_pointwise(&out, &in, &none, &params_p_node);
    }
    { /* 6: hp.node  table PRelu per channel, 4x4x5 -> 4x4x5 */
        const patchc_in in = patchc_in_view(arena, &tile_p, piece->stripe, at);
        const patchc_out out = patchc_out_view(arena, &map_hp, piece->stripe, at);

        patchc_lut_channels(&out, &in, &none, &params_hp_node);
    }
}

/* Tunnel 0, tick by tick. */
static PATCHC_APART int tunnel_0_hp(int8_t *arena, const net_inputs *inputs)
{
    for (int32_t t = 0; t < 10; t++) {
        patchc_piece p;

        /* the callback -> image (ring of 3 rows) */
        for (p = patchc_first(&step_image, 0, t); p.more; patchc_next(&p)) {
            if (compute_image(arena, inputs, &p) != 0) {
                return NET_ERR_CALLBACK;
            }
        }
        /* image (ring of 3 rows) -> ha (ring of 3 rows) */
        for (p = patchc_first(&step_ha, 0, t); p.more; patchc_next(&p)) {
            compute_ha(arena, &p);
        }
        /* ha (ring of 3 rows) -> hp (map) */
        for (p = patchc_first(&step_hp, 0, t); p.more; patchc_next(&p)) {
            compute_hp(arena, &p);
        }
    }
    return 0;
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

    if (tunnel_0_hp(base, in) != 0) {
        return NET_ERR_CALLBACK;
    }

    if (out != NULL) {
        if (out->hp != NULL) {
            memmove(out->hp, base + NET_OUT0_OFFSET, NET_OUT0_BYTES);
        }
    }
    return 0;
}
