/* Requantisation in a few 32-bit instructions, proved per channel at compile time.
 *
 * A kernel hands over the sum of inputs times weights; bias, zero points and all of onnxruntime's
 * roundings are in the constants (patchc/numerics/forms.py). What comes back is to be clipped to the
 * output's range.
 *
 * All sums are modulo 2^32 but for the last, which the compiler has checked to be an int32.
 */
#ifndef PATCHC_FORMS_H
#define PATCHC_FORMS_H

#include "patchc_requant.h"

#if (-1 >> 1) != -1
#error "right shifts of negative numbers have to keep the sign, as those of every known compiler do"
#endif

/* One output channel. factor >= 0: a line. Else rare[~factor] has its constants. */
typedef struct {
    int32_t factor;
    int32_t offset;
} patchc_form;

/* A channel without a line. drop == 0: nothing but the emulation will do. */
typedef struct {
    int32_t bias; /* zero point of the input folded in */
    patchc_scale scale;
    uint8_t lift; /* no accumulator, shifted left by it, leaves int32 */
    uint8_t drop; /* bits behind the point of that product's high word: scale.shift + lift - 25 */
} patchc_rare;

static inline int32_t patchc_signed(uint32_t value)
{
    return value <= INT32_MAX ? (int32_t)value : -(int32_t)(UINT32_MAX - value) - 1;
}

/* (value * factor) >> 16, modulo 2^32: three products of 32 x 32 -> 32 bits */
static inline uint32_t patchc_product_16(int32_t value, uint32_t factor)
{
    uint32_t low = (uint32_t)value & 0xFFFF;
    uint32_t top = (uint32_t)(value >> 16);
    uint32_t factor_low = factor & 0xFFFF;

    return (uint32_t)value * (factor >> 16) + top * factor_low + (low * factor_low >> 16);
}

/* (value * factor) >> 32, factor < 2^31 */
static inline int32_t patchc_product_32(int32_t value, uint32_t factor)
{
#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__) || defined(PATCHC_NO_LONG_MULTIPLY)
    uint32_t low = (uint32_t)value & 0xFFFF, factor_low = factor & 0xFFFF;
    uint32_t top = (uint32_t)(value >> 16), factor_top = factor >> 16;
    uint32_t inner = low * factor_top + (low * factor_low >> 16);
    uint32_t outer = top * factor_low + (inner & 0xFFFF);

    return patchc_signed(top * factor_top + (inner >> 16)
                         + (uint32_t)(patchc_signed(outer) >> 16));
#else
    return (int32_t)((int64_t)value * (int32_t)factor >> 32);
#endif
}

/* A line on cores that have the high word of a product in one instruction. */
static inline int32_t patchc_line_high(int32_t sum, patchc_form form, int32_t lift, int32_t drop)
{
    int32_t x = patchc_signed(((uint32_t)sum << lift) + (uint32_t)form.offset);

    return patchc_product_32(x, (uint32_t)form.factor) >> drop;
}

/* A line on cores that have the low word only. */
static inline int32_t patchc_line_pieces(int32_t sum, patchc_form form, int32_t drop)
{
    uint32_t product = patchc_product_16(sum, (uint32_t)form.factor);

    return patchc_signed(product + (uint32_t)form.offset) >> drop;
}

/* The product with the float32 factor's own significand. Its high word says what onnxruntime's
 * roundings give except next to a tie, about once in 2^(drop - 1) sums: there the float32 product
 * is emulated. */
static inline int32_t patchc_guarded(int32_t sum, patchc_rare rare, int32_t zero_point)
{
    int32_t acc = patchc_wrapping_add(sum, rare.bias);
    uint32_t one = UINT32_C(1) << rare.drop;
    uint32_t guard = one >> 15 | 1;

    if (rare.drop != 0) {
        int32_t lifted = patchc_signed((uint32_t)acc << rare.lift);
        int32_t scaled = patchc_product_32(lifted, rare.scale.mantissa << 7) + (int32_t)(one >> 1);

        if ((((uint32_t)scaled + guard) & (one - 1)) >= 2 * guard) {
            return (scaled >> rare.drop) + zero_point;
        }
    }
    return patchc_scaled(acc, rare.scale) + zero_point;
}

#endif
