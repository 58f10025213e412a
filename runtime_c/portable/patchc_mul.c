/* Product: element by element, so that the output may be the memory of an operand of its shape. */
#include "patchc_pairs.h"

/* The float32 product, then the float32 sum, then rint. No step leaves 63 bits: a product of the
 * operands has 16 bits, factor 24, and frac is at most 53. */
static int8_t mul_exact(int32_t product, const patchc_mul_params *params)
{
    int64_t scaled = patchc_round_24((int64_t)product * params->factor);
    int64_t sum = patchc_round_24(scaled + params->zero_point * (INT64_C(1) << params->frac));

    return patchc_clamp(patchc_rint_fixed(sum, params->frac) - params->offset, params->lo,
                        params->hi);
}

static int8_t mul_one(int32_t a, int32_t b, const patchc_mul_params *params)
{
    int32_t product = (a - params->a_zero_point) * (b - params->b_zero_point);
    uint32_t sum = (uint32_t)product * (uint32_t)params->near_factor + params->near.constant;

    if (patchc_settled(sum, &params->near)) {
        return patchc_clamp(patchc_settled_value(sum, &params->near), params->lo, params->hi);
    }
    return mul_exact(product, params);
}

void patchc_mul(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                const patchc_mul_params *params)
{
    const patchc_second second = patchc_second_of(out, b, params->constant);

    for (int32_t i = 0; i < out->rows; i++) {
        const int8_t *first = patchc_in_row(a, i);
        const int8_t *row_b = patchc_second_row(&second, i);
        int8_t *row = patchc_out_row(out, i);

        for (int32_t run = 0; run < second.runs; run++) {
            for (int32_t j = 0; j < second.length; j++) {
                row[j] = mul_one(first[j], row_b[j * second.step], params);
            }
            first += second.length;
            row += second.length;
        }
    }
}
