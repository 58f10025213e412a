/* Linear interpolation between four pixels. */
#include "patchc_pairs.h"
#include "patchc_softfloat.h"

#define HALF UINT32_C(0x3f000000)

/* A pixel of the output: its four neighbours in raster order, and where their shares are. */
typedef struct {
    const int8_t *at[4];
    int32_t row, col; /* of the pairs of shares */
} neighbours;

/* The operations of onnxruntime in their order. `twice`: of halves, and twice. */
static int8_t exact(const neighbours *from, int32_t c, int twice,
                    const patchc_resize_linear_params *params)
{
    uint32_t terms[4], sum, steps;

    for (int32_t n = 0; n < 4; n++) {
        uint32_t share = patchc_f32_mul(params->rows.shares[2 * from->row + n / 2],
                                        params->cols.shares[2 * from->col + n % 2]);
        int32_t value = from->at[n][c] - params->in_zero_point;
        uint32_t real = patchc_f32_mul(patchc_f32_from_int(value), params->in_scale);

        terms[n] = patchc_f32_mul(share, real);
        if (twice) {
            terms[n] = patchc_f32_mul(terms[n], HALF);
        }
    }
    sum = terms[0];
    for (int32_t n = 1; n < (twice ? 8 : 4); n++) {
        sum = patchc_f32_add(sum, terms[n % 4]);
    }
    steps = patchc_f32_div(sum, params->out_scale);
    return patchc_clamp(patchc_f32_rint(steps) + params->zero_point, params->lo, params->hi);
}

static void compute_pixel(int8_t *out, int32_t channels, const neighbours *from,
                          const patchc_resize_linear_params *params)
{
    const int32_t *down = &params->rows.near[2 * from->row];
    const int32_t *across = &params->cols.near[2 * from->col];
    const int8_t *x0 = from->at[0], *x1 = from->at[1], *x2 = from->at[2], *x3 = from->at[3];
    uint32_t zero_point = (uint32_t)params->in_zero_point;
    uint32_t share[4], constant = params->near.constant;

    for (int32_t n = 0; n < 4; n++) {
        share[n] = (uint32_t)(((uint64_t)down[n / 2] * (uint64_t)across[n % 2]) >> 30);
        constant -= share[n] * zero_point;
    }
    for (int32_t c = 0; c < channels; c++) {
        uint32_t sum = constant + (uint32_t)x0[c] * share[0] + (uint32_t)x1[c] * share[1]
                       + (uint32_t)x2[c] * share[2] + (uint32_t)x3[c] * share[3];

        if (patchc_settled(sum, &params->near)) {
            out[c] = patchc_clamp(patchc_settled_value(sum, &params->near), params->lo,
                                  params->hi);
        } else {
            out[c] = exact(from, c, params->signal && c == channels - 1, params);
        }
    }
}

void patchc_resize_linear(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                          const patchc_resize_linear_params *params)
{
    const patchc_line *rows = &params->rows, *cols = &params->cols;

    for (int32_t i = 0; i < out->rows; i++) {
        int32_t r = i - pads->top, top = rows->first[-pads->top];
        const int8_t *above = patchc_in_row(in, rows->first[r] - top);
        const int8_t *below = patchc_in_row(in, patchc_line_second(rows, r) - top);
        int8_t *pixel = patchc_out_row(out, i);
        neighbours from;

        from.row = rows->kinds[r];
        for (int32_t j = 0; j < out->cols; j++) {
            int32_t c = j - pads->left, edge = cols->first[-pads->left];
            int32_t left = (cols->first[c] - edge) * in->channels;
            int32_t right = (patchc_line_second(cols, c) - edge) * in->channels;

            from.col = cols->kinds[c];
            from.at[0] = above + left;
            from.at[1] = above + right;
            from.at[2] = below + left;
            from.at[3] = below + right;
            compute_pixel(pixel, out->channels, &from, params);
            pixel += out->channels;
        }
    }
}
