/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Sums and differences that are far from a tie, four at a time. */
#include "patchc_mve.h"
#include "patchc_pairs.h"

#if PATCHC_ASSEMBLY

#if PATCHC_NEAR_BITS != 20
#error "the shift below is by 20 bits"
#endif

/* Fours of values, up to those of which one is close to a tie; count >= 1. How many values. */
static int32_t sum_fours(int8_t *out, const int8_t *a, const int8_t *b, int32_t count,
                         const patchc_near_sum *by)
{
    /* the lower registers, which loads of some of a vector's bytes want */
    register int8_t *to __asm__("r0") = out;
    register const int8_t *from_a __asm__("r1") = a, *from_b __asm__("r2") = b;
    register int32_t near __asm__("r3");
    int32_t left = count;

    __asm__ volatile("vdup.32   q2, %[by_a]\n\t"
                     "vdup.32   q3, %[mask]\n\t"
                     "dlstp.32  lr, %[left]\n"
                     "1:\n\t"
                     "vldrb.s32 q0, [%[a]], #4\n\t"
                     "vldrb.s32 q1, [%[b]], #4\n\t"
                     "vmlas.u32 q0, q2, %[constant]\n\t"
                     "vmla.u32  q0, q1, %[by_b]\n\t"
                     "vand      q1, q0, q3\n\t"
                     "vcmp.i32  eq, q1, zr\n\t"
                     "vmrs      %[near], p0\n\t"
                     "cbnz      %[near], 2f\n\t"
                     "vshr.s32  q0, q0, #20\n\t"
                     "vqmovnb.s16 q0, q0\n\t"
                     "vstrb.32  q0, [%[out]], #4\n\t"
                     "letp      lr, 1b\n\t"
                     "mov       %[left], #0\n\t"
                     "b         3f\n"
                     "2:\n\t"
                     "mov       %[left], lr\n\t"
                     "lctp\n"
                     "3:"
                     : [out] "+r"(to), [a] "+r"(from_a), [b] "+r"(from_b),
                       [near] "=&r"(near), [left] "+r"(left)
                     : [by_a] "r"(by->a), [by_b] "r"(by->b),
                       [constant] "r"(by->near.constant), [mask] "r"(by->near.mask)
                     : "q0", "q1", "q2", "q3", "lr", "cc", "memory");
    return count - left;
}

#endif

int32_t patchc_near_sums_mve(int8_t *out, const int8_t *a, const int8_t *b, int32_t count,
                             const patchc_near_sum *by)
{
    int32_t done = 0;

#if PATCHC_ASSEMBLY
    if (count > 0 && by->near.bits == PATCHC_NEAR_BITS) {
        done = sum_fours(out, a, b, count, by);
    }
#endif
    return done < count ? done + patchc_near_sums(out + done, a + done, b + done, count - done, by)
                        : done;
}
