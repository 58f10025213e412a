/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Products of matrices of activations, four outputs at a time. */
#include "patchc_requant.h"

/* What a pixel is multiplied with: the value of input k and output n lies at k * input + n * output. */
typedef struct {
    const int8_t *data;
    int32_t inputs;
    int32_t input, output; /* bytes from one to the next */
} matrix;

/* Sums of four neighbouring outputs, or of one: of values without their zero points, of `a` times
 * those of the matrix with theirs; less what that adds, `total` of a's values times zero point. */
static void sum_outputs(int32_t sum[4], int32_t lanes, const int8_t *a, const int8_t *b,
                        const matrix *by, const patchc_matmul_params *params)
{
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, total = 0;
    int32_t next = by->output;

    for (int32_t k = 0; k < by->inputs; k++) {
        int32_t value = a[k] - params->a_zero_point;

        total += value;
        s0 += value * b[0];
        if (lanes == 4) {
            s1 += value * b[next];
            s2 += value * b[2 * next];
            s3 += value * b[3 * next];
        }
        b += by->input;
    }
    total *= params->b_zero_point;
    sum[0] = s0 - total;
    sum[1] = s1 - total;
    sum[2] = s2 - total;
    sum[3] = s3 - total;
}

void patchc_matmul(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                   const patchc_matmul_params *params)
{
    matrix by;

    by.inputs = a->channels;
    by.input = params->transposed ? 1 : b->channels;
    by.output = params->transposed ? b->channels : 1;
    PATCHC_MACS(out->rows * out->cols, out->channels * a->channels);
    for (int32_t i = 0; i < out->rows; i++) {
        const int8_t *pixel = patchc_in_row(a, i);
        int8_t *target = patchc_out_row(out, i);

        by.data = patchc_in_row(b, b->rows > 1 ? i : 0);
        for (int32_t j = 0; j < out->cols; j++) {
            int32_t lanes;

            for (int32_t n = 0; n < out->channels; n += lanes) {
                int32_t sum[4];

                lanes = out->channels - n >= 4 ? 4 : 1;
                sum_outputs(sum, lanes, pixel, by.data + n * by.output, &by, params);
                for (int32_t k = 0; k < lanes; k++) {
                    target[n + k] = patchc_mean(sum[k], &params->out);
                }
            }
            pixel += a->channels;
            target += out->channels;
        }
    }
}
