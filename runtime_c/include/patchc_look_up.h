/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* What the tables share, and where they differ. */
#ifndef PATCHC_LOOK_UP_H
#define PATCHC_LOOK_UP_H

#include "patchc_kernels.h"

/* out[i] = table[in[i] + 128], i < count; `out` may be `in`. */
void patchc_look_up(int8_t *out, const int8_t *in, int32_t count, const int8_t *table);
void patchc_look_up_mve(int8_t *out, const int8_t *in, int32_t count, const int8_t *table);

#endif
