/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* The maximum of four taps, four channels at a time. */
#include "patchc_dsp.h"
#include "patchc_max.h"

void patchc_max_of_four_dsp(int8_t *out, const int8_t *const *taps, int32_t count)
{
    const int8_t *a = taps[0], *b = taps[1], *c = taps[2], *d = taps[3];
    int32_t i = 0;

    for (; i <= count - 4; i += 4) {
        uint32_t ab = patchc_max8(patchc_load(a + i), patchc_load(b + i));
        uint32_t cd = patchc_max8(patchc_load(c + i), patchc_load(d + i));

        patchc_save(out + i, patchc_max8(ab, cd));
    }
    if (i < count) {
        const int8_t *const rest[PATCHC_MAX_TAPS] = {a + i, b + i, c + i, d + i};

        patchc_max_of_four(out + i, rest, count - i);
    }
}
