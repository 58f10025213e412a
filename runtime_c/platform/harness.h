/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Runs a network on the inputs that the host gives, and measures the memory that it touches. */
#ifndef PATCHC_HARNESS_H
#define PATCHC_HARNESS_H

#include <stdint.h>

/* Exit statuses of QEMU beside 0. Lines on the console say more. */
enum { USAGE_STATUS = 1, RUN_STATUS = 2, GUARD_STATUS = 3, FAULT_STATUS = 99 };

/* An input, as guard_read serves it. */
typedef struct {
    const int8_t *map;
    int32_t height, width, channels;
    int32_t stream; /* raster order, each pixel once; otherwise rows ascend, or restart at 0 */
    int32_t parts;  /* rows restart where a rectangle begins, too: not behind what came last */
    int32_t served; /* pixels of a stream; otherwise the row behind the last one */
} image;

/* An output, as guard_write takes it: stripe by stripe of columns, each from its first row on. */
typedef struct {
    int8_t *map;
    int32_t height, width, channels;
    int32_t row, col; /* the pixel that is to come */
    int32_t cols;     /* of the stripe */
} canvas;

/* Bytes of one tensor: where the network finds or leaves them. */
typedef struct {
    int8_t *data;
    uint32_t bytes;
} span;

/* main.c says what is to be run. */
typedef struct {
    void (*entry)(void); /* NAME_run */
    const void *inputs;  /* NAME_inputs */
    const void *outputs; /* NAME_outputs, or null: they stay in the arena */
    int8_t *arena;
    uint32_t arena_bytes;
    const span *in;
    uint32_t in_count;
    const span *out; /* in the arena, or the map of a canvas; probabilities */
    uint32_t out_count;
    image *images; /* null where inputs are not read through a callback */
    canvas *canvases; /* of the outputs that are handed over */
    uint32_t canvas_count;
    void (*after)(void); /* fills what is behind the network's own outputs in `out`, or null */
} network_image;

extern const network_image network;

/* The exit status. */
int harness_main(void);

/* What guard_read and guard_write call, on the main stack. */
int image_read(image *self, int32_t row, int32_t col, int32_t rows, int32_t cols, int8_t *dst);
int canvas_write(canvas *self, int32_t row, int32_t col, int32_t rows, int32_t cols,
                 const int8_t *src);

#endif
