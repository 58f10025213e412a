/* Sum: element by element, so that the output may be the memory of an operand of its shape. */
#include "patchc_pairs.h"

/* Both fused multiply-adds exact, then rint. No step leaves 63 bits: the compiler chose frac so. */
static int8_t add_exact(int32_t a, int32_t b, const patchc_add_params *params)
{
    int64_t inner =
        patchc_round_24((b + params->offset) * params->b_factor + params->sum_constant);
    int64_t sum = patchc_round_24((a + params->offset) * params->a_factor + inner);

    return patchc_clamp(patchc_rint_fixed(sum, params->frac) - params->offset, params->lo,
                        params->hi);
}

static int8_t add_one(int32_t a, int32_t b, const patchc_add_params *params)
{
    uint32_t sum = (uint32_t)a * (uint32_t)params->near_a
                   + (uint32_t)b * (uint32_t)params->near_b + params->near.constant;

    if (patchc_settled(sum, &params->near)) {
        return patchc_clamp(patchc_settled_value(sum, &params->near), params->lo, params->hi);
    }
    return add_exact(a, b, params);
}

void patchc_add(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                const patchc_add_params *params)
{
    const patchc_second second = patchc_second_of(out, b, params->constant);

    for (int32_t i = 0; i < out->rows; i++) {
        const int8_t *first = patchc_in_row(a, i);
        const int8_t *row_b = patchc_second_row(&second, i);
        int8_t *row = patchc_out_row(out, i);

        for (int32_t run = 0; run < second.runs; run++) {
            for (int32_t j = 0; j < second.length; j++) {
                int32_t x = first[j], y = row_b[j * second.step];

                row[j] = params->swap ? add_one(y, x, params) : add_one(x, y, params);
            }
            first += second.length;
            row += second.length;
        }
    }
}
