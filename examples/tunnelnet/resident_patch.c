#include "resident_patch.h"

#include <string.h>

void resident_patch_begin(resident_patch *self, const tunnelnet_reader *camera)
{
    self->camera = *camera;
    self->row = -PATCH_ROWS; /* nothing that can be asked for */
    self->col = -PATCH_COLS;
}

static int is_held(const resident_patch *self, int32_t row, int32_t col, int32_t rows,
                   int32_t cols)
{
    return row >= self->row && row + rows <= self->row + PATCH_ROWS && col >= self->col &&
           col + cols <= self->col + PATCH_COLS;
}

int resident_patch_read(void *ctx, int32_t row, int32_t col, int32_t rows, int32_t cols,
                        int8_t *dst)
{
    resident_patch *self = ctx;
    const size_t bytes = (size_t)cols * TUNNELNET_IN0_CHANNELS;
    int32_t i;

    if (!is_held(self, row, col, rows, cols)) {
        /* A tunnel begins, and it begins with its patch's first pixel. */
        const int status =
            self->camera.read(self->camera.ctx, row, col, PATCH_ROWS, PATCH_COLS, self->pixels);
        if (status != 0) {
            return status;
        }
        self->row = row;
        self->col = col;
    }
    for (i = 0; i < rows; i++) {
        const int32_t pixel = (row + i - self->row) * PATCH_COLS + col - self->col;
        memcpy(dst + (size_t)i * bytes, self->pixels + pixel * TUNNELNET_IN0_CHANNELS, bytes);
    }
    return 0;
}
