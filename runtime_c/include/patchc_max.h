/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* What the maximum pools share, and where they differ: the maximum of four. */
#ifndef PATCHC_MAX_H
#define PATCHC_MAX_H

#include "patchc_kernels.h"

#define PATCHC_MAX_TAPS 4

/* out[i] = the largest of taps[0][i] .. taps[3][i], i < count. A tap may be `out` itself. */
void patchc_max_of_four(int8_t *out, const int8_t *const *taps, int32_t count);
void patchc_max_of_four_dsp(int8_t *out, const int8_t *const *taps, int32_t count);
void patchc_max_of_four_mve(int8_t *out, const int8_t *const *taps, int32_t count);

#endif
