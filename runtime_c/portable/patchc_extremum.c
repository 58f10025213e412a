/* Maximum or minimum: element by element, so that the output may be the memory of an operand of its
 * shape. */
#include "patchc_pairs.h"

static const int8_t *table_at(const patchc_extremum_params *params, int32_t at)
{
    return at < 0 ? NULL : params->tables + at;
}

static int8_t looked_up(int8_t value, const int8_t *table)
{
    return table == NULL ? value : table[value + 128];
}

void patchc_extremum(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                     const patchc_extremum_params *params)
{
    const patchc_second second = patchc_second_of(out, b, params->constant);
    const int8_t *table_a = table_at(params, params->a_table_at);
    const int8_t *table_b = table_at(params, params->b_table_at);

    for (int32_t i = 0; i < out->rows; i++) {
        const int8_t *first = patchc_in_row(a, i);
        const int8_t *row_b = patchc_second_row(&second, i);
        int8_t *row = patchc_out_row(out, i);

        for (int32_t run = 0; run < second.runs; run++) {
            for (int32_t j = 0; j < second.length; j++) {
                int8_t x = looked_up(first[j], table_a);
                int8_t y = looked_up(row_b[j * second.step], table_b);

                row[j] = (x < y) == (params->least != 0) ? x : y;
            }
            first += second.length;
            row += second.length;
        }
    }
}
