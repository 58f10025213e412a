/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Requantisation of channels that have no line, once for all kernels. */
#include "patchc_rare.h"

int32_t patchc_rare_value(int32_t sum, const patchc_rare *rare, int32_t zero_point)
{
    return patchc_guarded(sum, rare, zero_point);
}
