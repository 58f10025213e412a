/* net: what the test image runs.
 *
 * Made by patchc 1.2.3 for cortex-m4.
 * Model: model.onnx
 * sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
 * Command: patchc compile model.onnx -o OUT --budget 64k
 * SPDX-License-Identifier: Apache-2.0 OR 0BSD
 */
#include <stddef.h>

#include "net.h"
#include "guard.h"
#include "harness.h"

#define IN_INPUTS __attribute__((section(".bss.inputs")))

static int8_t arena[NET_ARENA_BYTES]
    __attribute__((section(".bss.arena"), aligned(NET_ARENA_ALIGN)));
static int8_t in0_map[NET_IN0_BYTES] IN_INPUTS;
static int8_t in1_map[NET_IN1_BYTES] IN_INPUTS;

static image images[] = {
    {.map = in0_map, .height = 4, .width = 4,
     .channels = 3, .stream = 1},
    {.map = in1_map, .height = 4, .width = 4,
     .channels = 2, .stream = 1},
};

/* Constant: the network may read it while the MPU is on. */
static const net_inputs inputs = {
    .t_int = {.read = guard_read, .ctx = &images[0]},
    .a_b_c = {.read = guard_read, .ctx = &images[1]},
};

static const span in[] = {
    {.data = in0_map, .bytes = NET_IN0_BYTES},
    {.data = in1_map, .bytes = NET_IN1_BYTES},
};

static const span out[] = {
    {.data = arena + NET_OUT0_OFFSET, .bytes = NET_OUT0_BYTES},
    {.data = arena + NET_OUT1_OFFSET, .bytes = NET_OUT1_BYTES},
};

const network_image network = {
    .entry = (void (*)(void))net_run,
    .inputs = &inputs,
    .arena = arena,
    .arena_bytes = NET_ARENA_BYTES,
    .in = in,
    .in_count = 2,
    .out = out,
    .out_count = sizeof out / sizeof out[0],
    .images = images,
};
