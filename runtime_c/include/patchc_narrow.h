/* Convolutions on cores that have no product of 32 x 32 -> 64 bits: the kernels of the same names
 * without `_narrow`, whose sums become int8 by another line,
 *
 *     clip((((sum * factor) >> 16) + offset) >> drop)
 *
 * with a drop for each layer. Each is the other's file, read with this store in place of the other.
 */
#ifndef PATCHC_NARROW_H
#define PATCHC_NARROW_H

#include "patchc_requant.h"

void patchc_conv2d_narrow(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                          const patchc_conv_params *params);
void patchc_conv2d_pointwise_narrow(const patchc_out *out, const patchc_in *in,
                                    const patchc_pads *pads, const patchc_conv_params *params);
void patchc_conv2d_depthwise_narrow(const patchc_out *out, const patchc_in *in,
                                    const patchc_pads *pads, const patchc_conv_params *params);
void patchc_dense_narrow(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                         const patchc_conv_params *params);
void patchc_pointwise_finish_narrow(const patchc_out *out, const patchc_sums *sums,
                                    const patchc_conv_params *params);

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

/* Output channels first .. first + lanes - 1 of the pixel at `out`, from their sums. */
static inline void patchc_store_narrow(int8_t *out, const int32_t *sum, int32_t lanes,
                                       int32_t first, const patchc_conv_params *params)
{
    const patchc_form *form = params->form + first;
    int32_t lo = params->lo, hi = params->hi, drop = params->drop;

    for (int32_t k = 0; k < lanes; k++) {
        int32_t factor = form[k].factor;
        int32_t value = factor >= 0 ? patchc_line_pieces(sum[k], form[k], drop)
                                    : patchc_rare_value_narrow(sum[k], params->rare + ~factor,
                                                               params->zero_point);

        out[first + k] = patchc_clamp(value, lo, hi);
    }
}

#endif
