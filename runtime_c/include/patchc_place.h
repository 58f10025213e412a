/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* patchc runtime: where an inference stands that runs in slices. */
#ifndef PATCHC_PLACE_H
#define PATCHC_PLACE_H

#include <stdint.h>

/* All zero: at its beginning. */
typedef struct {
    uint16_t block;     /* a tunnel or a layer */
    uint16_t part;      /* of the program's: a step of the block */
    int32_t stripe;     /* of the block's columns */
    int32_t tick;
    int32_t rows, cols; /* of the step's in this tick, that are done */
} patchc_place;

#endif
