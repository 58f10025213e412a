/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* A table of one value, sixteen values at a time. */
#include "patchc_look_up.h"
#include "patchc_mve.h"

void patchc_look_up_mve(int8_t *out, const int8_t *in, int32_t count, const int8_t *table)
{
#if PATCHC_ASSEMBLY
    __asm__ volatile("vmov.i8   q2, #128\n\t"
                     "wlstp.8   lr, %[count], 2f\n"
                     "1:\n\t"
                     "vldrb.8   q0, [%[in]], #16\n\t"
                     "veor      q0, q0, q2\n\t"
                     "vldrb.u8  q1, [%[table], q0]\n\t"
                     "vstrb.8   q1, [%[out]], #16\n\t"
                     "letp      lr, 1b\n"
                     "2:"
                     : [out] "+r"(out), [in] "+r"(in)
                     : [count] "r"(count), [table] "r"(table)
                     : "q0", "q1", "q2", "lr", "cc", "memory");
#else
    patchc_look_up(out, in, count, table);
#endif
}
