/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* What the kernels that add to means share, and where they differ. */
#ifndef PATCHC_ADD_BYTES_H
#define PATCHC_ADD_BYTES_H

#include "patchc_kernels.h"

/* sums[i] += in[i], i < count */
void patchc_add_bytes(int32_t *sums, const int8_t *in, int32_t count);
void patchc_add_bytes_mve(int32_t *sums, const int8_t *in, int32_t count);

#endif
