/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Requantisation of channels that have no line.
 *
 * onnxruntime computes clip(rint(float32(acc) * r) + zero_point) in float32. The same in integers:
 * a float32 is a significand of 24 bits and a power of two, so each rounding is one of 24 bits, to
 * nearest, ties to even. Holds for every int32 acc and every float32 r >= 0 that is finite; nothing
 * here is an approximation (docs/exactness.md).
 */
#ifndef PATCHC_RARE_H
#define PATCHC_RARE_H

#include "patchc_requant.h"

/* rint(float32(acc) * scale), exact below 512 and beyond that at least 512 in magnitude */
static inline int32_t patchc_scaled(int32_t acc, patchc_scale scale)
{
    uint32_t a = acc < 0 ? 0u - (uint32_t)acc : (uint32_t)acc;
    uint32_t significand, rest;
    uint64_t product;
    int32_t exponent, rounded;

    if (a == 0) {
        return 0;
    }
    /* float32(acc) = a * 2^(exponent - 8), 2^31 <= a < 2^32 */
    exponent = patchc_bit_length(a) - 24;
    if (exponent <= 0) {
        a <<= 8 - exponent;
    } else {
        a = patchc_half_even(a, exponent);
        if (a >> 24 != 0) {
            a >>= 1;
            exponent++;
        }
        a <<= 8;
    }
    /* the upper 24 of 56 bits are the product's significand, the lower 32 round it */
    product = (uint64_t)a * scale.mantissa;
    if (product >> 55 == 0) {
        product <<= 1;
        exponent--;
    }
    significand = (uint32_t)(product >> 32);
    rest = (uint32_t)product;
    significand += rest > UINT32_C(0x80000000) - (significand & 1);
    rounded = patchc_rint(significand, scale.shift - 24 - exponent);
    return acc < 0 ? -rounded : rounded;
}

/* a + b modulo 2^32, as onnxruntime adds the bias */
static inline int32_t patchc_wrapping_add(int32_t a, int32_t b)
{
    return patchc_signed((uint32_t)a + (uint32_t)b);
}

/* The product with the float32 factor's own significand. Its high word says what onnxruntime's
 * roundings give except next to a tie, about once in 2^(drop - 1) sums: there, and where drop is 0,
 * the float32 product is emulated. */
static inline int32_t patchc_guarded(int32_t sum, const patchc_rare *rare, int32_t zero_point)
{
    int32_t acc = patchc_wrapping_add(sum, rare->bias);
    uint32_t one = UINT32_C(1) << rare->drop;
    uint32_t guard = one >> 15 | 1;

    if (rare->drop != 0) {
        int32_t lifted = patchc_signed((uint32_t)acc << rare->lift);
        int32_t scaled = patchc_high_word(lifted, rare->scale.mantissa << 7) + (int32_t)(one >> 1);

        if ((((uint32_t)scaled + guard) & (one - 1)) >= 2 * guard) {
            return (scaled >> rare->drop) + zero_point;
        }
    }
    return patchc_scaled(acc, rare->scale) + zero_point;
}

#endif
