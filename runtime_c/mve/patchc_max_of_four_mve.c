/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* The maximum of four taps, sixteen channels at a time. */
#include "patchc_max.h"
#include "patchc_mve.h"

void patchc_max_of_four_mve(int8_t *out, const int8_t *const *taps, int32_t count)
{
#if PATCHC_ASSEMBLY
    const int8_t *a = taps[0], *b = taps[1], *c = taps[2], *d = taps[3];

    __asm__ volatile("wlstp.8   lr, %[count], 2f\n"
                     "1:\n\t"
                     "vldrb.8   q0, [%[a]], #16\n\t"
                     "vldrb.8   q1, [%[b]], #16\n\t"
                     "vldrb.8   q2, [%[c]], #16\n\t"
                     "vldrb.8   q3, [%[d]], #16\n\t"
                     "vmax.s8   q0, q0, q1\n\t"
                     "vmax.s8   q2, q2, q3\n\t"
                     "vmax.s8   q0, q0, q2\n\t"
                     "vstrb.8   q0, [%[out]], #16\n\t"
                     "letp      lr, 1b\n"
                     "2:"
                     : [out] "+r"(out), [a] "+r"(a), [b] "+r"(b), [c] "+r"(c), [d] "+r"(d)
                     : [count] "r"(count)
                     : "q0", "q1", "q2", "q3", "lr", "cc", "memory");
#else
    patchc_max_of_four(out, taps, count);
#endif
}
