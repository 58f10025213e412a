/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Each value times a function of the sum of the squares of its neighbours: a table with a line
 * between two entries. */
#include "patchc_requant.h"

static int32_t square_of(int32_t value)
{
    return value * value;
}

/* Where a power of two begins, and 2^bits times between it and the next, the table has an entry. */
static int32_t factor_at(int32_t total, const patchc_local_response_params *params)
{
    int32_t above = total + (1 << params->bits);
    int32_t power = patchc_bit_length((uint32_t)above) - 1 - params->bits;
    const int32_t *entry = params->table + (power * (1 << params->bits) - (1 << params->bits))
                           + (above >> power);
    int32_t rest = above & ((1 << power) - 1);

    return entry[0] + (int32_t)((int64_t)(entry[1] - entry[0]) * rest >> power);
}

static void compute_pixel(int8_t *out, const int8_t *in, int32_t channels,
                          const patchc_local_response_params *params)
{
    int64_t half = (int64_t)1 << (params->places - 1);
    int32_t zero = params->in_zero_point, ahead = params->ahead, behind = params->behind;
    int32_t total = 0;

    for (int32_t c = 0; c < ahead && c < channels; c++) {
        total += square_of(in[c] - zero);
    }
    for (int32_t c = 0; c < channels; c++) {
        int64_t product;

        if (c + ahead < channels) {
            total += square_of(in[c + ahead] - zero);
        }
        if (c > behind) {
            total -= square_of(in[c - behind - 1] - zero);
        }
        product = (int64_t)(in[c] - zero) * factor_at(total, params);
        out[c] = patchc_clamp((int32_t)((product + half) >> params->places) + params->zero_point,
                              params->lo, params->hi);
    }
}

void patchc_local_response(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                           const patchc_local_response_params *params)
{
    (void)pads;
    for (int32_t i = 0; i < out->rows; i++) {
        const int8_t *source = patchc_in_row(in, i);
        int8_t *pixel = patchc_out_row(out, i);

        for (int32_t j = 0; j < out->cols; j++) {
            compute_pixel(pixel, source, in->channels, params);
            source += in->channels;
            pixel += out->channels;
        }
    }
}
