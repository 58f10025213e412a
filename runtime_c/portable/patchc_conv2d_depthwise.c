/* Convolution with one input channel per output channel, any channel multiplier. */
#include "patchc_requant.h"

/* What the channels of one output pixel share. */
typedef struct {
    const patchc_in *in;
    const patchc_conv_params *params;
    patchc_taps rows, cols; /* inside the view */
    int32_t c_out;
} position;

/* The taps inside the view, of `lanes` neighbouring channels (4 or 1). */
static void add_inside(int32_t sum[4], int32_t lanes, int32_t c_out, int32_t c_in,
                       const position *at)
{
    const patchc_window *window = &at->params->window;
    int32_t column = at->cols.first + at->cols.begin * window->dilation_w;
    int32_t step = window->dilation_w * at->in->channels;
    int32_t count = at->cols.end - at->cols.begin;
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;

    for (int32_t y = at->rows.begin; count > 0 && y < at->rows.end; y++) {
        const int8_t *in = patchc_in_row(at->in, at->rows.first + y * window->dilation_h)
                           + column * at->in->channels + c_in;
        const int8_t *w = at->params->weights
                          + (y * window->kernel_w + at->cols.begin) * at->c_out + c_out;

        for (int32_t x = 0; x < count; x++) {
            const int8_t *value = in + x * step;

            s0 += (int32_t)value[0] * w[0];
            if (lanes == 4) {
                s1 += (int32_t)value[1] * w[1];
                s2 += (int32_t)value[2] * w[2];
                s3 += (int32_t)value[3] * w[3];
            }
            w += at->c_out;
        }
    }
    sum[0] = s0;
    sum[1] = s1;
    sum[2] = s2;
    sum[3] = s3;
}

/* The taps outside. The zero point is taken off the input of every tap by the offset, so that a
 * padded tap must add the zero point times its weight. */
static void add_padding(int32_t sum[4], int32_t lanes, int32_t c_out, const position *at)
{
    const patchc_window *window = &at->params->window;
    const int8_t *w = at->params->weights + c_out;
    int32_t pad = at->params->pad_value;

    for (int32_t y = 0; y < window->kernel_h; y++) {
        for (int32_t x = 0; x < window->kernel_w; x++) {
            if (y < at->rows.begin || y >= at->rows.end || x < at->cols.begin
                || x >= at->cols.end) {
                for (int32_t k = 0; k < lanes; k++) {
                    sum[k] += pad * w[k];
                }
            }
            w += at->c_out;
        }
    }
}

static void compute_pixel(int8_t *out, int32_t multiplier, const position *at)
{
    const patchc_window *window = &at->params->window;
    int padded = at->params->pad_value != 0
                 && (at->rows.begin > 0 || at->rows.end < window->kernel_h || at->cols.begin > 0
                     || at->cols.end < window->kernel_w);
    int32_t c_in = 0, copies = 0; /* copies: output channels of c_in done so far */
    int32_t lanes;

    for (int32_t c = 0; c < at->c_out; c += lanes) {
        int32_t sum[4];

        if (multiplier == 1 && at->c_out - c >= 4) {
            lanes = 4;
            add_inside(sum, 4, c, c, at);
        } else {
            lanes = 1;
            add_inside(sum, 1, c, multiplier == 1 ? c : c_in, at);
            if (++copies == multiplier) {
                copies = 0;
                c_in++;
            }
        }
        if (padded) {
            add_padding(sum, lanes, c, at);
        }
        patchc_store(out, sum, lanes, c, at->params);
    }
}

void patchc_conv2d_depthwise(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                             const patchc_conv_params *params)
{
    const patchc_window *window = &params->window;
    int32_t multiplier = out->channels / in->channels;
    position at;

    at.in = in;
    at.params = params;
    at.c_out = out->channels;
    PATCHC_MACS(out->rows * out->cols, out->channels * window->kernel_h * window->kernel_w);
    for (int32_t i = 0; i < out->rows; i++) {
        int8_t *pixel = patchc_out_row(out, i);

        at.rows = patchc_clip(i * window->stride_h - pads->top, window->kernel_h,
                              window->dilation_h, in->rows);
        for (int32_t j = 0; j < out->cols; j++) {
            at.cols = patchc_clip(j * window->stride_w - pads->left, window->kernel_w,
                                  window->dilation_w, in->cols);
            compute_pixel(pixel, multiplier, &at);
            pixel += out->channels;
        }
    }
}
