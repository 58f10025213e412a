/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Mean over the taps inside the view, by the float32 operations of onnxruntime's
 * QLinearAveragePool in their order: each input dequantised, summed row by row, divided by the
 * number of taps and by the output's scale, the zero point added before rint. */
#include "patchc_softfloat.h"

static uint32_t sum_of_taps(int32_t channel, const patchc_in *in, patchc_taps rows,
                            patchc_taps cols, const patchc_average_params *params)
{
    uint32_t sum = 0;

    for (int32_t y = rows.begin; y < rows.end; y++) {
        const int8_t *row = patchc_in_row(in, rows.first + y * params->window.dilation_h)
                            + channel;

        for (int32_t x = cols.begin; x < cols.end; x++) {
            int32_t column = cols.first + x * params->window.dilation_w;
            int32_t value = row[column * in->channels] - params->in_zero_point;

            sum = patchc_f32_add(sum, patchc_f32_mul(patchc_f32_from_int(value),
                                                     params->in_scale));
        }
    }
    return sum;
}

static void compute_pixel(int8_t *out, const patchc_in *in, patchc_taps rows, patchc_taps cols,
                          const patchc_average_params *params)
{
    int32_t taps = (rows.end - rows.begin) * (cols.end - cols.begin);
    uint32_t divisor = patchc_f32_from_int(params->divisor != 0 ? params->divisor : taps);
    uint32_t zero_point = patchc_f32_from_int(params->out_zero_point);

    for (int32_t c = 0; c < in->channels; c++) {
        uint32_t sum = sum_of_taps(c, in, rows, cols, params);
        uint32_t mean = patchc_f32_div(sum, divisor);
        uint32_t scaled = patchc_f32_div(mean, params->out_scale);

        out[c] = patchc_clamp(patchc_f32_rint(patchc_f32_add(scaled, zero_point))
                                  - params->offset,
                              params->lo, params->hi);
    }
}

void patchc_average_pool(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                         const patchc_average_params *params)
{
    const patchc_window *window = &params->window;

    for (int32_t i = 0; i < out->rows; i++) {
        patchc_taps rows = patchc_clip(i * window->stride_h - pads->top, window->kernel_h,
                                       window->dilation_h, in->rows);
        int8_t *pixel = patchc_out_row(out, i);

        for (int32_t j = 0; j < out->cols; j++) {
            patchc_taps cols = patchc_clip(j * window->stride_w - pads->left, window->kernel_w,
                                           window->dilation_w, in->cols);

            compute_pixel(pixel, in, rows, cols, params);
            pixel += out->channels;
        }
    }
}
