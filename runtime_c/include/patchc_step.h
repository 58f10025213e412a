/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* patchc runtime: how an inference goes on in slices.
 *
 * The program is a list of blocks, each of which runs its parts in every tick of every stripe, and
 * a part is a step of a tunnel: its pieces are what is never interrupted. Layers are blocks of one
 * part and one tick.
 */
#ifndef PATCHC_STEP_H
#define PATCHC_STEP_H

#include "patchc_place.h"
#include "patchc_tunnel.h"

typedef struct {
    const patchc_step *pieces;
    uint32_t work;     /* estimated cycles of its longest piece */
    uint16_t function; /* that computes them, by the number that the network gives it */
} patchc_part;

typedef struct {
    uint16_t first, end; /* its parts: first .. end - 1 */
    int32_t stripes;
    int32_t ticks;
} patchc_block;

/* The one piece of what runs once. */
extern const patchc_step patchc_once;

/* The piece of a part that comes next at a place; none where all of them are done. */
patchc_piece patchc_piece_at(const patchc_part *part, const patchc_place *place);

/* The place of a piece of the place's own part. */
void patchc_stop_at(patchc_place *place, const patchc_piece *piece);

/* Goes on behind the last piece of the place's part: to the block's next part, tick or stripe, or
 * to the next block. */
void patchc_go_on(patchc_place *place, const patchc_block *block);

#endif
