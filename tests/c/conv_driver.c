/* Runs calls of the convolutions in runtime_c/dsp and runtime_c/mve, or of the portable ones, or with
 * -DNARROW of the narrow ones in place of these: program IN OUT.
 *
 * On the host, under sanitizers, and on a core, where newlib reads and writes the host's files. IN
 * holds records as tests/c/conv_calls.py writes them, OUT what each call leaves of its output's
 * memory. Blocks are as large as what a call may touch. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "patchc_kernels_dsp.h"
#include "patchc_kernels_mve.h"

#ifdef NARROW
#include "patchc_narrow.h"
#define NAMED(kernel) kernel##_narrow
#else
#define NAMED(kernel) kernel
#endif

typedef struct {
    int32_t flavour; /* of those below */
    int32_t kernel;  /* 4: pointwise in parts */
    int32_t part;   /* input channels at a time; each part is a map of its own */
    int32_t shared; /* 1: the output lies in the input's memory */
    int32_t in_bytes, out_bytes;
    int32_t in_skew, out_skew; /* bytes in front, which make addresses odd */
    int32_t in[6], out[6];     /* pitch, slots, slot, rows, cols, channels */
    int32_t pads[4];
    int32_t window[6];
    int32_t pixels, pad_value, zero_point, lo, hi;
    int32_t weight_bytes, channels, rare_count, scratch_bytes;
} record;

enum { PLAIN, DSP, MVE }; /* the flavours, as in tests/c/conv_calls.py */

typedef void dsp_kernel(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                        int8_t *scratch, const patchc_conv_dsp_params *params);

static dsp_kernel *const dsp_kernels[] = {
    patchc_conv2d_pointwise_dsp,
    patchc_conv2d_dsp,
    0, /* patchc_dense_dsp works in no scratch memory */
    patchc_conv2d_depthwise_dsp,
};

typedef void portable_kernel(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                             const patchc_conv_params *params);

static portable_kernel *const portable_kernels[] = {
    NAMED(patchc_conv2d_pointwise),
    NAMED(patchc_conv2d),
    NAMED(patchc_dense),
    NAMED(patchc_conv2d_depthwise),
};

typedef void mve_kernel(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                        int8_t *scratch, const patchc_conv_params *params);

static mve_kernel *const mve_kernels[] = {
    patchc_conv2d_pointwise_mve,
    patchc_conv2d_mve,
    0, /* patchc_dense_mve works in no scratch memory */
    patchc_conv2d_depthwise_mve,
};

static void stop(const char *text)
{
    fprintf(stderr, "%s\n", text);
    exit(2);
}

static void *block(int32_t bytes)
{
    void *found = malloc(bytes > 0 ? (size_t)bytes : 1);

    if (found == NULL) {
        stop("no memory left");
    }
    return found;
}

static void *filled(FILE *file, int32_t bytes, int32_t skew)
{
    char *found = block(bytes + skew);

    if (bytes > 0 && fread(found + skew, 1, (size_t)bytes, file) != (size_t)bytes) {
        stop("IN is too short");
    }
    return found;
}

/* Weights, and inputs in rows without gaps, part by part. */
static void run_parts(const record *at, const patchc_out *out, const patchc_in *in,
                      int8_t *scratch, const patchc_conv_dsp_params *dsp,
                      const patchc_conv_params *plain)
{
    int32_t pixels = in->rows * in->cols, c_out = out->channels, count;
    patchc_sums sums = {block(4 * pixels * c_out), pixels, c_out};
    patchc_in part = *in;

    memset(sums.data, 0, (size_t)(4 * pixels * c_out));
    for (int32_t done = 0; done < in->channels; done += count) {
        patchc_conv_dsp_params dsp_part = *dsp;
        patchc_conv_params plain_part = *plain;

        count = in->channels - done < at->part ? in->channels - done : at->part;
        part.channels = count;
        part.pitch = part.cols * count;
        if (at->flavour == DSP) {
            dsp_part.weights += c_out * (done / at->part) * ((at->part + 3) / 4 * 4);
            patchc_pointwise_add_dsp(&sums, &part, scratch, &dsp_part);
        } else {
            plain_part.weights += c_out * done;
            (at->flavour == MVE ? patchc_pointwise_add_mve : patchc_pointwise_add)(&sums, &part,
                                                                                   &plain_part);
        }
        part.data += pixels * count;
    }
    if (at->flavour == DSP) {
        patchc_pointwise_finish_dsp(out, &sums, dsp);
    } else {
        (at->flavour == MVE ? patchc_pointwise_finish_mve : patchc_pointwise_finish)(out, &sums,
                                                                                     plain);
    }
    free(sums.data);
}

static void run(FILE *source, FILE *sink, const record *at)
{
    const int32_t *in = at->in, *out = at->out, *w = at->window;
    int8_t *input = filled(source, at->in_bytes, at->in_skew);
    int8_t *output = input + at->out_skew;
    int8_t *own = NULL;
    int8_t *weights = filled(source, at->weight_bytes, 0);
    patchc_form *form = filled(source, 8 * at->channels, 0);
    patchc_rare *rare = filled(source, (int32_t)sizeof(patchc_rare) * at->rare_count, 0);
    int8_t *scratch = block(at->scratch_bytes);
    const patchc_pads pads = {at->pads[0], at->pads[1], at->pads[2], at->pads[3]};
    patchc_conv_dsp_params params;
    patchc_conv_params plain;
    patchc_in from;
    patchc_out to;

    if (!at->shared) {
        own = block(at->out_bytes + at->out_skew);
        output = own + at->out_skew;
        memset(output, 0x55, (size_t)at->out_bytes);
    }
    from = (patchc_in){input + at->in_skew, in[0], in[1], in[2], in[3], in[4], in[5]};
    to = (patchc_out){output, out[0], out[1], out[2], out[3], out[4], out[5]};
    params.window = (patchc_window){(uint16_t)w[0], (uint16_t)w[1], (uint16_t)w[2],
                                    (uint16_t)w[3], (uint16_t)w[4], (uint16_t)w[5]};
    params.weights = weights;
    params.form = form;
    params.rare = at->rare_count > 0 ? rare : NULL;
    params.pixels = (uint8_t)at->pixels;
    params.pad_value = (int8_t)at->pad_value;
    params.zero_point = (int8_t)at->zero_point;
    params.lo = (int8_t)at->lo;
    params.hi = (int8_t)at->hi;
    plain.window = params.window;
    plain.groups = at->kernel == 3 ? in[5] : 1;
    plain.weights = weights;
    plain.form = form;
    plain.rare = params.rare;
    plain.pad_value = params.pad_value;
    plain.zero_point = params.zero_point;
    plain.lo = params.lo;
    plain.hi = params.hi;
    plain.drop = PATCHC_DROP;
    if (at->kernel == 4) {
        run_parts(at, &to, &from, scratch, &params, &plain);
    } else if (at->flavour == PLAIN) {
        portable_kernels[at->kernel](&to, &from, &pads, &plain);
    } else if (at->flavour == MVE) {
        if (at->kernel == 2) {
            patchc_dense_mve(&to, &from, &pads, &plain);
        } else {
            mve_kernels[at->kernel](&to, &from, &pads, scratch, &plain);
        }
    } else if (at->kernel == 2) {
        patchc_dense_dsp(&to, &from, &pads, &params);
    } else {
        dsp_kernels[at->kernel](&to, &from, &pads, scratch, &params);
    }
    if (fwrite(output, 1, (size_t)at->out_bytes, sink) != (size_t)at->out_bytes) {
        stop("cannot write OUT");
    }
    free(own);
    free(scratch);
    free(rare);
    free(form);
    free(weights);
    free(input);
}

int main(int count, char **words)
{
    FILE *source, *sink;
    record at;

    if (count < 3) {
        stop("arguments: IN OUT");
    }
    source = fopen(words[1], "rb");
    sink = fopen(words[2], "wb");
    if (source == NULL || sink == NULL) {
        stop("cannot open IN or OUT");
    }
    while (fread(&at, sizeof at, 1, source) == 1) {
        run(source, sink, &at);
    }
    if (fclose(sink) != 0) {
        stop("cannot write OUT");
    }
    fclose(source);
    return 0;
}
