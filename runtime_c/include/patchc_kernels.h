/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* patchc runtime: views, and the kernels that compute on them.
 *
 * Maps are int8 in NHWC order, batch 1. A view is a rectangle of a map as it lies in memory: the
 * rows may sit in a ring (row i of the view is in slot (slot + i) modulo slots), the columns are
 * contiguous within a slot. A kernel computes the whole of its output view from an input view that
 * holds exactly the rows and columns that it needs of the map; what the window reaches beyond the
 * map itself is given as pads, so one kernel serves layer by layer, stripes and row streaming.
 *
 * Output pixel (i, j), tap (y, x) reads row i * stride_h + y * dilation_h - pads.top and column
 * j * stride_w + x * dilation_w - pads.left of the input view; outside the view it reads padding.
 *
 * Kernels write nothing but their output view or their sums, keep no state, use no floating point,
 * no heap and no recursion. patchc/kernels/registry.py says in which order each reads and writes.
 * Pointers may alias as declared there, hence no `restrict`.
 */
#ifndef PATCHC_KERNELS_H
#define PATCHC_KERNELS_H

#include <stdint.h>

#include "patchc_names.h"

typedef struct {
    const int8_t *data; /* slot 0, first column of the view, channel 0 */
    int32_t pitch;      /* bytes from one slot to the next */
    int32_t slots;      /* slots in the ring */
    int32_t slot;       /* slot of the view's first row */
    int32_t rows;       /* of the view, <= slots */
    int32_t cols;
    int32_t channels;
} patchc_in;

typedef struct {
    int8_t *data;
    int32_t pitch;
    int32_t slots;
    int32_t slot;
    int32_t rows;
    int32_t cols;
    int32_t channels;
} patchc_out;

/* int32 sums under construction, one per output value: pixels x channels, packed. */
typedef struct {
    int32_t *data;
    int32_t pixels;
    int32_t channels;
} patchc_sums;

typedef struct {
    int32_t top;
    int32_t left;
    int32_t bottom;
    int32_t right;
} patchc_pads;

typedef struct {
    uint16_t kernel_h, kernel_w;
    uint16_t stride_h, stride_w;
    uint16_t dilation_h, dilation_w;
} patchc_window;

/* Requantisation of one output channel, from its sum of inputs times weights, or of inputs: a line
 * (patchc_requant.h), bias and zero points in it. factor < 0: it has none, and rare[~factor] has the
 * constants. */
typedef struct {
    int32_t factor;
    int32_t offset;
} patchc_form;

/* The float32 factor mantissa * 2^-shift, with 2^23 <= mantissa < 2^24; or 0, with shift 127. */
typedef struct {
    uint32_t mantissa;
    int32_t shift;
} patchc_scale;

/* A channel without a line: see patchc_rare.h. */
typedef struct {
    int32_t bias;                /* minus input zero point * sum of weights, wrapped */
    patchc_scale scale;
    uint8_t lift;                /* no accumulator, shifted left by it, leaves int32 */
    uint8_t drop;                /* bits of that product behind the point, or 0 */
} patchc_rare;

typedef struct {
    patchc_window window;
    int32_t groups;              /* of input channels; equals them in a depthwise layer */
    const int8_t *weights;       /* layout: see the kernel */
    const patchc_form *form;     /* [c_out] */
    const patchc_rare *rare;     /* null: every channel has a line */
    int8_t pad_value;            /* the input's zero point */
    int8_t zero_point;           /* of the output */
    int8_t lo, hi;               /* range of the output */
    uint8_t drop;                /* of the lines; 10 but in narrow kernels */
} patchc_conv_params;

/* "Fours" means: the output channels (of each group) in blocks of four, interleaved, so that one
 * input value meets four neighbouring weights: [c_out / 4][taps][4]; then those left over, one
 * after the other: [c_out % 4][taps].
 *
 * patchc_conv2d:           taps [kernel_h][kernel_w][c_in / groups], in fours, group by group
 * patchc_conv2d_pointwise: taps [c_in], in fours; 1x1, stride 1, no pads
 * patchc_conv2d_depthwise: taps [kernel_h][kernel_w], in fours; output channel c reads input channel
 *                          c / (c_out / groups)
 * patchc_dense:            taps [rows][cols][c_in], in fours; a window over the whole view */
void patchc_conv2d(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                   const patchc_conv_params *params);
void patchc_conv2d_pointwise(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                             const patchc_conv_params *params);
void patchc_conv2d_depthwise(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                             const patchc_conv_params *params);
void patchc_dense(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                  const patchc_conv_params *params);

/* A pointwise convolution in two halves, for input channels that exist a few at a time. `in` has as
 * many channels as `params->weights` has taps: [c_in of this part], in fours. Sums start at 0;
 * `finish` makes int8 of them, once all parts are in. */
void patchc_pointwise_add(const patchc_sums *sums, const patchc_in *in,
                          const patchc_conv_params *params);
void patchc_pointwise_finish(const patchc_out *out, const patchc_sums *sums,
                             const patchc_conv_params *params);

/* A convolution whose int32 sums are the output: the output view has PATCHC_SUM_BYTES channels for
 * each of its channels, the bytes of a sum from the lowest on. Sums wrap. */
enum { PATCHC_SUM_BYTES = 4 };

typedef struct {
    patchc_window window;
    int32_t groups;
    const int8_t *weights;       /* [c_out][kernel_h][kernel_w][c_in / groups] */
    const int32_t *offsets;      /* [c_out]: bias minus input zero point * sum of weights */
    int8_t pad_value;            /* the input's zero point */
} patchc_conv_sums_params;

void patchc_conv_sums(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                      const patchc_conv_sums_params *params);

/* The kernels of two operands are given `b` as a map of the output's shape, or of one pixel that
 * meets every pixel, with all channels or one that meets every channel; or b is null, and
 * `constant` in the parameters, [channels], is in its place.
 *
 * Most results are far from a tie, where a sum in 32-bit fixed point gives the nearest integer. It
 * has `bits` fractional bits; `constant` holds, beside what the operator adds, one half and a guard,
 * so that the sum of what lies close to a tie is less than two guards, a power of two, above an
 * integer: those fractional bits that are in `mask` are all zero. Then the exact way is taken; so is
 * it by everything if `mask` is 0. */
typedef struct {
    uint32_t constant;
    uint32_t mask;
    int32_t bits;
} patchc_near;

/* QLinearAdd: rint(fma(a, ra, fma(b, rb, F))), clamped; each fma rounds to float32. With `frac`
 * fractional bits ra, rb and F are integers: a_factor = ra * 2^frac and so on. In a uint8 model
 * all values are 128 larger, which matters to rounding: offset. */
typedef struct {
    int64_t a_factor, b_factor, sum_constant;
    int32_t frac;
    int32_t near_a, near_b;
    patchc_near near;
    const int8_t *constant;
    int8_t swap;              /* 1: the formula's `a` is the kernel's b */
    int16_t offset;           /* 128: round as on uint8; else 0 */
    int8_t lo, hi;
} patchc_add_params;

void patchc_add(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                const patchc_add_params *params);

/* QLinearMul: rint(float32((a - za) * (b - zb)) * r + z), clamped; product and sum round to float32.
 * r = factor * 2^-frac. */
typedef struct {
    int32_t factor;
    int32_t frac;
    int32_t near_factor;
    patchc_near near;
    const int8_t *constant;
    int8_t a_zero_point, b_zero_point;
    int16_t zero_point;       /* of the output, plus offset */
    int16_t offset;           /* 128: round as on uint8; else 0 */
    int8_t lo, hi;
} patchc_mul_params;

void patchc_mul(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                const patchc_mul_params *params);

/* rint(((a - za) * sa - (b - zb) * sb) / s) + z, clamped; every operation rounds to float32. */
typedef struct {
    uint32_t a_scale, b_scale; /* float32 bit patterns */
    uint32_t out_scale;
    int32_t near_a, near_b;
    patchc_near near;
    const int8_t *constant;
    int8_t swap;               /* 1: the formula's `a` is the kernel's b */
    int8_t a_zero_point, b_zero_point;
    int8_t zero_point;
    int8_t lo, hi;
} patchc_sub_params;

void patchc_sub(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                const patchc_sub_params *params);

/* Of (a - za) * sa and (b - zb) * sb the larger or the smaller, quantised and clamped: which both are
 * before they are compared, by tables of 256 entries, indexed by value + 128. */
typedef struct {
    const int8_t *tables;     /* of a, then of b; null: the bytes are compared as they are */
    int32_t b_table_at;       /* 256; or 0: one table is that of both */
    const int8_t *constant;
    int8_t least;             /* 1: the smaller */
} patchc_extremum_params;

void patchc_extremum(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                     const patchc_extremum_params *params);

/* Maps side by side along the channels, `in[0] .. in[count - 1]`. A table has 256 entries, indexed
 * by value + 128; an input without one is copied. `background` is a pixel of the output, for the
 * channels that no input covers. */
typedef struct {
    int32_t count;
    const int32_t *starts;    /* [count]: the output channel where an input begins */
    const int32_t *tables_at; /* [count]: where its table begins in `tables`; -1: it has none */
    const int8_t *tables;     /* null: there is none */
    const int8_t *background; /* [channels]; null: the inputs cover all channels */
} patchc_concat_params;

void patchc_concat(const patchc_out *out, const patchc_in *const *in,
                   const patchc_concat_params *params);

typedef struct {
    patchc_window window;
    int8_t lo, hi;
} patchc_pool_params;

void patchc_max_pool(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                     const patchc_pool_params *params);

/* QLinearAveragePool in emulated float32 (patchc_softfloat.h). */
typedef struct {
    patchc_window window;
    int32_t divisor;          /* kernel_h * kernel_w, or 0: the taps inside the map */
    uint32_t in_scale;        /* float32 bit patterns */
    uint32_t out_scale;
    int8_t in_zero_point;
    int16_t out_zero_point;   /* plus offset */
    int16_t offset;           /* 128: round as on uint8; else 0 */
    int8_t lo, hi;
} patchc_average_params;

void patchc_average_pool(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                         const patchc_average_params *params);

typedef struct {
    patchc_form form;
    const patchc_rare *rare;  /* null, or what form has no line for */
    int8_t zero_point;
    int8_t lo, hi;
} patchc_global_params;

void patchc_global_average_pool(const patchc_out *out, const patchc_in *in,
                                const patchc_pads *pads, const patchc_global_params *params);

/* The same mean in two halves, for a map that arrives piece by piece: `add` takes the pixels of a
 * piece into the sums of one pixel, which start at 0; `finish` makes the output pixel of them. */
void patchc_mean_add(const patchc_sums *sums, const patchc_in *in);
void patchc_mean_finish(const patchc_out *out, const patchc_sums *sums,
                        const patchc_global_params *params);

typedef struct {
    uint16_t up_h, up_w;
} patchc_upsample_params;

/* Every pixel up_h x up_w times: output pixel (i, j) is pixel ((i - pads.top) / up_h,
 * (j - pads.left) / up_w) of the input view. The pads are negative where the output view does not
 * start with the first copy of a row or column, or end with the last. */
void patchc_upsample(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                     const patchc_upsample_params *params);

/* The channels of a pixel spread over a block of up_h x up_w pixels: position p of the block takes
 * input channels p * position_step + k * channel_step, k = 0, 1, ... The pads as above. */
typedef struct {
    patchc_upsample_params up;
    int32_t position_step, channel_step;
} patchc_depth_to_space_params;

void patchc_depth_to_space(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                           const patchc_depth_to_space_params *params);

/* One axis of a resize. Position i of the output map lies between positions first[i] and second[i]
 * of the input map, two neighbours or one; both ascend. Their shares are floats: pair kinds[i]. */
typedef struct {
    int32_t count;            /* positions of the output map */
    const uint16_t *first;    /* [count] */
    const uint16_t *second;   /* [count]; null: the same as first, and nothing below is used */
    const uint16_t *kinds;    /* [count] */
    const uint32_t *shares;   /* [kinds][2]: of first and second, float32 bit patterns; or null */
    const uint16_t *parts;    /* [kinds][2]: the same as multiples of one power of two; or null */
    const int32_t *near;      /* [kinds][2]: in fixed point, see patchc_resize_linear_params */
} patchc_line;

static inline int32_t patchc_line_second(const patchc_line *line, int32_t i)
{
    return line->second != 0 ? line->second[i] : line->first[i];
}

/* Each output pixel is one of the input. pads->top and pads->left are minus the rows and columns of
 * the output map that lie before the view. */
typedef struct {
    patchc_line rows, cols;
} patchc_resize_nearest_params;

void patchc_resize_nearest(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                           const patchc_resize_nearest_params *params);

/* Four neighbours x, each dequantised and times the product of its row's and its column's share,
 * added in raster order, quantised; every operation rounds to float32. In fixed point a column's
 * share has 30 fractional bits, a row's is times in_scale / out_scale and has near.bits of them.
 * Near a tie the sum is rounded as onnxruntime rounds it: in integers where the shares are `parts`,
 * with so many of them to 2^apart of out_scale's last bit, else in emulated float32. The pads as
 * above. */
typedef struct {
    patchc_line rows, cols;
    uint32_t in_scale;        /* float32 bit patterns */
    uint32_t out_scale;
    patchc_near near;
    int8_t apart;
    int8_t signal;            /* 1: in the last channel the four, halved, are added twice */
    int8_t in_zero_point, zero_point;
    int8_t lo, hi;
} patchc_resize_linear_params;

void patchc_resize_linear(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                          const patchc_resize_linear_params *params);

/* Copies of values in a window, which lies inside the map: crops, permutations of channels, space
 * to depth. An output pixel is `count` runs of bytes, one behind the other; run n is lengths[n]
 * bytes from byte places[n] on, counted from the window's first column, of its row rows[n]. */
typedef struct {
    patchc_window window;
    int32_t count;
    const uint16_t *rows;     /* [count] */
    const uint16_t *places;   /* [count] */
    const uint16_t *lengths;  /* [count] */
} patchc_rearrange_params;

void patchc_rearrange(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                      const patchc_rearrange_params *params);

/* All values of a map, which lies in memory without gaps, in another order. A row of the output is a
 * number of so many digits, the outermost first, and so is a column and a channel; the value at a
 * place is the one whose offset in the map is the sum of all digits times their steps. pads->top and
 * pads->left are minus the rows and columns of the output map that lie before the view. */
typedef struct {
    const int32_t *rows;      /* [2 * row_digits]: count and step of each; null: there is one row */
    const int32_t *cols;
    const int32_t *channels;
    int32_t row_digits, col_digits, channel_digits;
} patchc_permute_params;

void patchc_permute(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                    const patchc_permute_params *params);

/* QLinearMatMul: the channels of each pixel of `a` times the matrix that the row of `b` beside it is,
 * or its only row. The value of input k and output n is channel n of pixel k of b, or `transposed`
 * channel k of pixel n. */
typedef struct {
    patchc_global_params out;
    int8_t transposed;
    int8_t a_zero_point, b_zero_point;
} patchc_matmul_params;

void patchc_matmul(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                   const patchc_matmul_params *params);

/* QLinearSoftmax over the channels of each pixel, summed in emulated float32. Entry i of
 * `exponentials` is that of a value 255 - i below the pixel's largest, all of them larger by one
 * factor: 0, or the bits of a positive float32 with nine bits of exponent, no sign, and so much bias
 * that what is subnormal in a float32 looks like all others. */
typedef struct {
    const uint32_t *exponentials; /* [256] */
    uint32_t steps;               /* of the output from 0 to 1, below 2^30 */
    int8_t zero_point;
    int8_t lo, hi;
} patchc_softmax_params;

void patchc_softmax(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                    const patchc_softmax_params *params);

/* LayerNormalization over the channels of each pixel, or RMSNormalization where it is not
 * `centered`. The root is that of the sum of squares, widened, plus epsilon; a normalised value is
 * its quotient with 20 binary places, factors and offsets have `places`. An offset holds the
 * output's zero point and half a step. */
typedef struct {
    const int32_t *factors;   /* [channels] */
    const int32_t *offsets;   /* [channels] */
    uint64_t epsilon;         /* in units of the root's operand, below 2^52 with it */
    uint8_t widening;         /* bits */
    uint8_t drop;             /* bits of a product of numerator and inverse below a normalised value */
    uint8_t places;
    uint8_t centered;
    int8_t in_zero_point;
    int8_t lo, hi;
} patchc_layer_norm_params;

void patchc_layer_norm(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                       const patchc_layer_norm_params *params);

/* LocalResponseNormalization: a value times what the table has, with a line between two entries, for
 * the sum of the squares of its neighbours among the channels. */
typedef struct {
    const int32_t *table;     /* 2^bits entries for each power of two */
    int32_t behind, ahead;    /* neighbours of lower and of higher number */
    uint8_t bits;
    uint8_t places;           /* binary places of an entry */
    int8_t in_zero_point;
    int8_t zero_point;
    int8_t lo, hi;
} patchc_local_response_params;

void patchc_local_response(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                           const patchc_local_response_params *params);

typedef struct {
    const int8_t *table;      /* [256], indexed by value + 128; or [channels][256] */
} patchc_lut_params;

void patchc_lut(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                const patchc_lut_params *params);
void patchc_lut_placed(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                       const patchc_lut_params *params);
void patchc_lut_channels(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                         const patchc_lut_params *params);

/* ---- What the kernels share ---- */

#if defined(__GNUC__)
#define PATCHC_INLINE static inline __attribute__((always_inline, unused))
#define PATCHC_APART __attribute__((noinline))
#else
#define PATCHC_INLINE static inline
#define PATCHC_APART
#endif

/* Multiply-accumulates, padded taps included: counted in builds with -DPATCHC_COUNT_MACS, for which
 * test/host_main.c has the counter; nothing at all in others. */
#ifdef PATCHC_COUNT_MACS
extern uint64_t patchc_macs;
#define PATCHC_MACS(pixels, macs) (patchc_macs += (uint64_t)(pixels) * (uint64_t)(macs))
#else
#define PATCHC_MACS(pixels, macs) ((void)0)
#endif

static inline const int8_t *patchc_in_row(const patchc_in *view, int32_t row)
{
    int32_t slot = view->slot + row;

    if (slot >= view->slots) {
        slot -= view->slots;
    }
    return view->data + slot * view->pitch;
}

static inline int8_t *patchc_out_row(const patchc_out *view, int32_t row)
{
    int32_t slot = view->slot + row;

    if (slot >= view->slots) {
        slot -= view->slots;
    }
    return view->data + slot * view->pitch;
}

/* The taps of a window that lie in the view, along one axis: begin .. end - 1, perhaps none.
 * Tap t reads position first + t * dilation. */
typedef struct {
    int32_t first;
    int32_t begin, end;
} patchc_taps;

static inline patchc_taps patchc_clip(int32_t first, int32_t kernel, int32_t dilation,
                                      int32_t size)
{
    patchc_taps taps = {first, 0, kernel};

    if (first >= 0 && first + (kernel - 1) * dilation < size) {
        return taps; /* as nearly always */
    }
    while (taps.begin < kernel && first + taps.begin * dilation < 0) {
        taps.begin++;
    }
    while (taps.end > taps.begin && first + (taps.end - 1) * dilation >= size) {
        taps.end--;
    }
    return taps;
}

static inline int8_t patchc_clamp(int32_t value, int32_t lo, int32_t hi)
{
    return (int8_t)(value < lo ? lo : value > hi ? hi : value);
}

/* Values that fill all of int8, into a range that is seldom a smaller one. */
static inline void patchc_clamp_row(int8_t *row, int32_t count, int32_t lo, int32_t hi)
{
    if (lo > INT8_MIN || hi < INT8_MAX) {
        for (int32_t i = 0; i < count; i++) {
            row[i] = patchc_clamp(row[i], lo, hi);
        }
    }
}

/* Bits of `value`, which is not 0, up to its highest 1. */
static inline int32_t patchc_bit_length(uint32_t value)
{
#if defined(__GNUC__) && __SIZEOF_INT__ == 4 && !defined(PATCHC_NO_BUILTINS)
    return 32 - __builtin_clz(value);
#else
    int32_t bits = 1;

    for (int32_t step = 16; step > 0; step >>= 1) {
        if (value >> step != 0) {
            value >>= step;
            bits += step;
        }
    }
    return bits;
#endif
}

static inline int32_t patchc_bit_length64(uint64_t value)
{
    uint32_t high = (uint32_t)(value >> 32);

    return high != 0 ? 32 + patchc_bit_length(high) : patchc_bit_length((uint32_t)value);
}

/* value / 2^n to the nearest integer, ties to even; 1 <= n < bits of the type, and
 * value + 2^(n - 1) must fit. */
static inline uint32_t patchc_half_even(uint32_t value, int32_t n)
{
    return (value + ((UINT32_C(1) << (n - 1)) - 1) + ((value >> n) & 1)) >> n;
}

static inline uint64_t patchc_half_even64(uint64_t value, int32_t n)
{
    return (value + ((UINT64_C(1) << (n - 1)) - 1) + ((value >> n) & 1)) >> n;
}

/* rint of the float32 significand * 2^-shift, 2^23 <= significand <= 2^24. From 512 on, which
 * saturates any int8 whatever its zero point, it is 512. */
static inline int32_t patchc_rint(uint32_t significand, int32_t shift)
{
    if (shift >= 15 && shift <= 24) {
        return (int32_t)patchc_half_even(significand, shift);
    }
    /* beyond 24 bits at most one half is left, and a half goes to the even 0 */
    return shift < 15 ? 512 : 0;
}

#endif
