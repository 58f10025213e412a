/* Convolution with any window, stride, dilation and number of groups. */
#include "patchc_requant.h"

/* What the channels of one output pixel share. */
typedef struct {
    const patchc_in *in;
    const patchc_conv_params *params;
    patchc_taps rows, cols; /* inside the view */
    int32_t depth;          /* input channels of a group */
} position;

/* The taps inside the view. Without groups and dilation those of a row are one run of bytes. */
static void add_inside(int32_t sum[4], int32_t lanes, const int8_t *weights, int32_t channel,
                       const position *at)
{
    const patchc_window *window = &at->params->window;
    int32_t channels = at->in->channels;
    int32_t count = at->cols.end - at->cols.begin;
    int32_t column = at->cols.first + at->cols.begin * window->dilation_w;
    int32_t run = at->depth, runs = count;

    if (count == 0) {
        return;
    }
    if (at->depth == channels && window->dilation_w == 1) {
        run = at->depth * count;
        runs = 1;
    }
    for (int32_t y = at->rows.begin; y < at->rows.end; y++) {
        const int8_t *in = patchc_in_row(at->in, at->rows.first + y * window->dilation_h);
        const int8_t *w = weights
                          + (y * window->kernel_w + at->cols.begin) * at->depth * lanes;

        in += column * channels + channel;
        for (int32_t x = 0; x < runs; x++) {
            patchc_dot(sum, lanes, in + x * window->dilation_w * channels, w + x * run * lanes,
                       run);
        }
    }
}

/* The taps outside. The zero point is taken off the input of every tap by the offset, so that a
 * padded tap must add the zero point times its weights. */
static void add_padding(int32_t sum[4], int32_t lanes, const int8_t *weights, const position *at)
{
    const patchc_window *window = &at->params->window;
    int32_t pad = at->params->pad_value;

    for (int32_t y = 0; y < window->kernel_h; y++) {
        for (int32_t x = 0; x < window->kernel_w; x++) {
            if (y >= at->rows.begin && y < at->rows.end && x >= at->cols.begin
                && x < at->cols.end) {
                weights += at->depth * lanes;
                continue;
            }
            for (int32_t d = 0; d < at->depth; d++) {
                for (int32_t k = 0; k < lanes; k++) {
                    sum[k] += pad * *weights++;
                }
            }
        }
    }
}

static void compute_pixel(int8_t *out, int32_t group_out, const position *at)
{
    const patchc_conv_params *params = at->params;
    const patchc_window *window = &params->window;
    const int8_t *weights = params->weights;
    int32_t taps = window->kernel_h * window->kernel_w * at->depth;
    int padded = params->pad_value != 0
                 && (at->rows.begin > 0 || at->rows.end < window->kernel_h || at->cols.begin > 0
                     || at->cols.end < window->kernel_w);

    for (int32_t group = 0; group < params->groups; group++) {
        int32_t lanes;

        for (int32_t c = 0; c < group_out; c += lanes) {
            int32_t sum[4] = {0, 0, 0, 0};

            lanes = group_out - c >= 4 ? 4 : 1;
            add_inside(sum, lanes, weights, group * at->depth, at);
            if (padded) {
                add_padding(sum, lanes, weights, at);
            }
            patchc_store(out, sum, lanes, group * group_out + c, params);
            weights += taps * lanes;
        }
    }
}

void patchc_conv2d(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                   const patchc_conv_params *params)
{
    const patchc_window *window = &params->window;
    int32_t group_out = out->channels / params->groups;
    position at;

    at.in = in;
    at.params = params;
    at.depth = in->channels / params->groups;
    PATCHC_MACS(out->rows * out->cols,
                out->channels * window->kernel_h * window->kernel_w * at.depth);
    for (int32_t i = 0; i < out->rows; i++) {
        int8_t *pixel = patchc_out_row(out, i);

        at.rows = patchc_clip(i * window->stride_h - pads->top, window->kernel_h,
                              window->dilation_h, in->rows);
        for (int32_t j = 0; j < out->cols; j++) {
            at.cols = patchc_clip(j * window->stride_w - pads->left, window->kernel_w,
                                  window->dilation_w, in->cols);
            compute_pixel(pixel, group_out, &at);
            pixel += out->channels;
        }
    }
}
