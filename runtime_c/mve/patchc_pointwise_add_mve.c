/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* The products of some input channels with their weights, added to the sums of every pixel: four
 * channels and up to 16 inputs at a time. */
#include "patchc_mve.h"

#include "patchc_kernels_mve.h"

/* A row of pixels, in the order in which the assembly loads it. */
typedef struct {
    const int8_t *in; /* of the first pixel */
    int32_t in_step;  /* bytes to the next one */
    int32_t *sums;
    int32_t sums_step;
    int32_t pixels;
    const int8_t *weights; /* of four channels */
    int32_t row;           /* bytes from those of one channel to the next */
    int32_t taps;          /* of each, up to 16 */
} four_channels;

#if PATCHC_ASSEMBLY

static void add_four(const four_channels *at)
{
    register const four_channels *start __asm__("r12") = at;

    __asm__ volatile("ldrd     r1, r9, [r12, #20]\n\t"
                     "ldr      r2, [r12, #28]\n\t"
                     "add      r3, r1, r9\n\t"
                     "add      r5, r1, r9, lsl #1\n\t"
                     "add      r7, r3, r9, lsl #1\n\t"
                     "vctp.8   r2\n\t"
                     "vpstttt\n\t"
                     "vldrbt.u8 q0, [r1]\n\t"
                     "vldrbt.u8 q1, [r3]\n\t"
                     "vldrbt.u8 q2, [r5]\n\t"
                     "vldrbt.u8 q3, [r7]\n\t"
                     "ldm      r12, {r1, r3, r5, r7, lr}\n\t"
                     "dls      lr, lr\n"
                     "1:\n\t"
                     "vpst\n\t"
                     "vldrbt.u8 q4, [r1]\n\t"
                     "add      r1, r1, r3\n\t"
                     "vldrw.32 q5, [r5]\n\t"
                     "vmladav.s8 r0, q0, q4\n\t"
                     "vmladav.s8 r2, q1, q4\n\t"
                     "vmladav.s8 r4, q2, q4\n\t"
                     "vmladav.s8 r6, q3, q4\n\t"
                     "vmov     q4[2], q4[0], r0, r4\n\t"
                     "vmov     q4[3], q4[1], r2, r6\n\t"
                     "vadd.i32 q5, q5, q4\n\t"
                     "vstrw.32 q5, [r5]\n\t"
                     "add      r5, r5, r7\n\t"
                     "le       lr, 1b"
                     : "+r"(start)
                     :
                     : "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r9", "lr", "cc", "memory",
                       "q0", "q1", "q2", "q3", "q4", "q5");
}

#else

static void add_four(const four_channels *at)
{
    for (int32_t j = 0; j < at->pixels; j++) {
        const int8_t *in = at->in + j * at->in_step;
        int32_t *sum = at->sums + j * (at->sums_step / 4);

        for (int32_t k = 0; k < 4; k++) {
            sum[k] += patchc_dot_bytes(in, at->weights + k * at->row, at->taps);
        }
    }
}

#endif

/* The channels that are left over. */
static void add_rest(int32_t *sums, const int8_t *in, int32_t pixels, int32_t c_out, int32_t c_in,
                     const int8_t *weights)
{
    for (int32_t c = c_out / 4 * 4; c < c_out; c++) {
        for (int32_t j = 0; j < pixels; j++) {
            sums[j * c_out + c] += patchc_dot_bytes(in + j * c_in, weights + c * c_in, c_in);
        }
    }
}

void patchc_pointwise_add_mve(const patchc_sums *sums, const patchc_in *in,
                              const patchc_conv_params *params)
{
    int32_t c_in = in->channels, c_out = sums->channels;
    int32_t *row = sums->data;

    PATCHC_MACS(in->rows * in->cols, c_out * c_in);
    for (int32_t i = 0; i < in->rows; i++) {
        const int8_t *from = patchc_in_row(in, i);

        for (int32_t c = 0; c < c_out - 3; c += 4) {
            for (int32_t k = 0; k < c_in; k += 16) {
                const four_channels at = {from + k,
                                          c_in,
                                          row + c,
                                          4 * c_out,
                                          in->cols,
                                          params->weights + c * c_in + k,
                                          c_in,
                                          c_in - k < 16 ? c_in - k : 16};

                add_four(&at);
            }
        }
        add_rest(row, from, in->cols, c_out, c_in, params->weights);
        row += in->cols * c_out;
    }
}
