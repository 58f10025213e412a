/* From int8 to accumulators and back to int8: what the convolution kernels share.
 *
 * onnxruntime computes clip(rint(float32(acc) * r) + zero_point) in float32. The same in integers:
 * a float32 is a significand of 24 bits and a power of two, so each rounding is one of 24 bits, to
 * nearest, ties to even. Holds for every int32 acc and every float32 r >= 0 that is finite; nothing
 * here is an approximation (docs/exactness.md).
 */
#ifndef PATCHC_REQUANT_H
#define PATCHC_REQUANT_H

#include "patchc_kernels.h"

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

static inline int8_t patchc_requantize(int32_t acc, patchc_scale scale, int32_t zero_point,
                                       int32_t lo, int32_t hi)
{
    return patchc_clamp(patchc_scaled(acc, scale) + zero_point, lo, hi);
}

/* a + b modulo 2^32, as onnxruntime adds the bias */
static inline int32_t patchc_wrapping_add(int32_t a, int32_t b)
{
    uint32_t sum = (uint32_t)a + (uint32_t)b;

    return sum <= INT32_MAX ? (int32_t)sum : -(int32_t)(UINT32_MAX - sum) - 1;
}

/* sum[k] += the dot product of `count` inputs with weights [count][lanes], lanes 4 or 1. No sum
 * of products leaves int32: the compiler bounds the number of taps. */
static inline void patchc_dot(int32_t *sum, int32_t lanes, const int8_t *in,
                              const int8_t *weights, int32_t count)
{
    int32_t s0 = sum[0];

    if (lanes == 4) {
        int32_t s1 = sum[1], s2 = sum[2], s3 = sum[3];

        for (int32_t i = 0; i < count; i++) {
            int32_t value = in[i];

            s0 += value * weights[0];
            s1 += value * weights[1];
            s2 += value * weights[2];
            s3 += value * weights[3];
            weights += 4;
        }
        sum[1] = s1;
        sum[2] = s2;
        sum[3] = s3;
    } else {
        for (int32_t i = 0; i < count; i++) {
            s0 += (int32_t)in[i] * weights[i];
        }
    }
    sum[0] = s0;
}

/* Output channels first .. first + lanes - 1 of the pixel at `out`, from their sums. */
static inline void patchc_store(int8_t *out, const int32_t *sum, int32_t lanes, int32_t first,
                                const patchc_conv_params *params)
{
    const int32_t *bias = params->bias + first;
    const patchc_scale *scale = params->scale + first;
    int32_t zero_point = params->zero_point, lo = params->lo, hi = params->hi;

    for (int32_t k = 0; k < lanes; k++) {
        out[first + k] = patchc_requantize(patchc_wrapping_add(sum[k], bias[k]), scale[k],
                                           zero_point, lo, hi);
    }
}

#endif
