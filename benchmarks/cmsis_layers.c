/* Layers of a network computed by CMSIS-NN, each by a function of its own, so that a plugin of QEMU
 * can tell what each of them executes (benchmarks/cmsis_nn.py). Maps and weights are pseudo-random:
 * only counts are of interest. Scratch memory is what CMSIS-NN asks for. */
#include <stddef.h>
#include <stdint.h>

#include "arm_nnfunctions.h"
#include "guard.h"
#include "harness.h"
#include "semihosting.h"

typedef enum { CONV, DEPTHWISE, DENSE, ADD, MUL, MAX_POOL, AVERAGE_POOL } operation;

typedef struct {
    operation op;
    cmsis_nn_dims in, filter, out;
    cmsis_nn_tile stride, pad, dilation;
} layer;

#include "layers.inc" /* MAP_BYTES, WEIGHT_BYTES, CHANNELS, layers[], LAYERS(X): X(0) X(1) ... */

#define BIG __attribute__((section(".big"), aligned(16)))
#define CONSTANT __attribute__((section(".constants"), aligned(16))) /* for CMSIS-NN, that is */
enum { SCRATCH_BYTES = 1 << 20, SPARE_BYTES = 64 };
static BIG int8_t input[MAP_BYTES + SPARE_BYTES], other[MAP_BYTES + SPARE_BYTES];
static BIG int8_t output[MAP_BYTES + SPARE_BYTES], scratch[SCRATCH_BYTES];
static CONSTANT int8_t weights[WEIGHT_BYTES + SPARE_BYTES];
static CONSTANT int32_t bias[CHANNELS], multiplier[CHANNELS], shift[CHANNELS];

static int status;

/* As quantised networks have them: a zero point at one end, the whole of int8 as output. */
enum { ZERO_POINT = -128, FACTOR = 1518500250, SHIFT = -8 };
static const cmsis_nn_activation clamp = {-128, 127};
static const cmsis_nn_per_channel_quant_params by_channel = {multiplier, shift};
static const cmsis_nn_per_tensor_quant_params by_tensor = {FACTOR, SHIFT};
static const cmsis_nn_fc_params dense = {-ZERO_POINT, 0, ZERO_POINT, {-128, 127}};

/* Of the layer that is to come. */
static cmsis_nn_context context;
static cmsis_nn_dims bias_dims;
static cmsis_nn_conv_params conv;
static cmsis_nn_dw_conv_params depthwise;
static cmsis_nn_pool_params pool;

/* Counted as the test program's, not as the layer's. */
static void prepare(const layer *self)
{
    int32_t bytes = 0;

    bias_dims = (cmsis_nn_dims){1, 1, 1, self->out.c};
    conv.input_offset = depthwise.input_offset = -ZERO_POINT;
    conv.output_offset = depthwise.output_offset = ZERO_POINT;
    conv.stride = depthwise.stride = pool.stride = self->stride;
    conv.padding = depthwise.padding = pool.padding = self->pad;
    conv.dilation = depthwise.dilation = self->dilation;
    conv.activation = depthwise.activation = pool.activation = clamp;
    depthwise.ch_mult = self->out.c / self->in.c;
    switch (self->op) {
    case CONV:
        bytes =
            arm_convolve_wrapper_s8_get_buffer_size(&conv, &self->in, &self->filter, &self->out);
        break;
    case DEPTHWISE:
        bytes = arm_depthwise_conv_wrapper_s8_get_buffer_size(&depthwise, &self->in, &self->filter,
                                                              &self->out);
        break;
    case DENSE:
        bytes = arm_fully_connected_s8_get_buffer_size(&self->filter);
        break;
    case AVERAGE_POOL:
        bytes = arm_avgpool_s8_get_buffer_size(self->out.w, self->in.c);
        break;
    default:
        break;
    }
    if (bytes > SCRATCH_BYTES) {
        host_exit(USAGE_STATUS);
    }
    context.size = bytes;
    context.buf = bytes > 0 ? scratch : NULL;
}

__attribute__((noinline)) static int compute(const layer *self)
{
    switch (self->op) {
    case CONV:
        return arm_convolve_wrapper_s8(&context, &conv, &by_channel, &self->in, input,
                                       &self->filter, weights, &bias_dims, bias, &self->out,
                                       output);
    case DEPTHWISE:
        return arm_depthwise_conv_wrapper_s8(&context, &depthwise, &by_channel, &self->in, input,
                                             &self->filter, weights, &bias_dims, bias, &self->out,
                                             output);
    case DENSE:
        return arm_fully_connected_s8(&context, &dense, &by_tensor, &self->in, input,
                                      &self->filter, weights, &bias_dims, bias, &self->out,
                                      output);
    case MAX_POOL:
        return arm_max_pool_s8(&context, &pool, &self->in, input, &self->filter, &self->out,
                               output);
    case AVERAGE_POOL:
        return arm_avgpool_s8(&context, &pool, &self->in, input, &self->filter, &self->out,
                              output);
    case ADD:
    case MUL:
        break;
    }
#if HAS_ELEMENTWISE
    const int32_t count = self->out.h * self->out.w * self->out.c;
    if (self->op == ADD) {
        return arm_elementwise_add_s8(input, other, -ZERO_POINT, FACTOR, -1, -ZERO_POINT, FACTOR, 0,
                                      20, output, ZERO_POINT, FACTOR, -18, clamp.min, clamp.max,
                                      count);
    }
    return arm_elementwise_mul_s8(input, other, -ZERO_POINT, -ZERO_POINT, output, ZERO_POINT,
                                  FACTOR, -7, clamp.min, clamp.max, count);
#else
    return ARM_CMSIS_NN_NO_IMPL_ERROR;
#endif
}

#define FUNCTION(n)                                                                                \
    __attribute__((noinline)) static void layer_##n(void) { status |= compute(&layers[n]); }
LAYERS(FUNCTION)

static void fill(int8_t *at, uint32_t count, uint32_t seed)
{
    uint32_t i;
    for (i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        at[i] = (int8_t)(seed >> 24);
    }
}

#define CALL(n)                                                                                    \
    prepare(&layers[n]);                                                                           \
    layer_##n();

int harness_main(void)
{
    int i;
    fill(input, sizeof input, 1);
    fill(other, sizeof other, 2);
    fill(weights, sizeof weights, 3);
    for (i = 0; i < CHANNELS; i++) {
        bias[i] = i * 7919 % 4001 - 2000;
        multiplier[i] = (1 << 30) + i * 65537 % (1 << 30);
        shift[i] = SHIFT - i % 2;
    }
    LAYERS(CALL)
    return status == 0 ? 0 : RUN_STATUS;
}

/* startup.c asks for these; nothing is guarded here. */
void guard_setup(void)
{
}

uint32_t guard_regions(void)
{
    return 0;
}
