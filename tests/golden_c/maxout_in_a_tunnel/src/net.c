/* net: the program.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 * SPDX-License-Identifier: Apache-2.0 OR 0BSD
 *
 * The arena, 295 bytes:
 *
 *    offset     bytes  kind         blocks     tensors
 *         0        90  output       0..0       last
 *        90        60  ring         0..0       capped
 *       150        45  ring         0..0       image
 *       195        40  ring         0..0       conv0
 *       235        20  ring         0..0       larger
 *       255        20  ring         0..0       rearrange1
 *       275        20  ring         0..0       rearrange2
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
    .pad_value = 10, .zero_point = 9, .lo = -128, .hi = 127, .drop = 10};

static const patchc_rearrange_params params_rearrange1_node = {
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .count = 1, .rows = net_rearrange1_node_rows, .places = net_rearrange1_node_rows,
    .lengths = net_rearrange1_node_lengths};

static const patchc_rearrange_params params_rearrange2_node = {
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .count = 1, .rows = net_rearrange1_node_rows, .places = net_rearrange1_node_lengths,
    .lengths = net_rearrange1_node_lengths};

static const patchc_extremum_params params_larger_node = {
    .tables = net_larger_node_tables, .b_table_at = 0, .constant = NULL, .least = 0};

static const patchc_extremum_params params_capped_node = {
    .tables = net_capped_node_tables, .b_table_at = 256, .constant = net_capped_node_constant,
    .least = 1};

static const patchc_conv_params params_last_node = {
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_last_node_weights, .form = net_last_node_form, .rare = NULL,
    .pad_value = -3, .zero_point = -7, .lo = -128, .hi = 127, .drop = 10};

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

/* Tunnel 0: conv0.node .. last.node, in 8 ticks. */

static const patchc_cols cols_image[1] = {{0, 5}};

static const patchc_step step_image = {
    .rows = {.num = 1, .offset = 1, .den = 1, .mul = 1, .add = 0, .limit = 6},
    .cols = cols_image, .piece_rows = 1, .piece_cols = 5, .reverse = 0};

static const patchc_storage ring_image = {
    .offset = 150, .pitch = 15, .slots = 3, .tile = 5, .depth = 3, .cols = NULL};

static const patchc_frame frame_conv0 = {.height = 6, .width = 5, .top = 1, .left = 1};

static const patchc_step step_conv0 = {
    .rows = {.num = 1, .offset = 0, .den = 1, .mul = 1, .add = 0, .limit = 6},
    .cols = cols_image, .piece_rows = 1, .piece_cols = 5, .reverse = 0};

static const patchc_storage ring_conv0 = {
    .offset = 195, .pitch = 40, .slots = 1, .tile = 5, .depth = 8, .cols = NULL};

static const patchc_frame frame_rearrange1 = {.height = 6, .width = 5, .top = 0, .left = 0};

static const patchc_storage ring_rearrange1 = {
    .offset = 255, .pitch = 20, .slots = 1, .tile = 5, .depth = 4, .cols = NULL};

static const patchc_storage ring_rearrange2 = {
    .offset = 275, .pitch = 20, .slots = 1, .tile = 5, .depth = 4, .cols = NULL};

static const patchc_storage ring_larger = {
    .offset = 235, .pitch = 20, .slots = 1, .tile = 5, .depth = 4, .cols = NULL};

static const patchc_storage ring_capped = {
    .offset = 90, .pitch = 20, .slots = 3, .tile = 5, .depth = 4, .cols = NULL};

static const patchc_step step_last = {
    .rows = {.num = 1, .offset = 0, .den = 1, .mul = 1, .add = -1, .limit = 6},
    .cols = cols_image, .piece_rows = 1, .piece_cols = 5, .reverse = 0};

static const patchc_storage map_last = {
    .offset = 0, .pitch = 15, .slots = 6, .tile = 5, .depth = 3, .cols = NULL};

/* the callback -> image (ring of 3 rows) */
static PATCHC_APART int compute_image(int8_t *arena, const net_inputs *inputs,
                                      const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_out out = patchc_out_view(arena, &ring_image, piece->stripe, at);

    return load_rows(&inputs->image, &out, at->r0, at->c0);
}

/* image (ring of 3 rows) -> conv0 (ring of 1 row) */
static PATCHC_APART void compute_conv0(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_reach reach_conv0 = patchc_reach_of(at, &params_conv0_node.window, &frame_conv0);

    { /* 1: conv0.node  conv 3x3, 6x5x3 -> 6x5x8 */
        const patchc_in in = patchc_in_view(arena, &ring_image, piece->stripe, &reach_conv0.patch);
        const patchc_out out = patchc_out_view(arena, &ring_conv0, piece->stripe, at);

        patchc_conv2d(&out, &in, &reach_conv0.pads, &params_conv0_node);
    }
}

/* conv0 (ring of 1 row) -> rearrange1 (ring of 1 row) */
static PATCHC_APART void compute_rearrange1(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_reach reach_rearrange1 = patchc_reach_of(at, &params_rearrange1_node.window,
                                                          &frame_rearrange1);

    { /* 2: rearrange1.node  copy, 6x5x8 -> 6x5x4 */
        const patchc_in in = patchc_in_view(arena, &ring_conv0, piece->stripe,
                                            &reach_rearrange1.patch);
        const patchc_out out = patchc_out_view(arena, &ring_rearrange1, piece->stripe, at);

        patchc_rearrange(&out, &in, &reach_rearrange1.pads, &params_rearrange1_node);
    }
}

/* conv0 (ring of 1 row) -> rearrange2 (ring of 1 row) */
static PATCHC_APART void compute_rearrange2(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_reach reach_rearrange2 = patchc_reach_of(at, &params_rearrange2_node.window,
                                                          &frame_rearrange1);

    { /* 3: rearrange2.node  copy, 6x5x8 -> 6x5x4 */
        const patchc_in in = patchc_in_view(arena, &ring_conv0, piece->stripe,
                                            &reach_rearrange2.patch);
        const patchc_out out = patchc_out_view(arena, &ring_rearrange2, piece->stripe, at);

        patchc_rearrange(&out, &in, &reach_rearrange2.pads, &params_rearrange2_node);
    }
}

/* rearrange1 (ring of 1 row), rearrange2 (ring of 1 row) -> larger (ring of 1 row) */
static PATCHC_APART void compute_larger(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;

    { /* 4: larger.node  max, 6x5x4 + 6x5x4 -> 6x5x4 */
        const patchc_in a = patchc_in_view(arena, &ring_rearrange1, piece->stripe, at);
        const patchc_in b = patchc_in_view(arena, &ring_rearrange2, piece->stripe, at);
        const patchc_out out = patchc_out_view(arena, &ring_larger, piece->stripe, at);

        patchc_extremum(&out, &a, &b, &params_larger_node);
    }
}

/* larger (ring of 1 row) -> capped (ring of 3 rows) */
static PATCHC_APART void compute_capped(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;

    { /* 5: capped.node  min, 6x5x4 -> 6x5x4 */
        const patchc_in a = patchc_in_view(arena, &ring_larger, piece->stripe, at);
        const patchc_out out = patchc_out_view(arena, &ring_capped, piece->stripe, at);

        patchc_extremum(&out, &a, NULL, &params_capped_node);
    }
}

/* capped (ring of 3 rows) -> last (map) */
static PATCHC_APART void compute_last(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_reach reach_last = patchc_reach_of(at, &params_last_node.window, &frame_conv0);

    { /* 6: last.node  conv 3x3, 6x5x4 -> 6x5x3 */
        const patchc_in in = patchc_in_view(arena, &ring_capped, piece->stripe, &reach_last.patch);
        const patchc_out out = patchc_out_view(arena, &map_last, piece->stripe, at);

        patchc_conv2d(&out, &in, &reach_last.pads, &params_last_node);
    }
}

/* Tunnel 0, tick by tick. */
static PATCHC_APART int tunnel_0_last(int8_t *arena, const net_inputs *inputs)
{
    for (int32_t t = 0; t < 8; t++) {
        patchc_piece p;

        /* the callback -> image (ring of 3 rows) */
        for (p = patchc_first(&step_image, 0, t); p.more; patchc_next(&p)) {
            if (compute_image(arena, inputs, &p) != 0) {
                return NET_ERR_CALLBACK;
            }
        }
        /* image (ring of 3 rows) -> conv0 (ring of 1 row) */
        for (p = patchc_first(&step_conv0, 0, t); p.more; patchc_next(&p)) {
            compute_conv0(arena, &p);
        }
        /* conv0 (ring of 1 row) -> rearrange1 (ring of 1 row) */
        for (p = patchc_first(&step_conv0, 0, t); p.more; patchc_next(&p)) {
            compute_rearrange1(arena, &p);
        }
        /* conv0 (ring of 1 row) -> rearrange2 (ring of 1 row) */
        for (p = patchc_first(&step_conv0, 0, t); p.more; patchc_next(&p)) {
            compute_rearrange2(arena, &p);
        }
        /* rearrange1 (ring of 1 row), rearrange2 (ring of 1 row) -> larger (ring of 1 row) */
        for (p = patchc_first(&step_conv0, 0, t); p.more; patchc_next(&p)) {
            compute_larger(arena, &p);
        }
        /* larger (ring of 1 row) -> capped (ring of 3 rows) */
        for (p = patchc_first(&step_conv0, 0, t); p.more; patchc_next(&p)) {
            compute_capped(arena, &p);
        }
        /* capped (ring of 3 rows) -> last (map) */
        for (p = patchc_first(&step_last, 0, t); p.more; patchc_next(&p)) {
            compute_last(arena, &p);
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

    if (tunnel_0_last(base, in) != 0) {
        return NET_ERR_CALLBACK;
    }

    if (out != NULL) {
        if (out->last != NULL) {
            memmove(out->last, base + NET_OUT0_OFFSET, NET_OUT0_BYTES);
        }
    }
    return 0;
}
