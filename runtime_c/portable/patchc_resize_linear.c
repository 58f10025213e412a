/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
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

/* patchc_round_24 for what has 32 bits */
static uint32_t round_32(uint32_t value)
{
    int32_t drop = value >> 24 != 0 ? patchc_bit_length(value) - 24 : 0;

    return drop > 0 ? patchc_half_even(value, drop) << drop : value;
}

/* The same in integers, for shares of few bits. A term is a multiple of in_scale's last bit times
 * the parts of both axes; all of them are summed as such, each rounded to 24 bits. `sum` lies close
 * to a tie, which is an odd multiple of half an out_scale. */
static int8_t exact_parts(const neighbours *from, int32_t c, int twice, uint32_t sum,
                          const patchc_resize_linear_params *params)
{
    const uint16_t *down = &params->rows.parts[2 * from->row];
    const uint16_t *across = &params->cols.parts[2 * from->col];
    uint32_t scale = patchc_f32_significand(params->in_scale);
    int64_t step = (int64_t)patchc_f32_significand(params->out_scale) << params->apart << twice;
    int64_t terms[4], total, beyond, window;
    int32_t upper, odd;

    for (int32_t n = 0; n < 4; n++) {
        int32_t value = from->at[n][c] - params->in_zero_point;
        int64_t real = (int64_t)round_32(scale * (uint32_t)(value < 0 ? -value : value));

        terms[n] = patchc_round_24((value < 0 ? -real : real) * (down[n / 2] * across[n % 2]));
    }
    total = terms[0];
    for (int32_t n = 1; n < (twice ? 8 : 4); n++) {
        total = patchc_round_24(total + terms[n % 4]);
    }
    /* the larger of the two integers beside the tie */
    upper = patchc_near_value(sum, &params->near) - params->zero_point;
    odd = 2 * upper - 1;
    beyond = 2 * total - odd * step;
    /* what rounds to the tie itself as a quotient in float32; below one half, where floats are
     * finer, it makes no difference, as that is rounded to 0 as well */
    window = step >> (25 - patchc_bit_length((uint32_t)(odd < 0 ? -odd : odd)));
    if (beyond > window || (beyond >= -window && (upper & 1) == 0)) {
        return patchc_clamp(upper + params->zero_point, params->lo, params->hi);
    }
    return patchc_clamp(upper - 1 + params->zero_point, params->lo, params->hi);
}

/* A pixel's four factors, and what is added to them, in fixed point. */
typedef struct {
    uint32_t share[4];
    uint32_t constant;
} factors;

static factors factors_of(const neighbours *from, const patchc_resize_linear_params *params)
{
    const int32_t *down = &params->rows.near[2 * from->row];
    const int32_t *across = &params->cols.near[2 * from->col];
    uint32_t zero_point = (uint32_t)params->in_zero_point;
    factors found;

    found.constant = params->near.constant;
    for (int32_t n = 0; n < 4; n++) {
        found.share[n] = (uint32_t)(((uint64_t)down[n / 2] * (uint64_t)across[n % 2]) >> 30);
        found.constant -= found.share[n] * zero_point;
    }
    return found;
}

/* Channels from c on, up to the first one that is close to a tie, whose sum is left in `sum`. A loop
 * of its own, so that the rare case costs the others no registers. */
static int32_t compute_settled(int8_t *out, int32_t c, int32_t channels, const neighbours *from,
                               const factors *by, const patchc_resize_linear_params *params,
                               uint32_t *sum)
{
    const int8_t *x0 = from->at[0], *x1 = from->at[1], *x2 = from->at[2], *x3 = from->at[3];
    const uint32_t s0 = by->share[0], s1 = by->share[1], s2 = by->share[2], s3 = by->share[3];
    const uint32_t constant = by->constant;
    const patchc_near near = params->near;
    const int32_t lo = params->lo, hi = params->hi;

    for (; c < channels; c++) {
        uint32_t total = constant + (uint32_t)x0[c] * s0 + (uint32_t)x1[c] * s1
                         + (uint32_t)x2[c] * s2 + (uint32_t)x3[c] * s3;

        if (!patchc_settled(total, &near)) {
            *sum = total;
            break;
        }
        out[c] = patchc_clamp(patchc_near_value(total, &near), lo, hi);
    }
    return c;
}

static void compute_pixel(int8_t *out, int32_t channels, const neighbours *from,
                          const patchc_resize_linear_params *params)
{
    const factors by = factors_of(from, params);
    uint32_t sum = 0;

    for (int32_t c = 0; c < channels; c++) {
        c = compute_settled(out, c, channels, from, &by, params, &sum);
        if (c < channels) {
            int twice = params->signal && c == channels - 1;

            out[c] = params->rows.parts != NULL ? exact_parts(from, c, twice, sum, params)
                                                : exact(from, c, twice, params);
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
