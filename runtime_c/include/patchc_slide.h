/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* patchc runtime: rings whose rows lie in order, for kernels that ask for that.
 *
 * The ring holds the last rows of a tensor, the oldest first. Before a tick brings new ones,
 * patchc_slide moves those that are there to the start, at most once in `every` rows.
 */
#ifndef PATCHC_SLIDE_H
#define PATCHC_SLIDE_H

#include "patchc_tunnel.h"

typedef struct {
    patchc_storage at;
    patchc_clock rows; /* of the tensor */
    int32_t every;     /* rows after which they move */
    int32_t reverse;   /* 1: from the last row to the first; the clock counts from the end */
} patchc_sliding;

/* Make room for the rows that the piece's tick brings. */
void patchc_slide(int8_t *base, const patchc_sliding *ring, const patchc_piece *piece);

/* As patchc_in_view and patchc_out_view, in the piece's stripe and tick. */
patchc_in patchc_in_sliding(const int8_t *base, const patchc_sliding *ring,
                            const patchc_piece *piece, const patchc_patch *patch);
patchc_out patchc_out_sliding(int8_t *base, const patchc_sliding *ring, const patchc_piece *piece,
                              const patchc_patch *patch);

#endif
