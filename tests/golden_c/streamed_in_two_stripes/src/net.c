/* net: the program.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 * SPDX-License-Identifier: Apache-2.0 OR 0BSD
 *
 * The arena, 306 bytes:
 *
 *    offset     bytes  kind         blocks     tensors
 *         0       150  output       0..0       b
 *       150        84  ring         0..0       image
 *       234        72  ring         0..0       a
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
    .pad_value = 14, .zero_point = -4, .lo = -128, .hi = 127, .drop = 10};

static const patchc_conv_params params_b_node = {
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_b_node_weights, .form = net_b_node_form, .rare = NULL,
    .pad_value = -4, .zero_point = -18, .lo = -128, .hi = 127, .drop = 10};

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

/* Tunnel 0: a.node .. b.node, in 6 ticks, for each of 2 stripes of columns. */

static const patchc_cols cols_image[2] = {{0, 7}, {4, 10}};

static const patchc_step step_image = {
    .rows = {.num = 2, .offset = 3, .den = 1, .mul = 1, .add = 0, .limit = 12},
    .cols = cols_image, .piece_rows = 1, .piece_cols = 7, .reverse = 0};

static const patchc_storage ring_image = {
    .offset = 150, .pitch = 21, .slots = 4, .tile = 7, .depth = 3, .cols = cols_image};

static const patchc_frame frame_a = {.height = 12, .width = 10, .top = 1, .left = 1};

static const patchc_cols cols_a[2] = {{0, 6}, {5, 10}};

static const patchc_step step_a = {
    .rows = {.num = 2, .offset = 2, .den = 1, .mul = 1, .add = 0, .limit = 12},
    .cols = cols_a, .piece_rows = 1, .piece_cols = 6, .reverse = 0};

static const patchc_storage ring_a = {
    .offset = 234, .pitch = 24, .slots = 3, .tile = 6, .depth = 4, .cols = cols_a};

static const patchc_cols cols_b[2] = {{0, 3}, {3, 5}};

static const patchc_step step_b = {
    .rows = {.num = 1, .offset = 1, .den = 1, .mul = 1, .add = 0, .limit = 6}, .cols = cols_b,
    .piece_rows = 1, .piece_cols = 3, .reverse = 0};

static const patchc_storage map_b = {
    .offset = 0, .pitch = 25, .slots = 6, .tile = 5, .depth = 5, .cols = NULL};

/* the callback -> image (ring of 4 rows) */
static PATCHC_APART int compute_image(int8_t *arena, const net_inputs *inputs,
                                      const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_out out = patchc_out_view(arena, &ring_image, piece->stripe, at);

    return load_rows(&inputs->image, &out, at->r0, at->c0);
}

/* image (ring of 4 rows) -> a (ring of 3 rows) */
static PATCHC_APART void compute_a(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_reach reach_a = patchc_reach_of(at, &params_a_node.window, &frame_a);

    { /* 1: a.node  conv 3x3, 12x10x3 -> 12x10x4 */
        const patchc_in in = patchc_in_view(arena, &ring_image, piece->stripe, &reach_a.patch);
        const patchc_out out = patchc_out_view(arena, &ring_a, piece->stripe, at);

        patchc_conv2d(&out, &in, &reach_a.pads, &params_a_node);
    }
}

/* a (ring of 3 rows) -> b (map) */
static PATCHC_APART void compute_b(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_reach reach_b = patchc_reach_of(at, &params_b_node.window, &frame_a);

    { /* 2: b.node  conv 3x3 s2, 12x10x4 -> 6x5x5 */
        const patchc_in in = patchc_in_view(arena, &ring_a, piece->stripe, &reach_b.patch);
        const patchc_out out = patchc_out_view(arena, &map_b, piece->stripe, at);

        patchc_conv2d(&out, &in, &reach_b.pads, &params_b_node);
    }
}

/* Tunnel 0, stripe by stripe, tick by tick. */
static PATCHC_APART int tunnel_0_tunnel(int8_t *arena, const net_inputs *inputs)
{
    for (int32_t q = 0; q < 2; q++) {
        for (int32_t t = 0; t < 6; t++) {
            patchc_piece p;

            /* the callback -> image (ring of 4 rows) */
            for (p = patchc_first(&step_image, q, t); p.more; patchc_next(&p)) {
                if (compute_image(arena, inputs, &p) != 0) {
                    return NET_ERR_CALLBACK;
                }
            }
            /* image (ring of 4 rows) -> a (ring of 3 rows) */
            for (p = patchc_first(&step_a, q, t); p.more; patchc_next(&p)) {
                compute_a(arena, &p);
            }
            /* a (ring of 3 rows) -> b (map) */
            for (p = patchc_first(&step_b, q, t); p.more; patchc_next(&p)) {
                compute_b(arena, &p);
            }
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

    if (tunnel_0_tunnel(base, in) != 0) {
        return NET_ERR_CALLBACK;
    }

    if (out != NULL) {
        if (out->b != NULL) {
            memmove(out->b, base + NET_OUT0_OFFSET, NET_OUT0_BYTES);
        }
    }
    return 0;
}
