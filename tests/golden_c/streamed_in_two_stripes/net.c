/* net: the program.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 *
 * The arena, 288 bytes:
 *
 *    offset     bytes  kind         blocks     tensors
 *         0       192  output       0..0       out
 *       192        60  ring         0..0       middle
 *       252        36  ring         0..0       image
 */
#include "net.h"

#include <string.h>

#include "net_weights.h"
#include "patchc_kernels.h"

static const patchc_conv_params params_middle_node = {
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_middle_node_weights, .bias = net_middle_node_bias,
    .scale = net_middle_node_scale, .pad_value = -15, .zero_point = -7, .lo = -128, .hi = 127};

static const patchc_conv_params params_out_node = {
    .window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1, .dilation_h = 1,
            .dilation_w = 1},
    .groups = 1, .weights = net_out_node_weights, .bias = net_out_node_bias,
    .scale = net_out_node_scale, .pad_value = -7, .zero_point = 11, .lo = -128, .hi = 127};

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

static int block_0_streamed(int8_t *arena, const net_inputs *inputs)
{
    { /* 0: image  load, 8x8x2 */
        const patchc_out out = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 0,
            .rows = 1, .cols = 6, .channels = 2};
        if (load_rows(&inputs->image, &out, 0, 0) != 0) {
            return NET_ERR_CALLBACK;
        }
    }
    { /* 0: image  load, 8x8x2 */
        const patchc_out out = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 1,
            .rows = 1, .cols = 6, .channels = 2};
        if (load_rows(&inputs->image, &out, 1, 0) != 0) {
            return NET_ERR_CALLBACK;
        }
    }
    { /* 0: image  load, 8x8x2 */
        const patchc_out out = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 2,
            .rows = 1, .cols = 6, .channels = 2};
        if (load_rows(&inputs->image, &out, 2, 0) != 0) {
            return NET_ERR_CALLBACK;
        }
    }
    { /* 1: middle.node  conv 3x3, 8x8x2 -> 8x8x4 */
        const patchc_in in = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 0,
            .rows = 2, .cols = 6, .channels = 2};
        const patchc_out out = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 0,
            .rows = 1, .cols = 5, .channels = 4};
        const patchc_pads pads = {.top = 1, .left = 1, .bottom = 0, .right = 0};
        patchc_conv2d(&out, &in, &pads, &params_middle_node);
    }
    { /* 1: middle.node  conv 3x3, 8x8x2 -> 8x8x4 */
        const patchc_in in = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 0,
            .rows = 3, .cols = 6, .channels = 2};
        const patchc_out out = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 1,
            .rows = 1, .cols = 5, .channels = 4};
        const patchc_pads pads = {.top = 0, .left = 1, .bottom = 0, .right = 0};
        patchc_conv2d(&out, &in, &pads, &params_middle_node);
    }
    { /* 2: out.node  conv 3x3, 8x8x4 -> 8x8x3 */
        const patchc_in in = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 0,
            .rows = 2, .cols = 5, .channels = 4};
        const patchc_out out = {
            .data = arena, .pitch = 24, .slots = 8, .slot = 0,
            .rows = 1, .cols = 4, .channels = 3};
        const patchc_pads pads = {.top = 1, .left = 1, .bottom = 0, .right = 0};
        patchc_conv2d(&out, &in, &pads, &params_out_node);
    }
    { /* 0: image  load, 8x8x2 */
        const patchc_out out = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 0,
            .rows = 1, .cols = 6, .channels = 2};
        if (load_rows(&inputs->image, &out, 3, 0) != 0) {
            return NET_ERR_CALLBACK;
        }
    }
    { /* 1: middle.node  conv 3x3, 8x8x2 -> 8x8x4 */
        const patchc_in in = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 1,
            .rows = 3, .cols = 6, .channels = 2};
        const patchc_out out = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 2,
            .rows = 1, .cols = 5, .channels = 4};
        const patchc_pads pads = {.top = 0, .left = 1, .bottom = 0, .right = 0};
        patchc_conv2d(&out, &in, &pads, &params_middle_node);
    }
    { /* 2: out.node  conv 3x3, 8x8x4 -> 8x8x3 */
        const patchc_in in = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 0,
            .rows = 3, .cols = 5, .channels = 4};
        const patchc_out out = {
            .data = arena, .pitch = 24, .slots = 8, .slot = 1,
            .rows = 1, .cols = 4, .channels = 3};
        const patchc_pads pads = {.top = 0, .left = 1, .bottom = 0, .right = 0};
        patchc_conv2d(&out, &in, &pads, &params_out_node);
    }
    { /* 0: image  load, 8x8x2 */
        const patchc_out out = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 1,
            .rows = 1, .cols = 6, .channels = 2};
        if (load_rows(&inputs->image, &out, 4, 0) != 0) {
            return NET_ERR_CALLBACK;
        }
    }
    { /* 1: middle.node  conv 3x3, 8x8x2 -> 8x8x4 */
        const patchc_in in = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 2,
            .rows = 3, .cols = 6, .channels = 2};
        const patchc_out out = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 0,
            .rows = 1, .cols = 5, .channels = 4};
        const patchc_pads pads = {.top = 0, .left = 1, .bottom = 0, .right = 0};
        patchc_conv2d(&out, &in, &pads, &params_middle_node);
    }
    { /* 2: out.node  conv 3x3, 8x8x4 -> 8x8x3 */
        const patchc_in in = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 1,
            .rows = 3, .cols = 5, .channels = 4};
        const patchc_out out = {
            .data = arena, .pitch = 24, .slots = 8, .slot = 2,
            .rows = 1, .cols = 4, .channels = 3};
        const patchc_pads pads = {.top = 0, .left = 1, .bottom = 0, .right = 0};
        patchc_conv2d(&out, &in, &pads, &params_out_node);
    }
    { /* 0: image  load, 8x8x2 */
        const patchc_out out = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 2,
            .rows = 1, .cols = 6, .channels = 2};
        if (load_rows(&inputs->image, &out, 5, 0) != 0) {
            return NET_ERR_CALLBACK;
        }
    }
    { /* 1: middle.node  conv 3x3, 8x8x2 -> 8x8x4 */
        const patchc_in in = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 0,
            .rows = 3, .cols = 6, .channels = 2};
        const patchc_out out = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 1,
            .rows = 1, .cols = 5, .channels = 4};
        const patchc_pads pads = {.top = 0, .left = 1, .bottom = 0, .right = 0};
        patchc_conv2d(&out, &in, &pads, &params_middle_node);
    }
    { /* 2: out.node  conv 3x3, 8x8x4 -> 8x8x3 */
        const patchc_in in = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 2,
            .rows = 3, .cols = 5, .channels = 4};
        const patchc_out out = {
            .data = arena, .pitch = 24, .slots = 8, .slot = 3,
            .rows = 1, .cols = 4, .channels = 3};
        const patchc_pads pads = {.top = 0, .left = 1, .bottom = 0, .right = 0};
        patchc_conv2d(&out, &in, &pads, &params_out_node);
    }
    { /* 0: image  load, 8x8x2 */
        const patchc_out out = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 0,
            .rows = 1, .cols = 6, .channels = 2};
        if (load_rows(&inputs->image, &out, 6, 0) != 0) {
            return NET_ERR_CALLBACK;
        }
    }
    { /* 1: middle.node  conv 3x3, 8x8x2 -> 8x8x4 */
        const patchc_in in = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 1,
            .rows = 3, .cols = 6, .channels = 2};
        const patchc_out out = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 2,
            .rows = 1, .cols = 5, .channels = 4};
        const patchc_pads pads = {.top = 0, .left = 1, .bottom = 0, .right = 0};
        patchc_conv2d(&out, &in, &pads, &params_middle_node);
    }
    { /* 2: out.node  conv 3x3, 8x8x4 -> 8x8x3 */
        const patchc_in in = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 0,
            .rows = 3, .cols = 5, .channels = 4};
        const patchc_out out = {
            .data = arena, .pitch = 24, .slots = 8, .slot = 4,
            .rows = 1, .cols = 4, .channels = 3};
        const patchc_pads pads = {.top = 0, .left = 1, .bottom = 0, .right = 0};
        patchc_conv2d(&out, &in, &pads, &params_out_node);
    }
    { /* 0: image  load, 8x8x2 */
        const patchc_out out = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 1,
            .rows = 1, .cols = 6, .channels = 2};
        if (load_rows(&inputs->image, &out, 7, 0) != 0) {
            return NET_ERR_CALLBACK;
        }
    }
    { /* 1: middle.node  conv 3x3, 8x8x2 -> 8x8x4 */
        const patchc_in in = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 2,
            .rows = 3, .cols = 6, .channels = 2};
        const patchc_out out = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 0,
            .rows = 1, .cols = 5, .channels = 4};
        const patchc_pads pads = {.top = 0, .left = 1, .bottom = 0, .right = 0};
        patchc_conv2d(&out, &in, &pads, &params_middle_node);
    }
    { /* 2: out.node  conv 3x3, 8x8x4 -> 8x8x3 */
        const patchc_in in = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 1,
            .rows = 3, .cols = 5, .channels = 4};
        const patchc_out out = {
            .data = arena, .pitch = 24, .slots = 8, .slot = 5,
            .rows = 1, .cols = 4, .channels = 3};
        const patchc_pads pads = {.top = 0, .left = 1, .bottom = 0, .right = 0};
        patchc_conv2d(&out, &in, &pads, &params_out_node);
    }
    { /* 1: middle.node  conv 3x3, 8x8x2 -> 8x8x4 */
        const patchc_in in = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 0,
            .rows = 2, .cols = 6, .channels = 2};
        const patchc_out out = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 1,
            .rows = 1, .cols = 5, .channels = 4};
        const patchc_pads pads = {.top = 0, .left = 1, .bottom = 1, .right = 0};
        patchc_conv2d(&out, &in, &pads, &params_middle_node);
    }
    { /* 2: out.node  conv 3x3, 8x8x4 -> 8x8x3 */
        const patchc_in in = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 2,
            .rows = 3, .cols = 5, .channels = 4};
        const patchc_out out = {
            .data = arena, .pitch = 24, .slots = 8, .slot = 6,
            .rows = 1, .cols = 4, .channels = 3};
        const patchc_pads pads = {.top = 0, .left = 1, .bottom = 0, .right = 0};
        patchc_conv2d(&out, &in, &pads, &params_out_node);
    }
    { /* 2: out.node  conv 3x3, 8x8x4 -> 8x8x3 */
        const patchc_in in = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 0,
            .rows = 2, .cols = 5, .channels = 4};
        const patchc_out out = {
            .data = arena, .pitch = 24, .slots = 8, .slot = 7,
            .rows = 1, .cols = 4, .channels = 3};
        const patchc_pads pads = {.top = 0, .left = 1, .bottom = 1, .right = 0};
        patchc_conv2d(&out, &in, &pads, &params_out_node);
    }
    { /* 0: image  load, 8x8x2 */
        const patchc_out out = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 0,
            .rows = 1, .cols = 6, .channels = 2};
        if (load_rows(&inputs->image, &out, 0, 2) != 0) {
            return NET_ERR_CALLBACK;
        }
    }
    { /* 0: image  load, 8x8x2 */
        const patchc_out out = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 1,
            .rows = 1, .cols = 6, .channels = 2};
        if (load_rows(&inputs->image, &out, 1, 2) != 0) {
            return NET_ERR_CALLBACK;
        }
    }
    { /* 0: image  load, 8x8x2 */
        const patchc_out out = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 2,
            .rows = 1, .cols = 6, .channels = 2};
        if (load_rows(&inputs->image, &out, 2, 2) != 0) {
            return NET_ERR_CALLBACK;
        }
    }
    { /* 1: middle.node  conv 3x3, 8x8x2 -> 8x8x4 */
        const patchc_in in = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 0,
            .rows = 2, .cols = 6, .channels = 2};
        const patchc_out out = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 0,
            .rows = 1, .cols = 5, .channels = 4};
        const patchc_pads pads = {.top = 1, .left = 0, .bottom = 0, .right = 1};
        patchc_conv2d(&out, &in, &pads, &params_middle_node);
    }
    { /* 1: middle.node  conv 3x3, 8x8x2 -> 8x8x4 */
        const patchc_in in = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 0,
            .rows = 3, .cols = 6, .channels = 2};
        const patchc_out out = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 1,
            .rows = 1, .cols = 5, .channels = 4};
        const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 1};
        patchc_conv2d(&out, &in, &pads, &params_middle_node);
    }
    { /* 2: out.node  conv 3x3, 8x8x4 -> 8x8x3 */
        const patchc_in in = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 0,
            .rows = 2, .cols = 5, .channels = 4};
        const patchc_out out = {
            .data = arena + 12, .pitch = 24, .slots = 8, .slot = 0,
            .rows = 1, .cols = 4, .channels = 3};
        const patchc_pads pads = {.top = 1, .left = 0, .bottom = 0, .right = 1};
        patchc_conv2d(&out, &in, &pads, &params_out_node);
    }
    { /* 0: image  load, 8x8x2 */
        const patchc_out out = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 0,
            .rows = 1, .cols = 6, .channels = 2};
        if (load_rows(&inputs->image, &out, 3, 2) != 0) {
            return NET_ERR_CALLBACK;
        }
    }
    { /* 1: middle.node  conv 3x3, 8x8x2 -> 8x8x4 */
        const patchc_in in = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 1,
            .rows = 3, .cols = 6, .channels = 2};
        const patchc_out out = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 2,
            .rows = 1, .cols = 5, .channels = 4};
        const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 1};
        patchc_conv2d(&out, &in, &pads, &params_middle_node);
    }
    { /* 2: out.node  conv 3x3, 8x8x4 -> 8x8x3 */
        const patchc_in in = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 0,
            .rows = 3, .cols = 5, .channels = 4};
        const patchc_out out = {
            .data = arena + 12, .pitch = 24, .slots = 8, .slot = 1,
            .rows = 1, .cols = 4, .channels = 3};
        const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 1};
        patchc_conv2d(&out, &in, &pads, &params_out_node);
    }
    { /* 0: image  load, 8x8x2 */
        const patchc_out out = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 1,
            .rows = 1, .cols = 6, .channels = 2};
        if (load_rows(&inputs->image, &out, 4, 2) != 0) {
            return NET_ERR_CALLBACK;
        }
    }
    { /* 1: middle.node  conv 3x3, 8x8x2 -> 8x8x4 */
        const patchc_in in = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 2,
            .rows = 3, .cols = 6, .channels = 2};
        const patchc_out out = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 0,
            .rows = 1, .cols = 5, .channels = 4};
        const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 1};
        patchc_conv2d(&out, &in, &pads, &params_middle_node);
    }
    { /* 2: out.node  conv 3x3, 8x8x4 -> 8x8x3 */
        const patchc_in in = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 1,
            .rows = 3, .cols = 5, .channels = 4};
        const patchc_out out = {
            .data = arena + 12, .pitch = 24, .slots = 8, .slot = 2,
            .rows = 1, .cols = 4, .channels = 3};
        const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 1};
        patchc_conv2d(&out, &in, &pads, &params_out_node);
    }
    { /* 0: image  load, 8x8x2 */
        const patchc_out out = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 2,
            .rows = 1, .cols = 6, .channels = 2};
        if (load_rows(&inputs->image, &out, 5, 2) != 0) {
            return NET_ERR_CALLBACK;
        }
    }
    { /* 1: middle.node  conv 3x3, 8x8x2 -> 8x8x4 */
        const patchc_in in = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 0,
            .rows = 3, .cols = 6, .channels = 2};
        const patchc_out out = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 1,
            .rows = 1, .cols = 5, .channels = 4};
        const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 1};
        patchc_conv2d(&out, &in, &pads, &params_middle_node);
    }
    { /* 2: out.node  conv 3x3, 8x8x4 -> 8x8x3 */
        const patchc_in in = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 2,
            .rows = 3, .cols = 5, .channels = 4};
        const patchc_out out = {
            .data = arena + 12, .pitch = 24, .slots = 8, .slot = 3,
            .rows = 1, .cols = 4, .channels = 3};
        const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 1};
        patchc_conv2d(&out, &in, &pads, &params_out_node);
    }
    { /* 0: image  load, 8x8x2 */
        const patchc_out out = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 0,
            .rows = 1, .cols = 6, .channels = 2};
        if (load_rows(&inputs->image, &out, 6, 2) != 0) {
            return NET_ERR_CALLBACK;
        }
    }
    { /* 1: middle.node  conv 3x3, 8x8x2 -> 8x8x4 */
        const patchc_in in = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 1,
            .rows = 3, .cols = 6, .channels = 2};
        const patchc_out out = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 2,
            .rows = 1, .cols = 5, .channels = 4};
        const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 1};
        patchc_conv2d(&out, &in, &pads, &params_middle_node);
    }
    { /* 2: out.node  conv 3x3, 8x8x4 -> 8x8x3 */
        const patchc_in in = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 0,
            .rows = 3, .cols = 5, .channels = 4};
        const patchc_out out = {
            .data = arena + 12, .pitch = 24, .slots = 8, .slot = 4,
            .rows = 1, .cols = 4, .channels = 3};
        const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 1};
        patchc_conv2d(&out, &in, &pads, &params_out_node);
    }
    { /* 0: image  load, 8x8x2 */
        const patchc_out out = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 1,
            .rows = 1, .cols = 6, .channels = 2};
        if (load_rows(&inputs->image, &out, 7, 2) != 0) {
            return NET_ERR_CALLBACK;
        }
    }
    { /* 1: middle.node  conv 3x3, 8x8x2 -> 8x8x4 */
        const patchc_in in = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 2,
            .rows = 3, .cols = 6, .channels = 2};
        const patchc_out out = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 0,
            .rows = 1, .cols = 5, .channels = 4};
        const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 1};
        patchc_conv2d(&out, &in, &pads, &params_middle_node);
    }
    { /* 2: out.node  conv 3x3, 8x8x4 -> 8x8x3 */
        const patchc_in in = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 1,
            .rows = 3, .cols = 5, .channels = 4};
        const patchc_out out = {
            .data = arena + 12, .pitch = 24, .slots = 8, .slot = 5,
            .rows = 1, .cols = 4, .channels = 3};
        const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 1};
        patchc_conv2d(&out, &in, &pads, &params_out_node);
    }
    { /* 1: middle.node  conv 3x3, 8x8x2 -> 8x8x4 */
        const patchc_in in = {
            .data = arena + 252, .pitch = 12, .slots = 3, .slot = 0,
            .rows = 2, .cols = 6, .channels = 2};
        const patchc_out out = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 1,
            .rows = 1, .cols = 5, .channels = 4};
        const patchc_pads pads = {.top = 0, .left = 0, .bottom = 1, .right = 1};
        patchc_conv2d(&out, &in, &pads, &params_middle_node);
    }
    { /* 2: out.node  conv 3x3, 8x8x4 -> 8x8x3 */
        const patchc_in in = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 2,
            .rows = 3, .cols = 5, .channels = 4};
        const patchc_out out = {
            .data = arena + 12, .pitch = 24, .slots = 8, .slot = 6,
            .rows = 1, .cols = 4, .channels = 3};
        const patchc_pads pads = {.top = 0, .left = 0, .bottom = 0, .right = 1};
        patchc_conv2d(&out, &in, &pads, &params_out_node);
    }
    { /* 2: out.node  conv 3x3, 8x8x4 -> 8x8x3 */
        const patchc_in in = {
            .data = arena + 192, .pitch = 20, .slots = 3, .slot = 0,
            .rows = 2, .cols = 5, .channels = 4};
        const patchc_out out = {
            .data = arena + 12, .pitch = 24, .slots = 8, .slot = 7,
            .rows = 1, .cols = 4, .channels = 3};
        const patchc_pads pads = {.top = 0, .left = 0, .bottom = 1, .right = 1};
        patchc_conv2d(&out, &in, &pads, &params_out_node);
    }
    return 0;
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
    if ((uintptr_t)arena % NET_ARENA_ALIGN != 0) {
        return NET_ERR_ALIGN;
    }

    if (block_0_streamed(base, in) != 0) {
        return NET_ERR_CALLBACK;
    }

    if (out != NULL) {
        if (out->out != NULL) {
            memmove(out->out, base + NET_OUT0_OFFSET, NET_OUT0_BYTES);
        }
    }
    return 0;
}
