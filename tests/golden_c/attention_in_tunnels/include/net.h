/* net: an int8 network in 1666 bytes of arena.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 * SPDX-License-Identifier: Apache-2.0 OR 0BSD
 *
 *     int status = net_run(arena, &inputs, &outputs);
 *
 * Maps are int8, NHWC, batch 1; real value = scale * (q - zero point). Reentrant: all state is in
 * the arena, which the caller owns, so two arenas are two independent inferences. Nothing of it
 * need be kept between runs: networks that do not run at the same time may share one.
 */
#ifndef NET_H
#define NET_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NET_ARENA_BYTES 1666
/* Sums lie in it as int32_t: declare it so, int32_t arena[(NET_ARENA_BYTES + 3) / 4], or
 * allocate it. */
#define NET_ARENA_ALIGN 4
/* From net_run down, callbacks and interrupts excepted. Not part of the arena. */
#define NET_STACK_BYTES 2048

/* IN0: image */
#define NET_IN0_NAME "image"
#define NET_IN0_HEIGHT 7
#define NET_IN0_WIDTH 7
#define NET_IN0_CHANNELS 3
#define NET_IN0_BYTES 147
/* A real value x becomes x / SCALE, rounded to the nearest integer, ties to even, + ZERO_POINT,
 * within -128 .. 127. Where the model has uint8, its values and zero point are 128 more. */
#define NET_IN0_SCALE 0.02f
#define NET_IN0_ZERO_POINT (-8)

/* OUT0: conv14 */
#define NET_OUT0_NAME "conv14"
#define NET_OUT0_HEIGHT 1
#define NET_OUT0_WIDTH 1
#define NET_OUT0_CHANNELS 3
#define NET_OUT0_BYTES 3
#define NET_OUT0_OFFSET 0 /* in the arena */
#define NET_OUT0_SCALE 0.012010894f
#define NET_OUT0_ZERO_POINT (-8)

/* What net_run returns beside 0. */
#define NET_ERR_NULL (-1)     /* a pointer that must be given is null */
#define NET_ERR_ALIGN (-2)    /* the arena is not aligned to NET_ARENA_ALIGN */
#define NET_ERR_CALLBACK (-3) /* a callback returned non-zero; the run was given up */

/* Fetches rows row .. row + rows - 1, columns col .. col + cols - 1 of an input into `dst`, packed:
 * rows x cols x channels. Returns 0, or anything else to give up. Nothing outside the input is
 * asked for. */
typedef struct {
    int (*read)(void *ctx, int32_t row, int32_t col, int32_t rows, int32_t cols, int8_t *dst);
    void *ctx; /* given to `read` */
} net_reader;

typedef struct {
    net_reader image;
} net_inputs;

typedef struct {
    /* null: left in the arena, at NET_OUT0_OFFSET */
    int8_t *conv14;
} net_outputs;

/* Runs the network once. `out` may be null: the outputs are left in the arena.
 * Returns 0 or one of NET_ERR_*. */
int net_run(void *arena, const net_inputs *in, const net_outputs *out);

/* Writes the indices of the `k` largest of `count` values to `best`, the largest first; of equal
 * values the first comes first. Returns how many they are: `k`, or `count` where that is less. */
int32_t net_top(const int8_t *values, int32_t count, int32_t *best, int32_t k);

#ifdef __cplusplus
}
#endif

#endif
