/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Maximum or minimum: element by element, so that the output may be the memory of an operand of its
 * shape. */
#include "patchc_pairs.h"

/* The larger where flip is 0, the smaller where it is -1. */
static int8_t chosen(int32_t x, int32_t y, int32_t flip)
{
    return (int8_t)(((y - x) ^ flip) < 0 ? x : y);
}

static void choose(const patchc_run *run, const patchc_extremum_params *params)
{
    const int32_t flip = -params->least;

    if (params->tables == NULL) {
        for (int32_t j = 0; j < run->length; j++) {
            run->out[j] = chosen(run->a[j], run->b[j * run->step], flip);
        }
    } else {
        const int8_t *table_a = params->tables + 128; /* value 0 */
        const int8_t *table_b = table_a + params->b_table_at;

        for (int32_t j = 0; j < run->length; j++) {
            run->out[j] = chosen(table_a[run->a[j]], table_b[run->b[j * run->step]], flip);
        }
    }
}

void patchc_extremum(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                     const patchc_extremum_params *params)
{
    patchc_in pixel;
    const patchc_in *second = patchc_second_of(&pixel, out, b, params->constant);
    patchc_run run = patchc_run_of(out, second);

    for (int32_t i = 0; i < out->rows; i++) {
        patchc_begin_row(&run, out, a, second, i);
        for (int32_t j = 0; j < run.count; j++) {
            choose(&run, params);
            patchc_next_run(&run);
        }
    }
}
