/* net: the program.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 *
 * The arena, 82 bytes:
 *
 *    offset     bytes  kind         blocks     tensors
 *         0        18  ring         0..0       image
 *         0         4  map          2..3       lut5
 *         0        48  output       4..4       conv7
 *         4         2  ring         2..2       lut3
 *         6         2  ring         2..2       conv2
 *         8         4  ring         2..2       conv4
 *        12         4  map          1..2       globalaveragepool1
 *        18        64  map          0..4       conv0, gated
 */
#include "net.h"

#include <string.h>

#include "net_weights.h"
#include "patchc_kernels.h"
#include "patchc_tunnel.h"

static const patchc_conv_params params_conv0_node = {
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_conv0_node_weights, .bias = net_conv0_node_bias,
    .scale = net_conv0_node_scale, .pad_value = 9, .zero_point = -16, .lo = -128, .hi = 127};

static const patchc_global_params params_globalaveragepool1_node = {
    .scale = {.mantissa = 11817351, .shift = 27}, .offset = 256, .zero_point = -4, .lo = -128,
    .hi = 127};

static const patchc_conv_params params_conv2_node = {
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_conv2_node_weights, .bias = net_conv2_node_bias,
    .scale = net_conv2_node_scale, .pad_value = -4, .zero_point = -1, .lo = -128, .hi = 127};

static const patchc_lut_params params_lut3_node = {.table = net_lut3_node_table};

static const patchc_conv_params params_conv4_node = {
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_conv4_node_weights, .bias = net_conv4_node_bias,
    .scale = net_conv4_node_scale, .pad_value = -1, .zero_point = -14, .lo = -128, .hi = 127};

static const patchc_lut_params params_lut5_node = {.table = net_lut5_node_table};

static const patchc_mul_params params_gated_node = {
    .factor = 10084140, .frac = 30, .near_factor = 78782,
    .near = {.constant = 1841299456, .guard = 10287, .range = 8368034, .bits = 23,
            .base = 205},
    .constant = NULL, .a_zero_point = -16, .b_zero_point = 13, .zero_point = 14, .offset = 0,
    .lo = -128, .hi = 127};

static const patchc_conv_params params_conv7_node = {
    .window = {.kernel_h = 1, .kernel_w = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_conv7_node_weights, .bias = net_conv7_node_bias,
    .scale = net_conv7_node_scale, .pad_value = 14, .zero_point = -10, .lo = -128, .hi = 127};

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

/* Tunnel 0: conv0.node .. conv0.node, in 5 ticks, for each of 2 stripes of columns. */

static const patchc_cols cols_image[2] = {{0, 3}, {1, 4}};

static const patchc_step step_image = {
    .rows = {.num = 1, .offset = 1, .den = 1, .mul = 1, .add = 0, .limit = 4},
    .cols = cols_image, .piece_rows = 1, .piece_cols = 3, .reverse = 0};

static const patchc_storage ring_image = {
    .offset = 0, .pitch = 6, .slots = 3, .tile = 3, .depth = 2, .cols = cols_image};

static const patchc_frame frame_conv0 = {.height = 4, .width = 4, .top = 1, .left = 1};

static const patchc_cols cols_conv0[2] = {{0, 2}, {2, 4}};

static const patchc_step step_conv0 = {
    .rows = {.num = 1, .offset = 0, .den = 1, .mul = 1, .add = 0, .limit = 4},
    .cols = cols_conv0, .piece_rows = 1, .piece_cols = 2, .reverse = 0};

static const patchc_storage map_conv0 = {
    .offset = 18, .pitch = 16, .slots = 4, .tile = 4, .depth = 4, .cols = NULL};

/* the callback -> image (ring of 3 rows) */
static int compute_image(int8_t *arena, const net_inputs *inputs, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_out out = patchc_out_view(arena, &ring_image, piece->stripe, at);

    return load_rows(&inputs->image, &out, at->r0, at->c0);
}

/* image (ring of 3 rows) -> conv0 (map) */
static void compute_conv0(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_reach reach_conv0 = patchc_reach_of(at, &params_conv0_node.window, &frame_conv0);

    { /* 1: conv0.node  conv 3x3, 4x4x2 -> 4x4x4 */
        const patchc_in in = patchc_in_view(arena, &ring_image, piece->stripe, &reach_conv0.patch);
        const patchc_out out = patchc_out_view(arena, &map_conv0, piece->stripe, at);

        patchc_conv2d(&out, &in, &reach_conv0.pads, &params_conv0_node);
    }
}

/* Tunnel 0, stripe by stripe, tick by tick. */
static int tunnel_0_conv0(int8_t *arena, const net_inputs *inputs)
{
    for (int32_t q = 0; q < 2; q++) {
        for (int32_t t = 0; t < 5; t++) {
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

/* 2: globalaveragepool1.node  global average pool, 4x4x4 -> 1x1x4 */
static void block_1_globalaveragepool1(int8_t *arena)
{
    const patchc_in in = {
        .data = arena + 18, .pitch = 16, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 4};
    const patchc_out out = {
        .data = arena + 12, .pitch = 4, .slots = 1, .slot = 0,
        .rows = 1, .cols = 1, .channels = 4};
    const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 0};
    patchc_global_average_pool(&out, &in, &pads, &params_globalaveragepool1_node);
}

/* Tunnel 2: conv2.node .. lut5.node, in 1 tick. */

static const patchc_cols cols_conv2[1] = {{0, 1}};

static const patchc_step step_conv2 = {
    .rows = {.num = 1, .offset = 1, .den = 1, .mul = 1, .add = 0, .limit = 1},
    .cols = cols_conv2, .piece_rows = 1, .piece_cols = 1, .reverse = 0};

static const patchc_storage map_globalaveragepool1 = {
    .offset = 12, .pitch = 4, .slots = 1, .tile = 1, .depth = 4, .cols = NULL};

static const patchc_storage ring_conv2 = {
    .offset = 6, .pitch = 2, .slots = 1, .tile = 1, .depth = 2, .cols = NULL};

static const patchc_step step_lut3 = {
    .rows = {.num = 1, .offset = 1, .den = 1, .mul = 1, .add = 0, .limit = 1},
    .cols = cols_conv2, .piece_rows = 1, .piece_cols = 1, .reverse = 0};

static const patchc_storage ring_lut3 = {
    .offset = 4, .pitch = 2, .slots = 1, .tile = 1, .depth = 2, .cols = NULL};

static const patchc_step step_conv4 = {
    .rows = {.num = 1, .offset = 1, .den = 1, .mul = 1, .add = 0, .limit = 1},
    .cols = cols_conv2, .piece_rows = 1, .piece_cols = 1, .reverse = 0};

static const patchc_storage ring_conv4 = {
    .offset = 8, .pitch = 4, .slots = 1, .tile = 1, .depth = 4, .cols = NULL};

static const patchc_step step_lut5 = {
    .rows = {.num = 1, .offset = 1, .den = 1, .mul = 1, .add = 0, .limit = 1},
    .cols = cols_conv2, .piece_rows = 1, .piece_cols = 1, .reverse = 0};

static const patchc_storage map_lut5 = {
    .offset = 0, .pitch = 4, .slots = 1, .tile = 1, .depth = 4, .cols = NULL};

/* globalaveragepool1 (map) -> conv2 (ring of 1 row) */
static void compute_conv2(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_pads none = {.top = 0, .left = 0, .bottom = 0, .right = 0};

    { /* 3: conv2.node  conv 1x1, 1x1x4 -> 1x1x2 */
        const patchc_in in = patchc_in_view(arena, &map_globalaveragepool1, piece->stripe, at);
        const patchc_out out = patchc_out_view(arena, &ring_conv2, piece->stripe, at);

        patchc_dense(&out, &in, &none, &params_conv2_node);
    }
}

/* conv2 (ring of 1 row) -> lut3 (ring of 1 row) */
static void compute_lut3(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_pads none = {.top = 0, .left = 0, .bottom = 0, .right = 0};

    { /* 4: lut3.node  table Relu, 1x1x2 -> 1x1x2 */
        const patchc_in in = patchc_in_view(arena, &ring_conv2, piece->stripe, at);
        const patchc_out out = patchc_out_view(arena, &ring_lut3, piece->stripe, at);

        patchc_lut(&out, &in, &none, &params_lut3_node);
    }
}

/* lut3 (ring of 1 row) -> conv4 (ring of 1 row) */
static void compute_conv4(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_pads none = {.top = 0, .left = 0, .bottom = 0, .right = 0};

    { /* 5: conv4.node  conv 1x1, 1x1x2 -> 1x1x4 */
        const patchc_in in = patchc_in_view(arena, &ring_lut3, piece->stripe, at);
        const patchc_out out = patchc_out_view(arena, &ring_conv4, piece->stripe, at);

        patchc_dense(&out, &in, &none, &params_conv4_node);
    }
}

/* conv4 (ring of 1 row) -> lut5 (map) */
static void compute_lut5(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_pads none = {.top = 0, .left = 0, .bottom = 0, .right = 0};

    { /* 6: lut5.node  table HardSigmoid, 1x1x4 -> 1x1x4 */
        const patchc_in in = patchc_in_view(arena, &ring_conv4, piece->stripe, at);
        const patchc_out out = patchc_out_view(arena, &map_lut5, piece->stripe, at);

        patchc_lut(&out, &in, &none, &params_lut5_node);
    }
}

/* Tunnel 2, tick by tick. */
static void tunnel_2_lut5(int8_t *arena)
{
    for (int32_t t = 0; t < 1; t++) {
        patchc_piece p;

        /* globalaveragepool1 (map) -> conv2 (ring of 1 row) */
        for (p = patchc_first(&step_conv2, 0, t); p.more; patchc_next(&p)) {
            compute_conv2(arena, &p);
        }
        /* conv2 (ring of 1 row) -> lut3 (ring of 1 row) */
        for (p = patchc_first(&step_lut3, 0, t); p.more; patchc_next(&p)) {
            compute_lut3(arena, &p);
        }
        /* lut3 (ring of 1 row) -> conv4 (ring of 1 row) */
        for (p = patchc_first(&step_conv4, 0, t); p.more; patchc_next(&p)) {
            compute_conv4(arena, &p);
        }
        /* conv4 (ring of 1 row) -> lut5 (map) */
        for (p = patchc_first(&step_lut5, 0, t); p.more; patchc_next(&p)) {
            compute_lut5(arena, &p);
        }
    }
}

/* 7: gated.node  mul, 4x4x4 + 1x1x4 -> 4x4x4 */
static void block_3_gated(int8_t *arena)
{
    const patchc_in a = {
        .data = arena + 18, .pitch = 16, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 4};
    const patchc_in b = {
        .data = arena, .pitch = 4, .slots = 1, .slot = 0,
        .rows = 1, .cols = 1, .channels = 4};
    const patchc_out out = {
        .data = arena + 18, .pitch = 16, .slots = 4, .slot = 0,
        .rows = 4, .cols = 4, .channels = 4};
    patchc_mul(&out, &a, &b, &params_gated_node);
}

/* Tunnel 4: conv7.node .. conv7.node, in 4 ticks. */

static const patchc_cols cols_conv7[1] = {{0, 4}};

static const patchc_step step_conv7 = {
    .rows = {.num = 1, .offset = 1, .den = 1, .mul = 1, .add = 0, .limit = 4},
    .cols = cols_conv7, .piece_rows = 1, .piece_cols = 4, .reverse = 0};

static const patchc_storage map_gated = {
    .offset = 18, .pitch = 16, .slots = 4, .tile = 4, .depth = 4, .cols = NULL};

static const patchc_storage map_conv7 = {
    .offset = 0, .pitch = 12, .slots = 4, .tile = 4, .depth = 3, .cols = NULL};

/* gated (map) -> conv7 (map) */
static void compute_conv7(int8_t *arena, const patchc_piece *piece)
{
    const patchc_patch *const at = &piece->patch;
    const patchc_pads none = {.top = 0, .left = 0, .bottom = 0, .right = 0};

    { /* 8: conv7.node  conv 1x1, 4x4x4 -> 4x4x3 */
        const patchc_in in = patchc_in_view(arena, &map_gated, piece->stripe, at);
        const patchc_out out = patchc_out_view(arena, &map_conv7, piece->stripe, at);

        patchc_conv2d_pointwise(&out, &in, &none, &params_conv7_node);
    }
}

/* Tunnel 4, tick by tick. */
static void tunnel_4_conv7(int8_t *arena)
{
    for (int32_t t = 0; t < 4; t++) {
        patchc_piece p;

        /* gated (map) -> conv7 (map) */
        for (p = patchc_first(&step_conv7, 0, t); p.more; patchc_next(&p)) {
            compute_conv7(arena, &p);
        }
    }
}

int net_run(void *arena, const net_inputs *in, const net_outputs *out)
{
    int8_t *const base = arena;

    if (base == NULL || in == NULL) {
        return NET_ERR_NULL;
    }
    if (in->image.read == NULL) {
        return NET_ERR_NULL;
    }

    if (tunnel_0_conv0(base, in) != 0) {
        return NET_ERR_CALLBACK;
    }
    block_1_globalaveragepool1(base);
    tunnel_2_lut5(base);
    block_3_gated(base);
    tunnel_4_conv7(base);

    if (out != NULL) {
        if (out->conv7 != NULL) {
            memmove(out->conv7, base + NET_OUT0_OFFSET, NET_OUT0_BYTES);
        }
    }
    return 0;
}
