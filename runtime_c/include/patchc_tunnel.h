/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* patchc runtime: what the loops of a tunnel are made of.
 *
 * A tunnel computes its tensors together, stripe of columns by stripe, row by row. In every tick
 * each of its steps computes the rows that have become possible, a piece at a time:
 *
 *     for (patchc_piece p = patchc_first(&step_x, stripe, tick); p.more; patchc_next(&p)) {
 *         compute_x(arena, &p);
 *     }
 *
 * Between the steps only the last rows of a tensor exist, in a ring. A step finds out which rows
 * and columns of its operands its piece needs (patchc_reach_of), makes views of them and of its
 * output (patchc_in_view, patchc_out_view), and calls kernels.
 */
#ifndef PATCHC_TUNNEL_H
#define PATCHC_TUNNEL_H

#include <stddef.h>

#include "patchc_kernels.h"

/* Rows r0 .. r1 - 1, columns c0 .. c1 - 1 of a map. */
typedef struct {
    int32_t r0, r1;
    int32_t c0, c1;
} patchc_patch;

/* Columns start .. stop - 1, of one stripe. */
typedef struct {
    uint16_t start, stop;
} patchc_cols;

/* How a tensor, or the part of it that is alive, lies in the arena: row r in slot r % slots, column
 * c at position (c - first column of the stripe) % tile, channel k of a pixel at k % depth. */
typedef struct {
    int32_t offset;          /* bytes from the base to slot 0, position 0 */
    int32_t pitch;           /* bytes from one slot to the next */
    int32_t slots;           /* rows held */
    int32_t tile;            /* columns held */
    int32_t depth;           /* channels held */
    const patchc_cols *cols; /* per stripe; null: all columns of the map, from 0 on */
} patchc_storage;

/* Rows that are finished after tick t: mul * ((num * t + offset) / den) + add, but at least 0 and
 * at most limit, the rows of the tensor. Before the first tick it is 0. */
typedef struct {
    int32_t num, offset, den;
    int32_t mul, add;
    int32_t limit;
} patchc_clock;

/* The pieces that a step is computed in. */
typedef struct {
    patchc_clock rows;
    const patchc_cols *cols; /* per stripe */
    int32_t piece_rows;      /* of a piece, at most */
    int32_t piece_cols;
    int32_t reverse;         /* 1: from the last row to the first; the clock counts from the end */
} patchc_step;

/* One piece, and where it stands among those of its tick. */
typedef struct {
    patchc_patch patch;
    int32_t stripe, tick;
    int32_t more;        /* 0: there was no piece left; `patch` means nothing */
    int32_t done, until; /* the clock's rows before this piece, and after the tick */
    const patchc_step *step;
} patchc_piece;

static inline int32_t patchc_min(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static inline int32_t patchc_rows_at(const patchc_clock *clock, int32_t tick)
{
    int32_t rows;

    if (tick < 0) {
        return 0;
    }
    rows = clock->mul * ((clock->num * tick + clock->offset) / clock->den) + clock->add;
    return rows < 0 ? 0 : patchc_min(rows, clock->limit);
}

/* The first piece of a step in a tick, and the one after another. */
patchc_piece patchc_first(const patchc_step *step, int32_t stripe, int32_t tick);
void patchc_next(patchc_piece *piece);

/* ---- What a window reads ---- */

/* The map that a window slides over: its size, and the padding before its first row and column. */
typedef struct {
    int32_t height, width;
    int32_t top, left;
} patchc_frame;

/* A part of the map, and the padding around it. */
typedef struct {
    patchc_patch patch;
    patchc_pads pads;
} patchc_reach;

/* What `window` reads of `map` for the patch `out` of its output. */
patchc_reach patchc_reach_of(const patchc_patch *out, const patchc_window *window,
                             const patchc_frame *map);

/* What an upsampling, or any operator that makes blocks of pixels, reads for the patch `out` of its output. */
patchc_reach patchc_reach_up(const patchc_patch *out, const patchc_upsample_params *params);

/* What a resize reads for the patch `out` of its output. */
patchc_reach patchc_reach_resize(const patchc_patch *out, const patchc_line *rows,
                                 const patchc_line *cols);

/* All of a map, for an operator that reads it from anywhere: the pads say with which row and column
 * of its output the patch `out` begins. */
static inline patchc_reach patchc_reach_whole(const patchc_patch *out, const patchc_frame *map)
{
    patchc_reach reach = {{0, map->height, 0, map->width}, {-out->r0, -out->c0, 0, 0}};

    return reach;
}

/* All columns of a map, of the rows of the patch `out`, or of its only row. */
static inline patchc_patch patchc_all_columns(const patchc_patch *out, int32_t height,
                                              int32_t width)
{
    patchc_patch patch = {0, height, 0, width};

    if (height > 1) {
        patch.r0 = out->r0;
        patch.r1 = out->r1;
    }
    return patch;
}

/* ---- Where it lies ---- */

/* A patch of a tensor in its storage. `base`: of the arena, or of a map outside it. */
patchc_in patchc_in_view(const int8_t *base, const patchc_storage *at, int32_t stripe,
                         const patchc_patch *patch);
patchc_out patchc_out_view(int8_t *base, const patchc_storage *at, int32_t stripe,
                           const patchc_patch *patch);

static inline int32_t patchc_pixels(const patchc_patch *patch)
{
    return (patch->r1 - patch->r0) * (patch->c1 - patch->c0);
}

/* Sums from `at` on, which is aligned to int32_t. */
static inline patchc_sums patchc_sums_at(int8_t *at, int32_t pixels, int32_t channels)
{
    patchc_sums sums;

    sums.data = (int32_t *)(void *)at;
    sums.pixels = pixels;
    sums.channels = channels;
    return sums;
}

/* The same, all of them 0. */
patchc_sums patchc_new_sums(int8_t *at, int32_t pixels, int32_t channels);

/* ---- A few channels at a time ---- */

/* The constants of output channels from k on, of `taps` weights each. */
patchc_conv_params patchc_outputs_from(const patchc_conv_params *params, int32_t k, int32_t taps);

/* The weights of input channels from k on, for all `c_out` output channels. */
patchc_conv_params patchc_inputs_from(const patchc_conv_params *params, int32_t k, int32_t c_out);

#endif
