/* net: the program.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 * SPDX-License-Identifier: Apache-2.0 OR 0BSD
 *
 * The arena, 630 bytes:
 *
 *    offset     bytes  kind         blocks     tensors
 *         0       432  scratch      0..0       sums of p, e, d
 *       432       126  output       0..0       out, p
 *       558        72  ring         0..0       image
 */
#include "net.h"

#include <string.h>

#include "net_weights.h"
#include "patchc_kernels.h"
#include "patchc_tunnel.h"

#ifndef NET_RUNTIME
#error "patchc_names.h: of another network; to share a folder they take --runtime shared"
#endif

static const patchc_add_params params_out_node = {
    .a_factor = 11184811, .b_factor = 8549067, .sum_constant = -435565792, .frac = 24,
    .near_a = 699051, .near_b = 534317,
    .near = {.constant = 4268268978u, .mask = 1048064, .bits = 20}, .constant = NULL,
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

/* Tunnel 0: e.node .. p.node, in 9 ticks. */

static const patchc_cols cols_image[1] = {{0, 6}};

static const patchc_step step_image = {
    .rows = {.num = 1, .offset = 1, .den = 1, .mul = 1, .add = 0, .limit = 7},
    .cols = cols_image, .piece_rows = 1, .piece_cols = 6, .reverse = 0};

static const patchc_storage ring_image = {
    .offset = 558, .pitch = 18, .slots = 4, .tile = 6, .depth = 3, .cols = NULL};

static const patchc_frame frame_d = {.height = 7, .width = 6, .top = 1, .left = 1};

static const patchc_step step_out = {
    .rows = {.num = 1, .offset = 0, .den = 2, .mul = 2, .add = 0, .limit = 7},
    .cols = cols_image, .piece_rows = 2, .piece_cols = 6, .reverse = 0};

static const patchc_storage tile_e = {
    .offset = 144, .pitch = 48, .slots = 4, .tile = 6, .depth = 8, .cols = NULL};

static const patchc_storage tile_d = {
    .offset = 336, .pitch = 48, .slots = 2, .tile = 6, .depth = 8, .cols = NULL};

static const patchc_storage map_p = {
    .offset = 432, .pitch = 18, .slots = 7, .tile = 6, .depth = 3, .cols = NULL};

/* the callback -> image (ring of 4 rows) */
static PATCHC_APART int compute_image(int8_t *arena, const net_inputs *inputs,
                                      const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_out out = patchc_out_view(arena, &ring_image, piece->stripe, at);

    return load_rows(&inputs->image, &out, at->r0, at->c0);
}

/* image (ring of 4 rows) -> out (map), 2 rows and 8 channels at a time */
static PATCHC_APART void compute_out(int8_t *arena, const net_inputs *inputs,
                                     const patchc_piece *piece)
{
    const int8_t *const weights = inputs->weights;
    const patchc_conv_params params_e_node = {
        .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
        .groups = 1, .weights = weights + 0, .form = net_e_node_form, .rare = NULL,
        .pad_value = 15, .zero_point = 9, .lo = -128, .hi = 127, .drop = 10};
    const patchc_conv_params params_d_node = {
        .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
        .groups = 12, .weights = weights + 36, .form = net_d_node_form, .rare = NULL,
        .pad_value = 9, .zero_point = -4, .lo = -128, .hi = 127, .drop = 10};
    const patchc_conv_params params_p_node = {
        .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
        .groups = 1, .weights = weights + 144, .form = net_p_node_form, .rare = NULL,
        .pad_value = -4, .zero_point = -4, .lo = -128, .hi = 127, .drop = 10};
    const patchc_patch *const at = &piece->patch;
    const patchc_reach reach_d = patchc_reach_of(at, &params_d_node.window, &frame_d);
    const patchc_sums sums = patchc_new_sums(arena, patchc_pixels(at), 3);
    const patchc_pads none = {.top = 0, .left = 0, .bottom = 0, .right = 0};

    for (int32_t k = 0; k < 12; k += 8) {
        const int32_t channels = patchc_min(8, 12 - k);

        { /* 1: e.node  conv 1x1, 7x6x3 -> 7x6x12 */
            const patchc_conv_params params = patchc_outputs_from(&params_e_node, k, 3);
            const patchc_in in = patchc_in_view(arena, &ring_image, piece->stripe, &reach_d.patch);
            patchc_out out = patchc_out_view(arena, &tile_e, piece->stripe, &reach_d.patch);

            out.channels = channels;
            patchc_conv2d_pointwise(&out, &in, &none, &params);
        }
        { /* 2: d.node  depthwise 3x3, 7x6x12 -> 7x6x12 */
            const patchc_conv_params params = patchc_outputs_from(&params_d_node, k, 9);
            patchc_in in = patchc_in_view(arena, &tile_e, piece->stripe, &reach_d.patch);
            patchc_out out = patchc_out_view(arena, &tile_d, piece->stripe, at);

            in.channels = channels;
            out.channels = channels;
            patchc_conv2d_depthwise(&out, &in, &reach_d.pads, &params);
        }
        { /* 3: p.node  conv 1x1, 7x6x12 -> 7x6x3 */
            const patchc_conv_params params = patchc_inputs_from(&params_p_node, k, 3);
            patchc_in in = patchc_in_view(arena, &tile_d, piece->stripe, at);

            in.channels = channels;
            patchc_pointwise_add(&sums, &in, &params);
        }
    }
    { /* 3: p.node  its sums as int8, 7x6x3 */
        const patchc_out out = patchc_out_view(arena, &map_p, piece->stripe, at);

        patchc_pointwise_finish(&out, &sums, &params_p_node);
    }
    { /* 4: out.node  add, 7x6x3 + 7x6x3 -> 7x6x3 */
        const patchc_in a = patchc_in_view(arena, &ring_image, piece->stripe, at);
        const patchc_in b = patchc_in_view(arena, &map_p, piece->stripe, at);
        const patchc_out out = patchc_out_view(arena, &map_p, piece->stripe, at);

        patchc_add(&out, &a, &b, &params_out_node);
    }
}

/* Tunnel 0, tick by tick. */
static PATCHC_APART int tunnel_0_out(int8_t *arena, const net_inputs *inputs)
{
    for (int32_t t = 0; t < 9; t++) {
        patchc_piece p;

        /* the callback -> image (ring of 4 rows) */
        for (p = patchc_first(&step_image, 0, t); p.more; patchc_next(&p)) {
            if (compute_image(arena, inputs, &p) != 0) {
                return NET_ERR_CALLBACK;
            }
        }
        /* image (ring of 4 rows) -> out (map), 2 rows and 8 channels at a time */
        for (p = patchc_first(&step_out, 0, t); p.more; patchc_next(&p)) {
            compute_out(arena, inputs, &p);
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
    if (in->weights == NULL) {
        return NET_ERR_NULL;
    }
    if ((uintptr_t)arena % NET_ARENA_ALIGN != 0) {
        return NET_ERR_ALIGN;
    }

    if (tunnel_0_out(base, in) != 0) {
        return NET_ERR_CALLBACK;
    }

    if (out != NULL) {
        if (out->out != NULL) {
            memmove(out->out, base + NET_OUT0_OFFSET, NET_OUT0_BYTES);
        }
    }
    return 0;
}
