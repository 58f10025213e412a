/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* A table of one value, value by value. */
#include "patchc_look_up.h"

void patchc_look_up(int8_t *out, const int8_t *in, int32_t count, const int8_t *table)
{
    const int8_t *middle = table + 128; /* where value 0 is */
    int32_t i = 0;

    for (; i <= count - 4; i += 4) {
        out[i] = middle[in[i]];
        out[i + 1] = middle[in[i + 1]];
        out[i + 2] = middle[in[i + 2]];
        out[i + 3] = middle[in[i + 3]];
    }
    for (; i < count; i++) {
        out[i] = middle[in[i]];
    }
}
