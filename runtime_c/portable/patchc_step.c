/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* How an inference goes on in slices: from a place to its piece, and on to the next place. */
#include "patchc_step.h"

static const patchc_cols one_column[1] = {{0, 1}};

const patchc_step patchc_once = {
    .rows = {.num = 0, .offset = 0, .den = 1, .mul = 0, .add = 1, .limit = 1},
    .cols = one_column, .piece_rows = 1, .piece_cols = 1, .reverse = 0};

patchc_piece patchc_piece_at(const patchc_part *part, const patchc_place *place)
{
    patchc_piece piece = patchc_first(part->pieces, place->stripe, place->tick);

    if (place->rows > 0) { /* behind a piece of all rows that are done */
        piece.patch.r1 = piece.patch.r0 + place->rows;
        piece.patch.c1 = part->pieces->cols[place->stripe].stop;
        patchc_next(&piece);
    }
    if (place->cols > 0) {
        piece.patch.c1 = piece.patch.c0 + place->cols;
        patchc_next(&piece);
    }
    return piece;
}

void patchc_stop_at(patchc_place *place, const patchc_piece *piece)
{
    const patchc_step *step = piece->step;

    place->rows = piece->done - patchc_rows_at(&step->rows, piece->tick - 1);
    place->cols = piece->patch.c0 - step->cols[piece->stripe].start;
}

void patchc_go_on(patchc_place *place, const patchc_block *block)
{
    place->rows = 0;
    place->cols = 0;
    place->part++;
    if (place->part < block->end) {
        return;
    }
    place->part = block->first;
    place->tick++;
    if (place->tick < block->ticks) {
        return;
    }
    place->tick = 0;
    place->stripe++;
    if (place->stripe < block->stripes) {
        return;
    }
    place->stripe = 0;
    place->part = block->end;
    place->block++;
}
