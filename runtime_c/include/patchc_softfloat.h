/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* float32 in integers, as far as average pooling, Sub and softmax need it: +, *, /, from and to int32.
 *
 * Values are IEEE 754 bit patterns, each operation rounds to nearest, ties to even. Zero and
 * normal numbers only: the compiler refuses scales with which a subnormal, an infinity or a
 * division by zero could come up (patchc/numerics/average.py).
 */
#ifndef PATCHC_SOFTFLOAT_H
#define PATCHC_SOFTFLOAT_H

#include "patchc_kernels.h"

#define PATCHC_F32_SIGN UINT32_C(0x80000000)
#define PATCHC_F32_HIDDEN UINT32_C(0x00800000)

/* |f| = significand * 2^exponent */
static inline uint32_t patchc_f32_significand(uint32_t f)
{
    return (f & (PATCHC_F32_HIDDEN - 1)) | PATCHC_F32_HIDDEN;
}

static inline int32_t patchc_f32_exponent(uint32_t f)
{
    return (int32_t)((f >> 23) & 0xff) - 150;
}

static inline int patchc_f32_is_zero(uint32_t f)
{
    return (f & ~PATCHC_F32_SIGN) == 0;
}

/* The float32 nearest to significand * 2^exponent; significand is not 0, and below 2^62 */
static inline uint32_t patchc_f32_round(uint32_t sign, uint64_t significand, int32_t exponent)
{
    int32_t drop = patchc_bit_length64(significand) - 24;

    significand = drop > 0 ? patchc_half_even64(significand, drop) : significand << -drop;
    /* added, not or-ed: a significand rounded up to 2^24 carries into the exponent */
    return sign | (((uint32_t)(exponent + drop + 150) << 23)
                   + ((uint32_t)significand - PATCHC_F32_HIDDEN));
}

static inline uint32_t patchc_f32_from_int(int32_t value)
{
    if (value == 0) {
        return 0;
    }
    if (value < 0) {
        return patchc_f32_round(PATCHC_F32_SIGN, 0u - (uint32_t)value, 0);
    }
    return patchc_f32_round(0, (uint32_t)value, 0);
}

static inline uint32_t patchc_f32_mul(uint32_t a, uint32_t b)
{
    uint32_t sign = (a ^ b) & PATCHC_F32_SIGN;

    if (patchc_f32_is_zero(a) || patchc_f32_is_zero(b)) {
        return sign;
    }
    return patchc_f32_round(sign,
                            (uint64_t)patchc_f32_significand(a) * patchc_f32_significand(b),
                            patchc_f32_exponent(a) + patchc_f32_exponent(b));
}

/* 32 more bits of quotient than of significands; what is left over decides ties as a last 1 */
static inline uint32_t patchc_f32_div(uint32_t a, uint32_t b)
{
    uint32_t sign = (a ^ b) & PATCHC_F32_SIGN;
    uint32_t divisor = patchc_f32_significand(b);
    uint64_t dividend, quotient;

    if (patchc_f32_is_zero(a)) {
        return sign;
    }
    dividend = (uint64_t)patchc_f32_significand(a) << 32;
    quotient = dividend / divisor;
    if (quotient * divisor != dividend) {
        quotient |= 1;
    }
    return patchc_f32_round(sign, quotient, patchc_f32_exponent(a) - patchc_f32_exponent(b) - 32);
}

static inline uint32_t patchc_f32_add(uint32_t a, uint32_t b)
{
    uint64_t large, small;
    int32_t distance;

    if ((a & ~PATCHC_F32_SIGN) < (b & ~PATCHC_F32_SIGN)) {
        uint32_t swap = a;

        a = b;
        b = swap;
    }
    if (patchc_f32_is_zero(b)) {
        return a;
    }
    distance = patchc_f32_exponent(a) - patchc_f32_exponent(b);
    if (distance > 32) {
        return a; /* b is far below half of a's last bit */
    }
    large = (uint64_t)patchc_f32_significand(a) << 32;
    small = (uint64_t)patchc_f32_significand(b) << (32 - distance);
    if (((a ^ b) & PATCHC_F32_SIGN) != 0) {
        if (large == small) {
            return 0;
        }
        large -= small;
    } else {
        large += small;
    }
    return patchc_f32_round(a & PATCHC_F32_SIGN, large, patchc_f32_exponent(a) - 32);
}

/* rint(f), exact below 512 and beyond that at least 512 in magnitude */
static inline int32_t patchc_f32_rint(uint32_t f)
{
    int32_t value;

    if (patchc_f32_is_zero(f)) {
        return 0;
    }
    value = patchc_rint(patchc_f32_significand(f), -patchc_f32_exponent(f));
    return (f & PATCHC_F32_SIGN) != 0 ? -value : value;
}

#endif
