/* Sum of two maps: element by element, so that the output may be the memory of an operand. */
#include "patchc_requant.h"

/* value to 24 significant bits, as a float32 keeps them */
static uint64_t round_24(uint64_t value)
{
    int32_t drop = value != 0 ? patchc_bit_length64(value) - 24 : 0;

    return drop > 0 ? patchc_half_even64(value, drop) << drop : value;
}

static int64_t round_24_signed(int64_t value)
{
    return value < 0 ? -(int64_t)round_24((uint64_t)-value) : (int64_t)round_24((uint64_t)value);
}

/* Both fused multiply-adds exact, then rint. No step leaves 63 bits: the compiler chose frac so. */
static int8_t add_exact(int32_t a, int32_t b, const patchc_add_params *params)
{
    int64_t inner = round_24_signed((b + params->offset) * params->b_factor + params->constant);
    int64_t sum = round_24_signed((a + params->offset) * params->a_factor + inner);
    uint64_t size = sum < 0 ? (uint64_t)-sum : (uint64_t)sum;
    int32_t rounded;

    if (params->frac > 0) {
        size = patchc_half_even64(size, params->frac);
    }
    rounded = size < 512 ? (int32_t)size : 512;
    return patchc_clamp((sum < 0 ? -rounded : rounded) - params->offset, params->lo, params->hi);
}

static int8_t add_one(int32_t a, int32_t b, const patchc_add_params *params)
{
    uint32_t sum = (uint32_t)a * (uint32_t)params->near_a
                   + (uint32_t)b * (uint32_t)params->near_b + params->near_constant;
    uint32_t fraction = sum & ((UINT32_C(1) << params->near_bits) - 1);

    if (fraction - params->near_guard < params->near_range) {
        return patchc_clamp((int32_t)(sum >> params->near_bits) - params->near_base, params->lo,
                            params->hi);
    }
    return add_exact(a, b, params);
}

void patchc_add(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                const patchc_add_params *params)
{
    int32_t width = out->cols * out->channels;

    for (int32_t i = 0; i < out->rows; i++) {
        const int8_t *row_a = patchc_in_row(a, i);
        const int8_t *row_b = patchc_in_row(b, i);
        int8_t *row = patchc_out_row(out, i);

        for (int32_t j = 0; j < width; j++) {
            row[j] = add_one(row_a[j], row_b[j], params);
        }
    }
}
