/* net: the program.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 * SPDX-License-Identifier: Apache-2.0 OR 0BSD
 *
 * The arena, 465 bytes:
 *
 *    offset     bytes  kind         blocks     tensors
 *         0       360  output       0..0       logits
 *       360        60  ring         0..0       conv0
 *       420        45  ring         0..0       image
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
    .pad_value = -5, .zero_point = -11, .lo = -128, .hi = 127, .drop = 10};

static const patchc_conv_sums_params params_logits_node = {
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_logits_node_weights, .offsets = net_logits_node_offsets,
    .pad_value = -11};

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

/* Tunnel 0: conv0.node .. logits.node, in 8 ticks. */

static const patchc_cols cols_image[1] = {{0, 5}};

static const patchc_step step_image = {
    .rows = {.num = 1, .offset = 1, .den = 1, .mul = 1, .add = 0, .limit = 6},
    .cols = cols_image, .piece_rows = 1, .piece_cols = 5, .reverse = 0};

static const patchc_storage ring_image = {
    .offset = 420, .pitch = 15, .slots = 3, .tile = 5, .depth = 3, .cols = NULL};

static const patchc_frame frame_conv0 = {.height = 6, .width = 5, .top = 1, .left = 1};

static const patchc_step step_conv0 = {
    .rows = {.num = 1, .offset = 0, .den = 1, .mul = 1, .add = 0, .limit = 6},
    .cols = cols_image, .piece_rows = 1, .piece_cols = 5, .reverse = 0};

static const patchc_storage ring_conv0 = {
    .offset = 360, .pitch = 20, .slots = 3, .tile = 5, .depth = 4, .cols = NULL};

static const patchc_step step_logits = {
    .rows = {.num = 1, .offset = 0, .den = 1, .mul = 1, .add = -1, .limit = 6},
    .cols = cols_image, .piece_rows = 1, .piece_cols = 5, .reverse = 0};

static const patchc_storage map_logits = {
    .offset = 0, .pitch = 60, .slots = 6, .tile = 5, .depth = 12, .cols = NULL};

/* the callback -> image (ring of 3 rows) */
static PATCHC_APART int compute_image(int8_t *arena, const net_inputs *inputs,
                                      const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_out out = patchc_out_view(arena, &ring_image, piece->stripe, at);

    return load_rows(&inputs->image, &out, at->r0, at->c0);
}

/* image (ring of 3 rows) -> conv0 (ring of 3 rows) */
static PATCHC_APART void compute_conv0(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_reach reach_conv0 = patchc_reach_of(at, &params_conv0_node.window, &frame_conv0);

    { /* 1: conv0.node  conv 3x3, 6x5x3 -> 6x5x4 */
        const patchc_in in = patchc_in_view(arena, &ring_image, piece->stripe, &reach_conv0.patch);
        const patchc_out out = patchc_out_view(arena, &ring_conv0, piece->stripe, at);

        patchc_conv2d(&out, &in, &reach_conv0.pads, &params_conv0_node);
    }
}

/* conv0 (ring of 3 rows) -> logits (map) */
static PATCHC_APART void compute_logits(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_reach reach_logits = patchc_reach_of(at, &params_logits_node.window, &frame_conv0);

    { /* 2: logits.node  sums of conv 3x3, 6x5x4 -> 6x5x12 */
        const patchc_in in = patchc_in_view(arena, &ring_conv0, piece->stripe, &reach_logits.patch);
        const patchc_out out = patchc_out_view(arena, &map_logits, piece->stripe, at);

        patchc_conv_sums(&out, &in, &reach_logits.pads, &params_logits_node);
    }
}

/* Tunnel 0, tick by tick. */
static PATCHC_APART int tunnel_0_logits(int8_t *arena, const net_inputs *inputs)
{
    for (int32_t t = 0; t < 8; t++) {
        patchc_piece p;

        /* the callback -> image (ring of 3 rows) */
        for (p = patchc_first(&step_image, 0, t); p.more; patchc_next(&p)) {
            if (compute_image(arena, inputs, &p) != 0) {
                return NET_ERR_CALLBACK;
            }
        }
        /* image (ring of 3 rows) -> conv0 (ring of 3 rows) */
        for (p = patchc_first(&step_conv0, 0, t); p.more; patchc_next(&p)) {
            compute_conv0(arena, &p);
        }
        /* conv0 (ring of 3 rows) -> logits (map) */
        for (p = patchc_first(&step_logits, 0, t); p.more; patchc_next(&p)) {
            compute_logits(arena, &p);
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

    if (tunnel_0_logits(base, in) != 0) {
        return NET_ERR_CALLBACK;
    }

    if (out != NULL) {
        if (out->logits != NULL) {
            memmove(out->logits, base + NET_OUT0_OFFSET, NET_OUT0_BYTES);
        }
    }
    return 0;
}
