/* Sum: element by element, so that the output may be the memory of an operand of its shape. */
#include "patchc_pairs.h"

/* Both fused multiply-adds exact, then rint. No step leaves 63 bits: the compiler chose frac so. */
static int8_t add_exact(int32_t first, int32_t second, const patchc_add_params *params)
{
    int32_t a = params->swap ? second : first, b = params->swap ? first : second;
    int64_t inner =
        patchc_round_24((b + params->offset) * params->b_factor + params->sum_constant);
    int64_t sum = patchc_round_24((a + params->offset) * params->a_factor + inner);

    return patchc_clamp(patchc_rint_fixed(sum, params->frac) - params->offset, params->lo,
                        params->hi);
}

void patchc_add(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                const patchc_add_params *params)
{
    const patchc_in second = patchc_second_of(out, b, params->constant);
    const patchc_near_sum by =
        patchc_near_sum_of(params->near_a, params->near_b, params->swap, &params->near);

    for (int32_t i = 0; i < out->rows; i++) {
        patchc_run run = patchc_first_run(out, a, &second, i);

        for (int32_t done = 0; done < out->cols * out->channels; done += run.length) {
            for (int32_t j = patchc_run_sums(&run, 0, &by); j < run.length;
                 j = patchc_run_sums(&run, j + 1, &by)) {
                run.out[j] = add_exact(run.a[j], run.b[j * run.step], params);
            }
            patchc_clamp_row(run.out, run.length, params->lo, params->hi);
            patchc_next_run(&run);
        }
    }
}
