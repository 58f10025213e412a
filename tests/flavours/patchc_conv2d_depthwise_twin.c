/* A depthwise convolution that asks for its rows one behind the other. */
#include "patchc_requant.h"
#include "patchc_twin.h"

void patchc_conv2d_depthwise_twin(const patchc_out *out, const patchc_in *in,
                                  const patchc_pads *pads, const patchc_conv_params *params)
{
    const patchc_window *window = &params->window;
    const int8_t *first = in->data + in->slot * in->pitch;
    int32_t channels = out->channels;

    PATCHC_MACS(out->rows * out->cols, channels * window->kernel_h * window->kernel_w);
    for (int32_t i = 0; i < out->rows; i++) {
        int8_t *pixel = patchc_out_row(out, i);

        for (int32_t j = 0; j < out->cols; j++) {
            const int8_t *weights = params->weights;

            for (int32_t c = 0; c < channels; c++) {
                int32_t sum = 0;

                for (int32_t y = 0; y < window->kernel_h; y++) {
                    int32_t row = i * window->stride_h + y * window->dilation_h - pads->top;

                    for (int32_t x = 0; x < window->kernel_w; x++) {
                        int32_t col = j * window->stride_w + x * window->dilation_w - pads->left;
                        int inside = row >= 0 && row < in->rows && col >= 0 && col < in->cols;
                        int32_t value = inside ? first[row * in->pitch + col * in->channels + c]
                                               : params->pad_value;

                        sum += value * *weights++;
                    }
                }
                patchc_store(pixel, &sum, 1, c, params);
            }
            pixel += channels;
        }
    }
}
