/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* What CMSIS-NN 4.0 takes from CMSIS-Core, for compilers with GNU attributes and Arm's C language
 * extensions: in place of that header, where a project has no CMSIS-Core. */
#ifndef CMSIS_COMPILER_H
#define CMSIS_COMPILER_H

#include <arm_acle.h>
#include <stdint.h>

#define __ASM __asm__
#define __ALIGNED(bytes) __attribute__((aligned(bytes)))
#define __RESTRICT __restrict__
#define __STATIC_INLINE static inline
#define __STATIC_FORCEINLINE __attribute__((always_inline)) static inline
#define __CLZ(word) ((uint8_t)__clz(word))

static inline uint32_t __ROR(uint32_t word, uint32_t bits)
{
    return bits % 32 ? (word >> bits % 32) | (word << (32 - bits % 32)) : word;
}

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP == 1
#define __SMLAD(a, b, sum) ((uint32_t)__smlad((int16x2_t)(a), (int16x2_t)(b), (int32_t)(sum)))
#define __SXTB16(word) ((uint32_t)__sxtb16((int8x4_t)(word)))
#define __SXTAB16(pair, word) ((uint32_t)__sxtab16((int16x2_t)(pair), (int8x4_t)(word)))
#define __SADD16(a, b) ((uint32_t)__sadd16((int16x2_t)(a), (int16x2_t)(b)))
#define __QADD16(a, b) ((uint32_t)__qadd16((int16x2_t)(a), (int16x2_t)(b)))
#define __QADD(a, b) __qadd((int32_t)(a), (int32_t)(b))
#define __PKHBT(low, high, bits)                                                                   \
    ((uint32_t)(((uint32_t)(low) & 0xffffu) | (((uint32_t)(high) << (bits)) & 0xffff0000u)))
#define __PKHTB(high, low, bits)                                                                   \
    ((uint32_t)(((uint32_t)(high) & 0xffff0000u) | (((uint32_t)(low) >> (bits)) & 0xffffu)))

/* One instruction where the rotation is a constant 8, 16 or 24. */
static inline __attribute__((always_inline)) uint32_t __SXTB16_RORn(uint32_t word, uint32_t bits)
{
    uint32_t pair;

    if (__builtin_constant_p(bits) && (bits == 8 || bits == 16 || bits == 24)) {
        __asm__("sxtb16 %0, %1, ror %2" : "=r"(pair) : "r"(word), "i"(bits));
        return pair;
    }
    return __SXTB16(__ROR(word, bits));
}

static inline __attribute__((always_inline)) uint32_t
__SXTAB16_RORn(uint32_t sums, uint32_t word, uint32_t bits)
{
    uint32_t pair;

    if (__builtin_constant_p(bits) && (bits == 8 || bits == 16 || bits == 24)) {
        __asm__("sxtab16 %0, %1, %2, ror %3" : "=r"(pair) : "r"(sums), "r"(word), "i"(bits));
        return pair;
    }
    return __SXTAB16(sums, __ROR(word, bits));
}
#endif

#endif
