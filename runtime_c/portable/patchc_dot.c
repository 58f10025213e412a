/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Eight sums at a time, once for all kernels. */
#include "patchc_dot.h"

/* gcc loads or stores a sum in every turn; here every register is taken. PATCHC_NO_ASSEMBLY leaves
 * it out, say where r9 is reserved. */
#if defined(__thumb2__) && defined(__GNUC__) && !defined(__clang__)                                \
    && !defined(PATCHC_NO_ASSEMBLY)
#define PATCHC_ASSEMBLY 1
#pragma GCC optimize("O2", "omit-frame-pointer")
#else
#define PATCHC_ASSEMBLY 0
#endif

#define PAIR                                                                                       \
    "ldrsb  r12, [r8, r9]\n\t"                                                                     \
    "ldrsb  r11, [r8], #1\n\t"                                                                     \
    "ldrsb  lr, [r10], #1\n\t"                                                                     \
    "mla    r0, r11, lr, r0\n\t"                                                                   \
    "mla    r4, r12, lr, r4\n\t"                                                                   \
    "ldrsb  lr, [r10], #1\n\t"                                                                     \
    "mla    r1, r11, lr, r1\n\t"                                                                   \
    "mla    r5, r12, lr, r5\n\t"                                                                   \
    "ldrsb  lr, [r10], #1\n\t"                                                                     \
    "mla    r2, r11, lr, r2\n\t"                                                                   \
    "mla    r6, r12, lr, r6\n\t"                                                                   \
    "ldrsb  lr, [r10], #1\n\t"                                                                     \
    "mla    r3, r11, lr, r3\n\t"                                                                   \
    "mla    r7, r12, lr, r7\n\t"

#define EIGHT                                                                                      \
    "ldrsb  r11, [r8], #1\n\t"                                                                     \
    "ldrsb  lr, [r10], #1\n\t"                                                                     \
    "mla    r0, r11, lr, r0\n\t"                                                                   \
    "ldrsb  lr, [r10], #1\n\t"                                                                     \
    "mla    r1, r11, lr, r1\n\t"                                                                   \
    "ldrsb  lr, [r10], #1\n\t"                                                                     \
    "mla    r2, r11, lr, r2\n\t"                                                                   \
    "ldrsb  lr, [r10], #1\n\t"                                                                     \
    "mla    r3, r11, lr, r3\n\t"                                                                   \
    "ldrsb  lr, [r9], #1\n\t"                                                                      \
    "mla    r4, r11, lr, r4\n\t"                                                                   \
    "ldrsb  lr, [r9], #1\n\t"                                                                      \
    "mla    r5, r11, lr, r5\n\t"                                                                   \
    "ldrsb  lr, [r9], #1\n\t"                                                                      \
    "mla    r6, r11, lr, r6\n\t"                                                                   \
    "ldrsb  lr, [r9], #1\n\t"                                                                      \
    "mla    r7, r11, lr, r7\n\t"

void patchc_dot_4x2(int32_t sum[8], const int8_t *in, int32_t next, const int8_t *weights,
                    int32_t count)
{
#if PATCHC_ASSEMBLY
    const int8_t *const middle = in + count % 4, *const last = in + count;
    register int32_t a0 __asm__("r0") = sum[0], a1 __asm__("r1") = sum[1];
    register int32_t a2 __asm__("r2") = sum[2], a3 __asm__("r3") = sum[3];
    register int32_t b0 __asm__("r4") = sum[4], b1 __asm__("r5") = sum[5];
    register int32_t b2 __asm__("r6") = sum[6], b3 __asm__("r7") = sum[7];
    register const int8_t *from __asm__("r8") = in;
    register int32_t step __asm__("r9") = next;
    register const int8_t *w __asm__("r10") = weights;

    __asm__("b      2f\n"
            "1:\n\t" PAIR
            "2:\n\t"
            "ldr    lr, %[middle]\n\t"
            "cmp    r8, lr\n\t"
            "bne    1b\n\t"
            "b      4f\n"
            "3:\n\t" PAIR PAIR PAIR PAIR
            "4:\n\t"
            "ldr    lr, %[last]\n\t"
            "cmp    r8, lr\n\t"
            "bne    3b"
            : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(b0), "+r"(b1), "+r"(b2), "+r"(b3),
              "+r"(from), "+r"(w)
            : "r"(step), [middle] "m"(middle), [last] "m"(last)
            : "r11", "r12", "lr", "cc", "memory");
    patchc_set_4(sum, a0, a1, a2, a3);
    patchc_set_4(sum + 4, b0, b1, b2, b3);
#else
    int32_t a0 = sum[0], a1 = sum[1], a2 = sum[2], a3 = sum[3];
    int32_t b0 = sum[4], b1 = sum[5], b2 = sum[6], b3 = sum[7];

    for (const int8_t *end = in + count; in != end; in++) {
        int32_t a = in[0], b = in[next];

        a0 += a * weights[0];
        a1 += a * weights[1];
        a2 += a * weights[2];
        a3 += a * weights[3];
        b0 += b * weights[0];
        b1 += b * weights[1];
        b2 += b * weights[2];
        b3 += b * weights[3];
        weights += 4;
    }
    patchc_set_4(sum, a0, a1, a2, a3);
    patchc_set_4(sum + 4, b0, b1, b2, b3);
#endif
}

void patchc_dot_8(int32_t sum[8], const int8_t *in, const int8_t *weights, int32_t count)
{
#if PATCHC_ASSEMBLY
    const int8_t *const last = in + count;
    register int32_t a0 __asm__("r0") = sum[0], a1 __asm__("r1") = sum[1];
    register int32_t a2 __asm__("r2") = sum[2], a3 __asm__("r3") = sum[3];
    register int32_t b0 __asm__("r4") = sum[4], b1 __asm__("r5") = sum[5];
    register int32_t b2 __asm__("r6") = sum[6], b3 __asm__("r7") = sum[7];
    register const int8_t *from __asm__("r8") = in;
    register const int8_t *others __asm__("r9") = weights + 4 * count;
    register const int8_t *w __asm__("r10") = weights;
    register const int8_t *end __asm__("r12") = in + count % 4;

    __asm__("b      2f\n"
            "1:\n\t" EIGHT
            "2:\n\t"
            "cmp    r8, r12\n\t"
            "bne    1b\n\t"
            "ldr    r12, %[last]\n\t"
            "b      4f\n"
            "3:\n\t" EIGHT EIGHT EIGHT EIGHT
            "4:\n\t"
            "cmp    r8, r12\n\t"
            "bne    3b"
            : "+r"(a0), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(b0), "+r"(b1), "+r"(b2), "+r"(b3),
              "+r"(from), "+r"(others), "+r"(w), "+r"(end)
            : [last] "m"(last)
            : "r11", "lr", "cc", "memory");
    patchc_set_4(sum, a0, a1, a2, a3);
    patchc_set_4(sum + 4, b0, b1, b2, b3);
#else
    patchc_dot_4(sum, in, weights, count);
    patchc_dot_4(sum + 4, in, weights + 4 * count, count);
#endif
}
