/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Bytes added to sums, four at a time. */
#include "patchc_add_bytes.h"
#include "patchc_mve.h"

void patchc_add_bytes_mve(int32_t *sums, const int8_t *in, int32_t count)
{
#if PATCHC_ASSEMBLY
    __asm__ volatile("wlstp.32  lr, %[count], 2f\n"
                     "1:\n\t"
                     "vldrb.s32 q0, [%[in]], #4\n\t"
                     "vldrw.32  q1, [%[sums]]\n\t"
                     "vadd.i32  q0, q0, q1\n\t"
                     "vstrw.32  q0, [%[sums]], #16\n\t"
                     "letp      lr, 1b\n"
                     "2:"
                     : [sums] "+r"(sums), [in] "+l"(in)
                     : [count] "r"(count)
                     : "q0", "q1", "lr", "cc", "memory");
#else
    patchc_add_bytes(sums, in, count);
#endif
}
