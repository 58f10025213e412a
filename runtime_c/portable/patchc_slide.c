/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Rings that move their rows instead of wrapping. */
#include <string.h>

#include "patchc_slide.h"

/* The row in slot 0 during a tick. */
static int32_t origin(const patchc_sliding *ring, int32_t tick)
{
    int32_t moved = patchc_rows_at(&ring->rows, tick) - ring->at.slots;

    moved = moved <= 0 ? 0 : (moved + ring->every - 1) / ring->every * ring->every;
    return ring->reverse ? ring->rows.limit - ring->at.slots - moved : moved;
}

void patchc_slide(int8_t *base, const patchc_sliding *ring, const patchc_piece *piece)
{
    int32_t by = origin(ring, piece->tick) - origin(ring, piece->tick - 1);
    int32_t kept = ring->at.slots - (by < 0 ? -by : by);
    int8_t *first = base + ring->at.offset;

    if (by != 0 && kept > 0) {
        memmove(first + (by < 0 ? -by : 0) * ring->at.pitch,
                first + (by > 0 ? by : 0) * ring->at.pitch, (size_t)kept * (size_t)ring->at.pitch);
    }
}

patchc_in patchc_in_sliding(const int8_t *base, const patchc_sliding *ring,
                            const patchc_piece *piece, const patchc_patch *patch)
{
    patchc_in view = patchc_in_view(base, &ring->at, piece->stripe, patch);

    view.slot = view.rows > 0 ? patch->r0 - origin(ring, piece->tick) : 0;
    return view;
}

patchc_out patchc_out_sliding(int8_t *base, const patchc_sliding *ring, const patchc_piece *piece,
                              const patchc_patch *patch)
{
    patchc_out view = patchc_out_view(base, &ring->at, piece->stripe, patch);

    view.slot = view.rows > 0 ? patch->r0 - origin(ring, piece->tick) : 0;
    return view;
}
