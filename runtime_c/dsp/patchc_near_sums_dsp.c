/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Sums and differences that are far from a tie, four at a time. */
#include "patchc_dsp.h"
#include "patchc_pairs.h"

#if PATCHC_ASSEMBLY

/* Operands at [%1] and [%2] to the sum S, in the register of the first. */
#define SUM(S)                                                                                     \
    "ldrsb " S ", [%1], #1\n\t"                                                                    \
    "ldrsb %8, [%2], #1\n\t"                                                                       \
    "mla " S ", " S ", %9, %11\n\t"                                                                \
    "mla " S ", %8, %10, " S "\n\t"

#define STORE(S)                                                                                   \
    "ssat " S ", #8, " S ", asr %13\n\t"                                                           \
    "strb " S ", [%0], #1\n\t"

/* Whole fours of values, up to those of which one is close to a tie; count >= 4. How many values. */
static int32_t sum_fours(int8_t *out, const int8_t *a, const int8_t *b, int32_t count,
                         const patchc_near_sum *by)
{
    int32_t left = count - 4, s0, s1, s2, s3, value;

    __asm__ volatile(
        "1:\n\t"
        SUM("%4") SUM("%5") SUM("%6") SUM("%7")
        "tst %4, %12\n\t"
        "ittt ne\n\t"
        "tstne %5, %12\n\t"
        "tstne %6, %12\n\t"
        "tstne %7, %12\n\t"
        "beq 2f\n\t"
        STORE("%4") STORE("%5") STORE("%6") STORE("%7")
        "subs %3, #4\n\t"
        "bpl 1b\n"
        "2:"
        : "+r"(out), "+r"(a), "+r"(b), "+r"(left), "=&r"(s0), "=&r"(s1), "=&r"(s2), "=&r"(s3),
          "=&r"(value)
        : "r"(by->a), "r"(by->b), "r"(by->near.constant), "r"(by->near.mask),
          "I"(PATCHC_NEAR_BITS)
        : "cc", "memory");
    return count - 4 - left;
}

#endif

int32_t patchc_near_sums_dsp(int8_t *out, const int8_t *a, const int8_t *b, int32_t count,
                             const patchc_near_sum *by)
{
    int32_t done = 0;

#if PATCHC_ASSEMBLY
    if (count >= 4 && by->near.bits == PATCHC_NEAR_BITS) {
        done = sum_fours(out, a, b, count, by);
    }
#endif
    return done < count ? done + patchc_near_sums(out + done, a + done, b + done, count - done, by)
                        : done;
}
