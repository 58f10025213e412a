/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Copies of all values in another order. */
#include <string.h>

#include "patchc_kernels.h"

/* The sum of the digits of `number` times their steps; digits in pairs of count and step. */
static int32_t place_of(int32_t number, const int32_t *pairs, int32_t digits)
{
    int32_t place = 0;

    for (int32_t d = digits - 1; d >= 0; d--) {
        int32_t count = pairs[2 * d], rest = number / count;

        place += (number - rest * count) * pairs[2 * d + 1];
        number = rest;
    }
    return place;
}

/* `count` values that lie `step` apart. */
static void copy_run(int8_t *out, const int8_t *in, int32_t count, int32_t step)
{
    if (step == 1) {
        memcpy(out, in, (uint32_t)count);
        return;
    }
    for (int32_t i = 0; i < count; i++) {
        out[i] = *in;
        in += step;
    }
}

static void copy_pixel(int8_t *out, const int8_t *in, int32_t channels,
                       const patchc_permute_params *params)
{
    int32_t outer = params->channel_digits - 1;
    int32_t count, step;

    if (outer < 0) {
        *out = *in;
        return;
    }
    count = params->channels[2 * outer];
    step = params->channels[2 * outer + 1];
    for (int32_t k = 0; k * count < channels; k++) {
        copy_run(out + k * count, in + place_of(k, params->channels, outer), count, step);
    }
}

void patchc_permute(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                    const patchc_permute_params *params)
{
    const int8_t *map = patchc_in_row(in, 0);

    for (int32_t i = 0; i < out->rows; i++) {
        int32_t row = place_of(i - pads->top, params->rows, params->row_digits);
        int8_t *pixel = patchc_out_row(out, i);

        for (int32_t j = 0; j < out->cols; j++) {
            int32_t col = place_of(j - pads->left, params->cols, params->col_digits);

            copy_pixel(pixel, map + row + col, out->channels, params);
            pixel += out->channels;
        }
    }
}
