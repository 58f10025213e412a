/* The sums of every pixel as int8, four channels at a time. */
#include "patchc_mve_product.h"

/* Four channels of a row of pixels. */
static void finish_four(int8_t *out, const int32_t *sum, int32_t first, int32_t pixels,
                        int32_t channels, const patchc_conv_params *params)
{
    const patchc_form *form = params->form + first;
    const int32_t factors[4] = {form[0].factor, form[1].factor, form[2].factor, form[3].factor};
    const int32_t offsets[4] = {form[0].offset, form[1].offset, form[2].offset, form[3].offset};
    patchc_four factor = patchc_four_load(factors), offset = patchc_four_load(offsets);
    int32_t lo = params->lo, hi = params->hi;

    for (int32_t j = 0; j < pixels; j++) {
        patchc_four value = patchc_four_by_line(patchc_four_load(sum), factor, offset);

        patchc_four_save_bytes(out, patchc_four_clamp(value, lo, hi));
        sum += channels;
        out += channels;
    }
}

/* A channel of a row of pixels. */
static void finish_one(int8_t *out, const int32_t *sum, int32_t channel, int32_t pixels,
                       int32_t channels, const patchc_conv_params *params)
{
    for (int32_t j = 0; j < pixels; j++) {
        out[j * channels] = patchc_mve_by_form(sum[j * channels], channel, params);
    }
}

void patchc_pointwise_finish_mve(const patchc_out *out, const patchc_sums *sums,
                                 const patchc_conv_params *params)
{
    const int32_t *sum = sums->data;
    int32_t channels = out->channels, whole = channels / 4 * 4;

    for (int32_t i = 0; i < out->rows; i++) {
        int8_t *row = patchc_out_row(out, i);

        for (int32_t c = 0; c < whole; c += 4) {
            finish_four(row + c, sum + c, c, out->cols, channels, params);
        }
        for (int32_t c = 0; c < channels; c++) {
            if (c >= whole || params->form[c].factor < 0) {
                finish_one(row + c, sum + c, c, out->cols, channels, params);
            }
        }
        sum += out->cols * channels;
    }
}
