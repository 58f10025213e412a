/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Convolutions on cores that have no product of 32 x 32 -> 64 bits: the kernels of the same names
 * without `_narrow`, whose sums become int8 by another line,
 *
 *     clip((((sum * factor) >> 16) + offset) >> drop)
 *
 * with a drop for each layer. Each is the other's file, read with this store and this dot product in
 * place of the other's.
 */
#ifndef PATCHC_NARROW_H
#define PATCHC_NARROW_H

#define PATCHC_SUMS 4

/* The longest loop is in assembly, too: it needs every register that there is, which gcc grants if
 * it optimises, but not for size. PATCHC_NO_ASSEMBLY leaves that out, say where r9 is reserved. */
#if defined(__thumb__) && !defined(__thumb2__) && defined(__GNUC__) && !defined(__clang__)         \
    && !defined(__OPTIMIZE_SIZE__) && !defined(PATCHC_NO_ASSEMBLY)
#define PATCHC_NARROW_ASSEMBLY 1
#pragma GCC optimize("O2", "omit-frame-pointer")
#else
#define PATCHC_NARROW_ASSEMBLY 0
#endif

#include "patchc_dot.h"

void patchc_conv2d_narrow(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                          const patchc_conv_params *params);
void patchc_conv2d_pointwise_narrow(const patchc_out *out, const patchc_in *in,
                                    const patchc_pads *pads, const patchc_conv_params *params);
void patchc_conv2d_depthwise_narrow(const patchc_out *out, const patchc_in *in,
                                    const patchc_pads *pads, const patchc_conv_params *params);
void patchc_dense_narrow(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                         const patchc_conv_params *params);
void patchc_pointwise_add_narrow(const patchc_sums *sums, const patchc_in *in,
                                 const patchc_conv_params *params);
void patchc_pointwise_finish_narrow(const patchc_out *out, const patchc_sums *sums,
                                    const patchc_conv_params *params);

void patchc_channels_narrow(int8_t *to, const int8_t *from, int32_t pixels, int32_t taps,
                           int32_t c_out, const patchc_conv_params *params);

/* patchc_rare_value without long products, but for the emulation. */
int32_t patchc_rare_value_narrow(int32_t sum, const patchc_rare *rare, int32_t zero_point);

/* (value * factor) >> 16, modulo 2^32: three products of 32 x 32 -> 32 bits */
static inline uint32_t patchc_middle_word(int32_t value, uint32_t factor)
{
    uint32_t low = (uint32_t)value & 0xFFFF;
    uint32_t top = (uint32_t)(value >> 16);
    uint32_t factor_low = factor & 0xFFFF;

    return (uint32_t)value * (factor >> 16) + top * factor_low + (low * factor_low >> 16);
}

/* (value * factor) >> 32, factor < 2^31, of four products */
static inline int32_t patchc_high_word_narrow(int32_t value, uint32_t factor)
{
    uint32_t low = (uint32_t)value & 0xFFFF, factor_low = factor & 0xFFFF;
    uint32_t top = (uint32_t)(value >> 16), factor_top = factor >> 16;
    uint32_t inner = low * factor_top + (low * factor_low >> 16);
    uint32_t outer = top * factor_low + (inner & 0xFFFF);

    return patchc_signed(top * factor_top + (inner >> 16)
                         + (uint32_t)(patchc_signed(outer) >> 16));
}

/* Before it is clipped. All but the sum with the offset is modulo 2^32, and that has been checked. */
static inline int32_t patchc_line_pieces(int32_t sum, patchc_form form, int32_t drop)
{
    uint32_t product = patchc_middle_word(sum, (uint32_t)form.factor);

    return patchc_signed(product + (uint32_t)form.offset) >> drop;
}

/* Output channels first .. first + count - 1 of the pixel at `out`, from their sums. */
static inline void patchc_store_narrow(int8_t *out, const int32_t *sum, int32_t count,
                                       int32_t first, const patchc_conv_params *params)
{
    const patchc_form *form = params->form + first;
    int32_t lo = params->lo, hi = params->hi, drop = params->drop;

    for (int32_t k = 0; k < count; k++) {
        int32_t factor = form[k].factor;
        int32_t value = factor >= 0 ? patchc_line_pieces(sum[k], form[k], drop)
                                    : patchc_rare_value_narrow(sum[k], params->rare + ~factor,
                                                               params->zero_point);

        out[first + k] = patchc_clamp(value, lo, hi);
    }
}

/* Channels c .. c + 3 of one pixel. */
static inline void patchc_store_4_narrow(int8_t *out, const int32_t sum[4], int32_t c,
                                         const patchc_conv_params *params)
{
    patchc_store_narrow(out, sum, 4, c, params);
}

/* patchc_dot_4 */
PATCHC_INLINE void patchc_dot_4_narrow(int32_t sum[4], const int8_t *in, const int8_t *weights,
                                       int32_t count)
{
#if PATCHC_NARROW_ASSEMBLY
    /* The sums are in high registers, which can only be added to; all low ones are taken. An input
     * is at x + i, its weights are at w0 + i and so on; i ascends by four to 0. */
    register int32_t s0 __asm__("r8") = sum[0], s1 __asm__("r9") = sum[1];
    register int32_t s2 __asm__("r10") = sum[2], s3 __asm__("r11") = sum[3];
    register const int8_t *x __asm__("r0") = in;
    register const int8_t *w __asm__("r1") = weights;
    register int32_t i __asm__("r5") = 4 * count;

    if (count == 0) {
        return;
    }
    __asm__(".syntax unified\n\t"
            "adds   r0, r0, r5\n\t"
            "adds   r1, r1, r5\n\t"
            "adds   r2, r1, #1\n\t"
            "adds   r3, r1, #2\n\t"
            "adds   r4, r1, #3\n\t"
            "lsls   r6, r5, #29\n\t"
            "rsbs   r5, r5, #0\n\t"
            "cmp    r6, #0\n\t"
            "bmi    2f\n"
            "1:\n\t"
            "ldrsb  r6, [r0, r5]\n\t"
            "ldrsb  r7, [r1, r5]\n\t"
            "muls   r7, r6, r7\n\t"
            "add    r8, r7\n\t"
            "ldrsb  r7, [r2, r5]\n\t"
            "muls   r7, r6, r7\n\t"
            "add    r9, r7\n\t"
            "ldrsb  r7, [r3, r5]\n\t"
            "muls   r7, r6, r7\n\t"
            "add    r10, r7\n\t"
            "ldrsb  r7, [r4, r5]\n\t"
            "muls   r7, r6, r7\n\t"
            "add    r11, r7\n\t"
            "subs   r0, #3\n\t"
            "adds   r5, #4\n"
            "2:\n\t"
            "ldrsb  r6, [r0, r5]\n\t"
            "ldrsb  r7, [r1, r5]\n\t"
            "muls   r7, r6, r7\n\t"
            "add    r8, r7\n\t"
            "ldrsb  r7, [r2, r5]\n\t"
            "muls   r7, r6, r7\n\t"
            "add    r9, r7\n\t"
            "ldrsb  r7, [r3, r5]\n\t"
            "muls   r7, r6, r7\n\t"
            "add    r10, r7\n\t"
            "ldrsb  r7, [r4, r5]\n\t"
            "muls   r7, r6, r7\n\t"
            "add    r11, r7\n\t"
            "subs   r0, #3\n\t"
            "adds   r5, #4\n\t"
            "bne    1b\n\t"
            ".syntax divided"
            : "+r"(x), "+r"(w), "+r"(i), "+h"(s0), "+h"(s1), "+h"(s2), "+h"(s3)
            :
            : "r2", "r3", "r4", "r6", "r7", "cc", "memory");
    sum[0] = s0;
    sum[1] = s1;
    sum[2] = s2;
    sum[3] = s3;
#else
    patchc_dot_4(sum, in, weights, count);
#endif
}

#endif
