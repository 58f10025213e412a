/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* The maximum of four taps, channel by channel. */
#include "patchc_max.h"

static inline int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

void patchc_max_of_four(int8_t *out, const int8_t *const *taps, int32_t count)
{
    const int8_t *a = taps[0], *b = taps[1], *c = taps[2], *d = taps[3];

    for (int32_t i = 0; i < count; i++) {
        out[i] = (int8_t)larger(larger(a[i], b[i]), larger(c[i], d[i]));
    }
}
