/* A reader that keeps the current patch of the image in RAM, in front of the camera's. */
#ifndef RESIDENT_PATCH_H
#define RESIDENT_PATCH_H

#include "patch_size.h" /* PATCH_ROWS, PATCH_COLS */
#include "tunnelnet.h"

/* `camera` is asked for a whole patch at a time; `row`, `col`: where the one in `pixels` begins. */
typedef struct {
    tunnelnet_reader camera;
    int32_t row, col;
    int8_t pixels[PATCH_ROWS * PATCH_COLS * TUNNELNET_IN0_CHANNELS];
} resident_patch;

/* To be called before each run: the image is another one. */
void resident_patch_begin(resident_patch *self, const tunnelnet_reader *camera);

/* The `read` of a tunnelnet_reader whose `ctx` is a resident_patch. */
int resident_patch_read(void *ctx, int32_t row, int32_t col, int32_t rows, int32_t cols,
                        int8_t *dst);

#endif
