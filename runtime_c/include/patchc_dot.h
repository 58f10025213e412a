/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Sums of products: what the convolution kernels spend their time in. No sum leaves int32: the
 * compiler bounds the number of taps.
 */
#ifndef PATCHC_DOT_H
#define PATCHC_DOT_H

#include "patchc_requant.h"

/* Sums that are computed at once, of one pixel or two: four where the core has too few registers
 * for eight. */
#ifndef PATCHC_SUMS
#define PATCHC_SUMS 8
#endif
#define PATCHC_DOT_PIXELS (PATCHC_SUMS / 4)
#define PATCHC_TWO_PIXELS(pixels) (PATCHC_SUMS == 8 && (pixels) == 2)
#define PATCHC_EIGHT_CHANNELS(left) (PATCHC_SUMS == 8 && (left) >= 8)

/* A loop here becomes a call of memcpy or memset. */
static inline void patchc_set_4(int32_t sum[4], int32_t s0, int32_t s1, int32_t s2, int32_t s3)
{
    sum[0] = s0;
    sum[1] = s1;
    sum[2] = s2;
    sum[3] = s3;
}

/* sum[0 .. 3] += the dot products of `count` inputs with weights [count][4]. */
static inline void patchc_dot_4(int32_t sum[4], const int8_t *in, const int8_t *weights,
                                int32_t count)
{
    int32_t s0 = sum[0], s1 = sum[1], s2 = sum[2], s3 = sum[3];

    if (count % 2 != 0) {
        int32_t value = *in++;

        s0 += value * weights[0];
        s1 += value * weights[1];
        s2 += value * weights[2];
        s3 += value * weights[3];
        weights += 4;
    }
    for (const int8_t *end = in + count / 2 * 2; in != end; in += 2) {
        int32_t value = in[0];

        s0 += value * weights[0];
        s1 += value * weights[1];
        s2 += value * weights[2];
        s3 += value * weights[3];
        value = in[1];
        s0 += value * weights[4];
        s1 += value * weights[5];
        s2 += value * weights[6];
        s3 += value * weights[7];
        weights += 8;
    }
    patchc_set_4(sum, s0, s1, s2, s3);
}

/* In patchc_dot.c, the same of two pixels, the second one `next` bytes from the first: sum[0 .. 3]
 * and sum[4 .. 7]; and of one with weights [2][count][4]. */
void patchc_dot_4x2(int32_t sum[8], const int8_t *in, int32_t next, const int8_t *weights,
                    int32_t count);
void patchc_dot_8(int32_t sum[8], const int8_t *in, const int8_t *weights, int32_t count);

/* The dot product of `count` inputs with as many weights. */
static inline int32_t patchc_dot_1(const int8_t *in, const int8_t *weights, int32_t count)
{
    int32_t sum = 0;

    for (const int8_t *end = in + count; in != end; in++) {
        sum += (int32_t)*in * *weights++;
    }
    return sum;
}

/* Have two runs of bytes none in common? */
static inline int patchc_apart(const int8_t *a, int32_t a_bytes, const int8_t *b, int32_t b_bytes)
{
    uintptr_t first = (uintptr_t)(const void *)a, second = (uintptr_t)(const void *)b;

    return first >= second + (uint32_t)b_bytes || second >= first + (uint32_t)a_bytes;
}

/* A channel of a pixel, by its line if it has one. */
static inline void patchc_store_1(int8_t *out, int32_t sum, patchc_form form,
                                  const patchc_conv_params *params)
{
    if (form.factor >= 0) {
        *out = patchc_line_int8(sum, form);
    } else {
        *out = patchc_clamp(
            patchc_rare_value(sum, params->rare + ~form.factor, params->zero_point), -128, 127);
    }
}

/* Channels c .. c + 3 of a pixel, which patchc_limit is to follow. */
static inline void patchc_store_4(int8_t *out, const int32_t sum[4], int32_t c,
                                  const patchc_conv_params *params)
{
    const patchc_form *form = params->form + c;

    patchc_store_1(out + c, sum[0], form[0], params);
    patchc_store_1(out + c + 1, sum[1], form[1], params);
    patchc_store_1(out + c + 2, sum[2], form[2], params);
    patchc_store_1(out + c + 3, sum[3], form[3], params);
}

/* In patchc_channels.c, the output channels of one pixel, or of two neighbours, from `taps` inputs of
 * each, those of the second behind those of the first. */
void patchc_channels(int8_t *to, const int8_t *from, int32_t pixels, int32_t taps, int32_t c_out,
                    const patchc_conv_params *params);

#endif
