/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Bytes added to sums, one by one. */
#include "patchc_add_bytes.h"

void patchc_add_bytes(int32_t *sums, const int8_t *in, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        sums[i] += in[i];
    }
}
