/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* From int8 to sums and back to int8: what the convolution kernels share.
 *
 * onnxruntime computes clip(rint(float32(sum + bias) * r) + zero_point) in float32. Of nearly every
 * channel a line gives the same, on all sums that its weights can reach:
 *
 *     clip((((sum << 8) + offset) * factor) >> 42)
 *
 * The compiler finds factor and offset and proves the equality, channel by channel
 * (docs/exactness.md). Channels without a line have a function of their own.
 */
#ifndef PATCHC_REQUANT_H
#define PATCHC_REQUANT_H

#include "patchc_kernels.h"

#if (-1 >> 1) != -1
#error "right shifts of negative numbers have to keep the sign, as those of every known compiler do"
#endif

#define PATCHC_LIFT 8
#define PATCHC_DROP 10

/* The int32 that is congruent to `value` */
static inline int32_t patchc_signed(uint32_t value)
{
    return value <= INT32_MAX ? (int32_t)value : -(int32_t)(UINT32_MAX - value) - 1;
}

/* (value * factor) >> 32: the high word of the product. factor < 2^31 */
static inline int32_t patchc_high_word(int32_t value, uint32_t factor)
{
    return (int32_t)((int64_t)value * (int32_t)factor >> 32);
}

/* Before it is clipped. All but the lifted sum is modulo 2^32, and that has been checked. */
static inline int32_t patchc_line_high(int32_t sum, patchc_form form)
{
    int32_t lifted = patchc_signed(((uint32_t)sum << PATCHC_LIFT) + (uint32_t)form.offset);

    return patchc_high_word(lifted, (uint32_t)form.factor) >> PATCHC_DROP;
}

/* A channel without a line, before it is clipped; in patchc_rare.c, so that kernels stay small. */
int32_t patchc_rare_value(int32_t sum, const patchc_rare *rare, int32_t zero_point);

/* By its line, in int8. */
PATCHC_INLINE int8_t patchc_line_int8(int32_t sum, patchc_form form)
{
    int32_t lifted = patchc_signed(((uint32_t)sum << PATCHC_LIFT) + (uint32_t)form.offset);
    int32_t high = patchc_high_word(lifted, (uint32_t)form.factor);

#if defined(__ARM_FEATURE_SAT) && defined(__GNUC__) && !defined(PATCHC_NO_ASSEMBLY)
    __asm__("ssat %0, #8, %1, asr %2" : "=r"(high) : "r"(high), "I"(PATCHC_DROP));
    return (int8_t)high;
#else
    return patchc_clamp(high >> PATCHC_DROP, -128, 127);
#endif
}

/* Output channels first .. first + count - 1 of the pixel at `out`, from their sums. */
static inline void patchc_store(int8_t *out, const int32_t *sum, int32_t count, int32_t first,
                                const patchc_conv_params *params)
{
    int32_t lo = params->lo, hi = params->hi;

    for (int32_t k = first; k < first + count; k++) {
        patchc_form form = params->form[k];
        int32_t value = form.factor >= 0 ? patchc_line_int8(*sum, form)
                                         : patchc_rare_value(*sum, params->rare + ~form.factor,
                                                             params->zero_point);

        out[k] = patchc_clamp(value, lo, hi);
        sum++;
    }
}

/* Bytes of the output into the layer's range, which is nearly always all of int8. */
static inline void patchc_limit(int8_t *out, int32_t count, const patchc_conv_params *params)
{
    if (params->lo != -128 || params->hi != 127) {
        for (int32_t k = 0; k < count; k++) {
            out[k] = patchc_clamp(out[k], params->lo, params->hi);
        }
    }
}

/* A mean, from the sum of its inputs. */
static inline int8_t patchc_mean(int32_t sum, const patchc_global_params *params)
{
    int32_t value = params->form.factor >= 0
                        ? patchc_line_high(sum, params->form)
                        : patchc_rare_value(sum, params->rare, params->zero_point);

    return patchc_clamp(value, params->lo, params->hi);
}

#endif
