/* net: an int8 network in 302 bytes of arena.
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

#include "patchc_place.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NET_ARENA_BYTES 302
#define NET_ARENA_ALIGN 1
/* From net_run down, callbacks and interrupts excepted. Not part of the arena. */
#define NET_STACK_BYTES 2048

/* IN0: image */
#define NET_IN0_NAME "image"
#define NET_IN0_HEIGHT 8
#define NET_IN0_WIDTH 8
#define NET_IN0_CHANNELS 3
#define NET_IN0_BYTES 192
/* A real value x becomes x / SCALE, rounded to the nearest integer, ties to even, + ZERO_POINT,
 * within -128 .. 127. Where the model has uint8, its values and zero point are 128 more. */
#define NET_IN0_SCALE 0.02f
#define NET_IN0_ZERO_POINT (15)

/* OUT0: fine */
#define NET_OUT0_NAME "fine"
#define NET_OUT0_HEIGHT 8
#define NET_OUT0_WIDTH 8
#define NET_OUT0_CHANNELS 3
#define NET_OUT0_BYTES 192
#define NET_OUT0_SCALE 0.014099621f
#define NET_OUT0_ZERO_POINT (-13)

/* OUT1: coarse */
#define NET_OUT1_NAME "coarse"
#define NET_OUT1_HEIGHT 4
#define NET_OUT1_WIDTH 4
#define NET_OUT1_CHANNELS 4
#define NET_OUT1_BYTES 64
#define NET_OUT1_SCALE 0.024128037f
#define NET_OUT1_ZERO_POINT (14)

/* OUT2: edges */
#define NET_OUT2_NAME "edges"
#define NET_OUT2_HEIGHT 4
#define NET_OUT2_WIDTH 4
#define NET_OUT2_CHANNELS 6
#define NET_OUT2_BYTES 96
#define NET_OUT2_SCALE 0.012503157f
#define NET_OUT2_ZERO_POINT (-14)

/* OUT3: logits */
#define NET_OUT3_NAME "logits"
#define NET_OUT3_HEIGHT 1
#define NET_OUT3_WIDTH 1
#define NET_OUT3_CHANNELS 5
#define NET_OUT3_BYTES 5
#define NET_OUT3_OFFSET 0 /* in the arena */
#define NET_OUT3_SCALE 0.018430414f
#define NET_OUT3_ZERO_POINT (-19)

/* What net_run returns beside 0. */
#define NET_ERR_NULL (-1)     /* a pointer that must be given is null */
#define NET_ERR_ALIGN (-2)    /* the arena is not aligned to NET_ARENA_ALIGN */
#define NET_ERR_CALLBACK (-3) /* a callback returned non-zero; the run was given up */
#define NET_MORE 1            /* net_step: not finished yet */

/* In estimated cycles of cortex-m4, callbacks excepted: what net_step counts of a whole
 * inference, and of the longest piece, which it never interrupts. */
#define NET_WORK 199106u
#define NET_PIECE_WORK 13094u
#define NET_PARTS 13 /* that NET_STEP_HOOK tells apart */

/* Fetches rows row .. row + rows - 1, columns col .. col + cols - 1 of an input into `dst`, packed:
 * rows x cols x channels. Returns 0, or anything else to give up. Nothing outside the input is
 * asked for. */
typedef struct {
    int (*read)(void *ctx, int32_t row, int32_t col, int32_t rows, int32_t cols, int8_t *dst);
    void *ctx; /* given to `read` */
} net_reader;

/* Is handed rows row .. row + rows - 1, columns col .. col + cols - 1 of an output: `src`, packed,
 * rows x cols x channels, which it must not keep a pointer to. Returns 0, or anything else to give
 * up. Each pixel comes once: stripe by stripe of columns, from the left; rows ascend within a
 * stripe. With a single stripe that is raster order. */
typedef struct {
    int (*write)(void *ctx, int32_t row, int32_t col, int32_t rows, int32_t cols,
                 const int8_t *src);
    void *ctx; /* given to `write` */
} net_writer;

typedef struct {
    net_reader image;
} net_inputs;

typedef struct {
    net_writer fine; /* in 2 stripes */
    net_writer coarse; /* in 2 stripes */
    net_writer edges;
    /* null: left in the arena, at NET_OUT3_OFFSET */
    int8_t *logits;
} net_outputs;

/* Runs the network once. Returns 0 or one of NET_ERR_*; outputs handed over until then are
 * of no use where it is not 0. */
int net_run(void *arena, const net_inputs *in, const net_outputs *out);

/* An inference in slices. It begins where `place` is all zero:
 *
 *     net_state state = {&inputs, &outputs, {0}};
 *
 * `in` and `out` are those of net_run, and stay what they are until it ends. */
typedef struct {
    const net_inputs *in;
    const net_outputs *out;
    patchc_place place;
} net_state;

/* Goes on with an inference for about `max_work` estimated cycles: pieces, one at least, as long as
 * their work stays within it. Returns NET_MORE, or, where the inference is finished, 0: then the
 * next call begins anew, and so it does where `place` is set to zero before. Whatever the slices,
 * the outputs are the same, to the byte; the arena must stay as it is between them.
 * After NET_ERR_CALLBACK the next call asks the callback again for the rows of that piece, all
 * of them: it may return non-zero where they are not there yet.
 *
 * Built with -DNET_STEP_HOOK=f, it calls void f(uint32_t part, uint32_t work) behind each piece:
 * net.c lists the parts. */
int net_step(void *arena, net_state *state, uint32_t max_work);

/* Writes the indices of the `k` largest of `count` values to `best`, the largest first; of equal
 * values the first comes first. Returns how many they are: `k`, or `count` where that is less. */
int32_t net_top(const int8_t *values, int32_t count, int32_t *best, int32_t k);

#ifdef __cplusplus
}
#endif

#endif
