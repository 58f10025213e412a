/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Sums and differences that are far from a tie. */
#include "patchc_pairs.h"

int32_t patchc_near_sums(int8_t *out, const int8_t *a, const int8_t *b, int32_t count,
                         const patchc_near_sum *by)
{
    const uint32_t by_a = by->a, by_b = by->b;
    const patchc_near near = by->near; /* which no byte written can change */
    int32_t i;

    for (i = 0; i < count; i++) {
        uint32_t sum = near.constant + (uint32_t)a[i] * by_a + (uint32_t)b[i] * by_b;

        if (!patchc_settled(sum, &near)) {
            break;
        }
        out[i] = patchc_saturated(patchc_near_value(sum, &near));
    }
    return i;
}
