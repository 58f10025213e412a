/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* The MVE (Helium) operations of Armv8.1-M that the kernels in mve/ use.
 *
 * On a core that has them each function is an instruction or two; elsewhere it is plain C of the
 * same meaning, wrapped sums included, so that the host runs the very kernels under its sanitizers.
 * Maps and weights are read and written byte by byte, which has no alignment: vectors of words
 * are those of sums and constants only, which lie at multiples of four bytes.
 */
#ifndef PATCHC_MVE_H
#define PATCHC_MVE_H

#include <stdint.h>
#include <string.h>

#include "patchc_requant.h"

#if defined(__ARM_FEATURE_MVE) && defined(__GNUC__) && !defined(PATCHC_NO_MVE)
#define PATCHC_MVE 1
#include <arm_mve.h>
#else
#define PATCHC_MVE 0
#endif

/* The loops that matter are in assembly: sums live in general registers, operands in vectors, and
 * gcc keeps neither there. PATCHC_NO_ASSEMBLY leaves that out. */
#if PATCHC_MVE && !defined(__clang__) && !defined(PATCHC_NO_ASSEMBLY)
#define PATCHC_ASSEMBLY 1
#else
#define PATCHC_ASSEMBLY 0
#endif

/* For the rest of the file: the kernels are not to become slow, or lack registers, where a project
 * is built with -Os or -O0. */
#if PATCHC_MVE && !defined(__clang__)
#pragma GCC optimize("O2", "omit-frame-pointer", "no-schedule-insns")
#endif

/* ---- Four words ---- */

#if PATCHC_MVE

typedef int32x4_t patchc_four;

PATCHC_INLINE patchc_four patchc_four_of(int32_t value)
{
    return vdupq_n_s32(value);
}

PATCHC_INLINE patchc_four patchc_four_load(const int32_t *from)
{
    return vldrwq_s32(from);
}

/* Every fourth word. */
PATCHC_INLINE patchc_four patchc_four_gather(const int32_t *from)
{
    return vldrwq_gather_shifted_offset_s32(from, vidupq_n_u32(0, 4));
}

PATCHC_INLINE void patchc_four_save(int32_t *to, patchc_four a)
{
    vstrwq_s32(to, a);
}

/* The lowest byte of each. */
PATCHC_INLINE void patchc_four_save_bytes(int8_t *to, patchc_four a)
{
    vstrbq_s32(to, a);
}

PATCHC_INLINE patchc_four patchc_four_add(patchc_four a, patchc_four b)
{
    return vaddq_s32(a, b);
}

/* a << bits, modulo 2^32; or a >> -bits, which keeps the sign. */
PATCHC_INLINE patchc_four patchc_four_shift(patchc_four a, int32_t bits)
{
    return vshlq_r_s32(a, bits);
}

/* The factors and the offsets of four channels. */
PATCHC_INLINE void patchc_four_forms(const patchc_form *form, patchc_four *factor,
                                     patchc_four *offset)
{
    int32x4x2_t both = vld2q_s32(&form->factor);

    *factor = both.val[0];
    *offset = both.val[1];
}

/* The high words of the products. */
PATCHC_INLINE patchc_four patchc_four_high(patchc_four a, patchc_four b)
{
    return vmulhq_s32(a, b);
}

PATCHC_INLINE patchc_four patchc_four_clamp(patchc_four a, int32_t lo, int32_t hi)
{
    return vminq_s32(vmaxq_s32(a, vdupq_n_s32(lo)), vdupq_n_s32(hi));
}

/* Bit 4 * i: (a[i] & mask) < limit, both as unsigned. */
PATCHC_INLINE uint32_t patchc_four_below(patchc_four a, uint32_t mask, uint32_t limit)
{
    uint32x4_t rest = vandq_u32(vreinterpretq_u32_s32(a), vdupq_n_u32(mask));

    return vcmphiq_u32(vdupq_n_u32(limit), rest) & 0x1111u;
}

#else

typedef struct {
    int32_t lane[4];
} patchc_four;

#define PATCHC_EACH(RESULT, EXPRESSION)                                                            \
    patchc_four RESULT;                                                                            \
    for (int32_t i = 0; i < 4; i++) {                                                              \
        RESULT.lane[i] = (EXPRESSION);                                                             \
    }

PATCHC_INLINE patchc_four patchc_four_of(int32_t value)
{
    PATCHC_EACH(found, value)
    return found;
}

PATCHC_INLINE patchc_four patchc_four_load(const int32_t *from)
{
    PATCHC_EACH(found, from[i])
    return found;
}

PATCHC_INLINE patchc_four patchc_four_gather(const int32_t *from)
{
    PATCHC_EACH(found, from[4 * i])
    return found;
}

PATCHC_INLINE void patchc_four_save(int32_t *to, patchc_four a)
{
    memcpy(to, a.lane, sizeof a.lane);
}

PATCHC_INLINE void patchc_four_save_bytes(int8_t *to, patchc_four a)
{
    for (int32_t i = 0; i < 4; i++) {
        to[i] = (int8_t)(((a.lane[i] & 0xff) ^ 0x80) - 0x80);
    }
}

PATCHC_INLINE patchc_four patchc_four_add(patchc_four a, patchc_four b)
{
    PATCHC_EACH(found, patchc_signed((uint32_t)a.lane[i] + (uint32_t)b.lane[i]))
    return found;
}

PATCHC_INLINE patchc_four patchc_four_shift(patchc_four a, int32_t bits)
{
    PATCHC_EACH(found, bits < 0 ? a.lane[i] >> -bits
                                : patchc_signed((uint32_t)a.lane[i] << bits))
    return found;
}

PATCHC_INLINE void patchc_four_forms(const patchc_form *form, patchc_four *factor,
                                     patchc_four *offset)
{
    for (int32_t i = 0; i < 4; i++) {
        factor->lane[i] = form[i].factor;
        offset->lane[i] = form[i].offset;
    }
}

PATCHC_INLINE patchc_four patchc_four_high(patchc_four a, patchc_four b)
{
    PATCHC_EACH(found, (int32_t)((int64_t)a.lane[i] * b.lane[i] >> 32))
    return found;
}

PATCHC_INLINE patchc_four patchc_four_clamp(patchc_four a, int32_t lo, int32_t hi)
{
    PATCHC_EACH(found, patchc_clamp(a.lane[i], lo, hi))
    return found;
}

PATCHC_INLINE uint32_t patchc_four_below(patchc_four a, uint32_t mask, uint32_t limit)
{
    uint32_t found = 0;

    for (int32_t i = 0; i < 4; i++) {
        found |= (uint32_t)(((uint32_t)a.lane[i] & mask) < limit) << (4 * i);
    }
    return found;
}

#endif

/* Four output channels, or what they are made of, by their lines. */
PATCHC_INLINE patchc_four patchc_four_by_line(patchc_four sum, patchc_four factor,
                                              patchc_four offset)
{
    patchc_four lifted = patchc_four_add(patchc_four_shift(sum, PATCHC_LIFT), offset);

    return patchc_four_shift(patchc_four_high(lifted, factor), -PATCHC_DROP);
}

/* ---- Bytes ---- */

/* `count` bytes, none of which overlap. */
PATCHC_INLINE void patchc_copy(int8_t *to, const int8_t *from, int32_t count)
{
#if PATCHC_ASSEMBLY
    __asm__ volatile("wlstp.8  lr, %[count], 2f\n"
                     "1:\n\t"
                     "vldrb.8  q0, [%[from]], #16\n\t"
                     "vstrb.8  q0, [%[to]], #16\n\t"
                     "letp     lr, 1b\n"
                     "2:"
                     : [to] "+r"(to), [from] "+r"(from)
                     : [count] "r"(count)
                     : "q0", "lr", "cc", "memory");
#else
    for (int32_t i = 0; i < count; i++) {
        to[i] = from[i];
    }
#endif
}

PATCHC_INLINE void patchc_fill(int8_t *to, int32_t value, int32_t count)
{
#if PATCHC_ASSEMBLY
    __asm__ volatile("vdup.8   q0, %[value]\n\t"
                     "wlstp.8  lr, %[count], 2f\n"
                     "1:\n\t"
                     "vstrb.8  q0, [%[to]], #16\n\t"
                     "letp     lr, 1b\n"
                     "2:"
                     : [to] "+r"(to)
                     : [value] "r"(value), [count] "r"(count)
                     : "q0", "lr", "cc", "memory");
#else
    for (int32_t i = 0; i < count; i++) {
        to[i] = (int8_t)value;
    }
#endif
}

/* `count` runs of `bytes` bytes, 1 to 16, which follow on each other; 16 bytes from one to the
 * next. What lies between them is written, too. */
PATCHC_INLINE void patchc_spread(int8_t *to, const int8_t *from, int32_t bytes, int32_t count)
{
#if PATCHC_ASSEMBLY
    __asm__ volatile("vctp.8   %[bytes]\n\t"
                     "dls      lr, %[count]\n"
                     "1:\n\t"
                     "vpst\n\t"
                     "vldrbt.u8 q0, [%[from]]\n\t"
                     "add      %[from], %[from], %[bytes]\n\t"
                     "vstrb.8  q0, [%[to]], #16\n\t"
                     "le       lr, 1b"
                     : [to] "+r"(to), [from] "+r"(from)
                     : [bytes] "r"(bytes), [count] "r"(count)
                     : "q0", "lr", "cc", "memory");
#else
    memset(to, 0, 16 * (size_t)count);
    for (int32_t i = 0; i < count; i++) {
        memcpy(to + 16 * i, from + i * bytes, (size_t)bytes);
    }
#endif
}

/* The sum of the products of `count` bytes, 1 or more. */
PATCHC_INLINE int32_t patchc_dot_bytes(const int8_t *a, const int8_t *b, int32_t count)
{
#if PATCHC_ASSEMBLY
    register int32_t sum __asm__("r0") = 0; /* VMLADAVA wants an even register */

    __asm__ volatile("dlstp.8  lr, %[count]\n"
                     "1:\n\t"
                     "vldrb.8  q0, [%[a]], #16\n\t"
                     "vldrb.8  q1, [%[b]], #16\n\t"
                     "vmladava.s8 %[sum], q0, q1\n\t"
                     "letp     lr, 1b"
                     : [sum] "+r"(sum), [a] "+r"(a), [b] "+r"(b)
                     : [count] "r"(count)
                     : "q0", "q1", "lr", "cc", "memory");
    return sum;
#else
    int32_t sum = 0;

    for (int32_t i = 0; i < count; i++) {
        sum += (int32_t)a[i] * b[i];
    }
    return sum;
#endif
}

#endif
