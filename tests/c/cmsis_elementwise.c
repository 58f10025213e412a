/* Stands in for the functions of CMSIS-NN that the package with its subset only declares: sums and
 * products, element by element, by the library's own requantisation. */
#include "arm_nnfunctions.h"
#include "arm_nnsupportfunctions.h"

static int8_t clipped(int32_t value, int32_t lo, int32_t hi)
{
    return (int8_t)(value < lo ? lo : value > hi ? hi : value);
}

arm_cmsis_nn_status arm_elementwise_add_s8(
    const int8_t *a, const int8_t *b, const int32_t a_offset, const int32_t a_mult,
    const int32_t a_shift, const int32_t b_offset, const int32_t b_mult, const int32_t b_shift,
    const int32_t left_shift, int8_t *output, const int32_t out_offset, const int32_t out_mult,
    const int32_t out_shift, const int32_t lo, const int32_t hi, const int32_t block_size)
{
    for (int32_t i = 0; i < block_size; i++) {
        int32_t first = (a[i] + a_offset) * (1 << left_shift);
        int32_t second = (b[i] + b_offset) * (1 << left_shift);
        int32_t sum = arm_nn_requantize(first, a_mult, a_shift) +
                      arm_nn_requantize(second, b_mult, b_shift);

        output[i] = clipped(arm_nn_requantize(sum, out_mult, out_shift) + out_offset, lo, hi);
    }
    return ARM_CMSIS_NN_SUCCESS;
}

arm_cmsis_nn_status arm_elementwise_mul_s8(
    const int8_t *a, const int8_t *b, const int32_t a_offset, const int32_t b_offset,
    int8_t *output, const int32_t out_offset, const int32_t out_mult, const int32_t out_shift,
    const int32_t lo, const int32_t hi, const int32_t block_size)
{
    for (int32_t i = 0; i < block_size; i++) {
        int32_t product = (a[i] + a_offset) * (b[i] + b_offset);

        output[i] = clipped(arm_nn_requantize(product, out_mult, out_shift) + out_offset, lo, hi);
    }
    return ARM_CMSIS_NN_SUCCESS;
}
