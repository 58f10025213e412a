/* Difference: element by element, so that the output may be the memory of an operand of its shape. */
#include "patchc_pairs.h"
#include "patchc_softfloat.h"

static int8_t sub_exact(int32_t a, int32_t b, const patchc_sub_params *params)
{
    uint32_t x = patchc_f32_mul(patchc_f32_from_int(a - params->a_zero_point), params->a_scale);
    uint32_t y = patchc_f32_mul(patchc_f32_from_int(b - params->b_zero_point), params->b_scale);
    uint32_t steps = patchc_f32_div(patchc_f32_add(x, y ^ PATCHC_F32_SIGN), params->out_scale);

    return patchc_clamp(patchc_f32_rint(steps) + params->zero_point, params->lo, params->hi);
}

static int8_t sub_one(int32_t a, int32_t b, const patchc_sub_params *params)
{
    uint32_t sum = (uint32_t)a * (uint32_t)params->near_a
                   + (uint32_t)b * (uint32_t)params->near_b + params->near.constant;

    if (patchc_settled(sum, &params->near)) {
        return patchc_clamp(patchc_settled_value(sum, &params->near), params->lo, params->hi);
    }
    return sub_exact(a, b, params);
}

void patchc_sub(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                const patchc_sub_params *params)
{
    const patchc_second second = patchc_second_of(out, b, params->constant);

    for (int32_t i = 0; i < out->rows; i++) {
        const int8_t *first = patchc_in_row(a, i);
        const int8_t *row_b = patchc_second_row(&second, i);
        int8_t *row = patchc_out_row(out, i);

        for (int32_t run = 0; run < second.runs; run++) {
            for (int32_t j = 0; j < second.length; j++) {
                int32_t x = first[j], y = row_b[j * second.step];

                row[j] = params->swap ? sub_one(y, x, params) : sub_one(x, y, params);
            }
            first += second.length;
            row += second.length;
        }
    }
}
