/* Maximum or minimum: element by element, so that the output may be the memory of an operand of its
 * shape. */
#include "patchc_pairs.h"

/* The larger where flip is 0, the smaller where it is -1. */
static int8_t chosen(int32_t x, int32_t y, int32_t flip)
{
    return (int8_t)(((y - x) ^ flip) < 0 ? x : y);
}

/* A run of values. */
static void choose(int8_t *out, const int8_t *a, const patchc_second *second, const int8_t *b,
                   const patchc_extremum_params *params)
{
    const int32_t flip = -params->least;

    if (params->tables == NULL) {
        for (int32_t j = 0; j < second->length; j++) {
            out[j] = chosen(a[j], b[j * second->step], flip);
        }
    } else {
        const int8_t *table_a = params->tables + 128; /* value 0 */
        const int8_t *table_b = table_a + params->b_table_at;

        for (int32_t j = 0; j < second->length; j++) {
            out[j] = chosen(table_a[a[j]], table_b[b[j * second->step]], flip);
        }
    }
}

void patchc_extremum(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                     const patchc_extremum_params *params)
{
    const patchc_second second = patchc_second_of(out, b, params->constant);

    for (int32_t i = 0; i < out->rows; i++) {
        const int8_t *first = patchc_in_row(a, i);
        const int8_t *row_b = patchc_second_row(&second, i);
        int8_t *row = patchc_out_row(out, i);

        for (int32_t run = 0; run < second.runs; run++) {
            choose(row, first, &second, row_b, params);
            first += second.length;
            row += second.length;
        }
    }
}
