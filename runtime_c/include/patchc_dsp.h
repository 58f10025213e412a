/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* The DSP instructions of Armv7E-M and Armv8-M that the kernels in dsp/ use.
 *
 * On a core that has them each function is one instruction; elsewhere it is plain C of the same
 * meaning, wrapped sums included, so that the host runs the very kernels under its sanitizers.
 * A word holds two int16 halves, or four int8 bytes; byte 0 is the lowest in memory.
 */
#ifndef PATCHC_DSP_H
#define PATCHC_DSP_H

#include <stdint.h>
#include <string.h>

#include "patchc_kernels_dsp.h"

#if defined(__ARM_FEATURE_DSP) && defined(__GNUC__) && !defined(PATCHC_NO_DSP)
#define PATCHC_DSP 1
#else
#define PATCHC_DSP 0
#endif

/* The longest loops are in assembly, too: they need every register that there is, which gcc grants
 * if it optimises. PATCHC_NO_ASSEMBLY leaves that out, say where r9 is reserved. */
#if PATCHC_DSP && !defined(__clang__) && !defined(PATCHC_NO_ASSEMBLY)
#define PATCHC_ASSEMBLY 1
#else
#define PATCHC_ASSEMBLY 0
#endif

/* For the rest of the file: scheduling before registers are allocated would spill sums, and the
 * kernels are not to become slow, or lack registers, where a project is built with -Os or -O0. */
#if PATCHC_DSP && !defined(__clang__)
#pragma GCC optimize("O2", "omit-frame-pointer", "no-schedule-insns")
#endif

/* Before a loop of a constant number of turns. */
#if PATCHC_DSP && !defined(__clang__)
#define PATCHC_UNROLL _Pragma("GCC unroll 8")
#else
#define PATCHC_UNROLL
#endif

/* A word at any address; one LDR. */
PATCHC_INLINE uint32_t patchc_load(const int8_t *from)
{
    uint32_t word;

    memcpy(&word, from, sizeof word);
    return word;
}

/* Two bytes at any address, zeros above; one LDRH. */
PATCHC_INLINE uint32_t patchc_load_half(const int8_t *from)
{
    uint16_t half;

    memcpy(&half, from, sizeof half);
    return half;
}

/* 1 to 4 bytes at any address, zeros above. */
PATCHC_INLINE uint32_t patchc_load_some(const int8_t *from, int32_t count)
{
    uint32_t word = (uint8_t)from[0];

    for (int32_t i = 1; i < count; i++) {
        word |= (uint32_t)(uint8_t)from[i] << (8 * i);
    }
    return word;
}

PATCHC_INLINE void patchc_save(int8_t *to, uint32_t word)
{
    memcpy(to, &word, sizeof word);
}

#if PATCHC_DSP

#define PATCHC_TWO(NAME, TEXT)                                                                     \
    PATCHC_INLINE uint32_t NAME(uint32_t a, uint32_t b)                                            \
    {                                                                                              \
        uint32_t found;                                                                            \
        __asm__(TEXT : "=r"(found) : "r"(a), "r"(b));                                              \
        return found;                                                                              \
    }
#define PATCHC_SUM(NAME, TEXT)                                                                     \
    PATCHC_INLINE int32_t NAME(uint32_t a, uint32_t b, int32_t sum)                                \
    {                                                                                              \
        int32_t found;                                                                             \
        __asm__(TEXT " %0, %1, %2, %3" : "=r"(found) : "r"(a), "r"(b), "r"(sum));                  \
        return found;                                                                              \
    }
#define PATCHC_ONE(NAME, TEXT)                                                                     \
    PATCHC_INLINE uint32_t NAME(uint32_t a)                                                        \
    {                                                                                              \
        uint32_t found;                                                                            \
        __asm__(TEXT : "=r"(found) : "r"(a));                                                      \
        return found;                                                                              \
    }

PATCHC_ONE(patchc_sxtb16, "sxtb16 %0, %1")
PATCHC_ONE(patchc_sxtb16_odd, "sxtb16 %0, %1, ror #8")
PATCHC_ONE(patchc_rev16, "rev16 %0, %1")
PATCHC_TWO(patchc_pkhbt, "pkhbt %0, %1, %2, lsl #16")
PATCHC_TWO(patchc_pkhtb, "pkhtb %0, %1, %2, asr #16")
PATCHC_SUM(patchc_smlad, "smlad")
PATCHC_SUM(patchc_smlabb, "smlabb")
PATCHC_SUM(patchc_smlatb, "smlatb")
PATCHC_SUM(patchc_smlabt, "smlabt")
PATCHC_SUM(patchc_smlatt, "smlatt")

PATCHC_INLINE int32_t patchc_smmul(int32_t a, int32_t b)
{
    int32_t found;

    __asm__("smmul %0, %1, %2" : "=r"(found) : "r"(a), "r"(b));
    return found;
}

PATCHC_INLINE int32_t patchc_ssat8_dropped(int32_t value)
{
    int32_t found;

    __asm__("ssat %0, #8, %1, asr %2" : "=r"(found) : "r"(value), "I"(PATCHC_DROP));
    return found;
}

/* The larger of each two signed bytes. */
PATCHC_INLINE uint32_t patchc_max8(uint32_t a, uint32_t b)
{
    uint32_t found;

    __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(found) : "r"(a), "r"(b) : "cc");
    return found;
}

PATCHC_INLINE int32_t patchc_wrapped(uint32_t value)
{
    return (int32_t)value;
}

#else

/* Modulo 2^32, without a cast whose result C leaves open. */
PATCHC_INLINE int32_t patchc_wrapped(uint32_t value)
{
    return value <= INT32_MAX ? (int32_t)value : -(int32_t)(UINT32_MAX - value) - 1;
}

PATCHC_INLINE int32_t patchc_low(uint32_t word)
{
    return (int32_t)((word & 0xffff) ^ 0x8000) - 0x8000;
}

PATCHC_INLINE int32_t patchc_high(uint32_t word)
{
    return patchc_low(word >> 16);
}

PATCHC_INLINE uint32_t patchc_widened(uint32_t byte)
{
    return (((byte & 0xff) ^ 0x80) - 0x80) & 0xffff;
}

/* Bytes 0 and 2, or 1 and 3, as halves. */
PATCHC_INLINE uint32_t patchc_sxtb16(uint32_t a)
{
    return patchc_widened(a) | patchc_widened(a >> 16) << 16;
}

PATCHC_INLINE uint32_t patchc_sxtb16_odd(uint32_t a)
{
    return patchc_sxtb16(a >> 8);
}

/* The bytes of each half change places. */
PATCHC_INLINE uint32_t patchc_rev16(uint32_t a)
{
    return (a >> 8 & 0x00ff00ffu) | (a & 0x00ff00ffu) << 8;
}

/* The low half of a below the low half of b. */
PATCHC_INLINE uint32_t patchc_pkhbt(uint32_t a, uint32_t b)
{
    return (a & 0xffff) | b << 16;
}

/* The high half of a above the high half of b. */
PATCHC_INLINE uint32_t patchc_pkhtb(uint32_t a, uint32_t b)
{
    return (a & 0xffff0000u) | b >> 16;
}

PATCHC_INLINE int32_t patchc_smlabb(uint32_t a, uint32_t b, int32_t sum)
{
    return patchc_wrapped((uint32_t)sum + (uint32_t)(patchc_low(a) * patchc_low(b)));
}

PATCHC_INLINE int32_t patchc_smlatb(uint32_t a, uint32_t b, int32_t sum)
{
    return patchc_smlabb(a >> 16, b, sum);
}

PATCHC_INLINE int32_t patchc_smlabt(uint32_t a, uint32_t b, int32_t sum)
{
    return patchc_smlabb(a, b >> 16, sum);
}

PATCHC_INLINE int32_t patchc_smlatt(uint32_t a, uint32_t b, int32_t sum)
{
    return patchc_smlabb(a >> 16, b >> 16, sum);
}

PATCHC_INLINE int32_t patchc_smlad(uint32_t a, uint32_t b, int32_t sum)
{
    return patchc_smlatt(a, b, patchc_smlabb(a, b, sum));
}

/* The high word of a * b. */
PATCHC_INLINE int32_t patchc_smmul(int32_t a, int32_t b)
{
    return (int32_t)((int64_t)a * b >> 32);
}

/* The larger of each two signed bytes. */
PATCHC_INLINE uint32_t patchc_max8(uint32_t a, uint32_t b)
{
    uint32_t found = 0;

    for (int32_t shift = 0; shift < 32; shift += 8) {
        uint32_t x = a >> shift & 0xff, y = b >> shift & 0xff;

        found |= ((x ^ 0x80) > (y ^ 0x80) ? x : y) << shift;
    }
    return found;
}

/* value >> PATCHC_DROP, saturated to int8 */
PATCHC_INLINE int32_t patchc_ssat8_dropped(int32_t value)
{
    value >>= PATCHC_DROP;
    return value < -128 ? -128 : value > 127 ? 127 : value;
}

#endif

/* a + b modulo 2^32 */
PATCHC_INLINE int32_t patchc_plus(int32_t a, int32_t b)
{
    return patchc_wrapped((uint32_t)a + (uint32_t)b);
}

#endif
