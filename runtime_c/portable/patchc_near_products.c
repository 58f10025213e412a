/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Products that are far from a tie. */
#include "patchc_pairs.h"

int32_t patchc_near_products(int8_t *out, const int8_t *a, const int8_t *b, int32_t step,
                             int32_t count, const patchc_mul_params *params)
{
    const int32_t a_zero_point = params->a_zero_point, b_zero_point = params->b_zero_point;
    const uint32_t factor = (uint32_t)params->near_factor;
    const patchc_near near = params->near; /* which no byte written can change */
    int32_t i;

    for (i = 0; i < count; i++) {
        int32_t product = (a[i] - a_zero_point) * (*b - b_zero_point);
        uint32_t sum = near.constant + (uint32_t)product * factor;

        if (!patchc_settled(sum, &near)) {
            break;
        }
        out[i] = patchc_saturated(patchc_near_value(sum, &near));
        b += step;
    }
    return i;
}
