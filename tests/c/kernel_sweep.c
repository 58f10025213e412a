/* The integer emulations against the host's float32, by the million. Each function returns the
 * number of differing results and leaves the operands of the last one in `example`.
 *
 * Compile with -O2 -ffp-contract=off: here float32 must mean float32. */
#include <math.h>
#include <string.h>

#include "patchc_rare.h"
#include "patchc_softfloat.h"

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15)); /* splitmix64 */

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static float from_bits(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t to_bits(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* A positive float32 with a biased exponent of low .. high. */
static uint32_t random_float(uint64_t *state, uint32_t low, uint32_t high)
{
    uint64_t random = next_random(state);
    uint32_t fraction = (uint32_t)random & 0x7fffff;

    if ((random >> 62) == 0) {
        fraction &= (uint32_t)(random >> 32) & 0x700007; /* few bits set: exact ties */
    }
    return ((low + (uint32_t)((random >> 40) % (high - low + 1))) << 23) | fraction;
}

static int requantize_differs(int32_t acc, uint32_t factor, int32_t zero_point)
{
    patchc_scale scale = {patchc_f32_significand(factor), -patchc_f32_exponent(factor)};
    float value = rintf((float)acc * from_bits(factor));
    float low = (float)(-128 - zero_point), high = (float)(127 - zero_point);
    int32_t expected;

    value = value < low ? low : value > high ? high : value;
    expected = (int32_t)value + zero_point;
    return patchc_clamp(patchc_scaled(acc, scale) + zero_point, -128, 127) != expected;
}

/* Accumulators of every magnitude, factors from 2^-36 to 2^12. */
int64_t sweep_requantize(uint64_t state, int64_t count, int64_t example[3])
{
    int64_t differing = 0;

    for (int64_t i = 0; i < count; i++) {
        uint64_t random = next_random(&state);
        int32_t acc = (int32_t)((int64_t)random >> (32 + random % 31));
        uint32_t factor = random_float(&state, 127 - 36, 127 + 12);
        int32_t zero_point = (int32_t)(random >> 8 & 0xff) - 128;

        if (requantize_differs(acc, factor, zero_point)) {
            example[0] = acc;
            example[1] = factor;
            example[2] = zero_point;
            differing++;
        }
    }
    return differing;
}

/* Accumulators within 2 of a step of the output, where all that can differ does. */
int64_t sweep_requantize_steps(uint64_t state, int64_t count, int64_t example[3])
{
    int64_t differing = 0;

    for (int64_t i = 0; i < count; i++) {
        uint32_t factor = random_float(&state, 127 - 28, 127);
        double step = ((double)(next_random(&state) % 512) - 256 + 0.5) / from_bits(factor);
        int64_t near = (int64_t)step + (int64_t)(next_random(&state) % 5) - 2;
        int32_t zero_point = (int32_t)(next_random(&state) % 256) - 128;

        if (near < INT32_MIN || near > INT32_MAX) {
            continue;
        }
        if (requantize_differs((int32_t)near, factor, zero_point)) {
            example[0] = near;
            example[1] = factor;
            example[2] = zero_point;
            differing++;
        }
    }
    return differing;
}

/* +, *, / and rint on random pairs, many of like size or with few bits set. */
int64_t sweep_softfloat(uint64_t state, int64_t count, int64_t example[3])
{
    int64_t differing = 0;

    for (int64_t i = 0; i < count; i++) {
        uint32_t a = random_float(&state, 127 - 20, 127 + 20);
        uint32_t b = random_float(&state, 127 - 20, 127 + 20);
        uint64_t random = next_random(&state);
        int32_t value = (int32_t)((int64_t)random >> (32 + random % 32));
        float x, y, rounded;

        a ^= (uint32_t)random & PATCHC_F32_SIGN;
        b ^= (uint32_t)(random >> 1) & PATCHC_F32_SIGN;
        if (random % 16 == 0) {
            b = a ^ PATCHC_F32_SIGN ^ (uint32_t)(random >> 40 & 3); /* cancellation */
        }
        x = from_bits(a);
        y = from_bits(b);
        rounded = rintf(x);
        rounded = rounded > 512 ? 512 : rounded < -512 ? -512 : rounded;
        if (patchc_f32_add(a, b) != to_bits(x + y) || patchc_f32_mul(a, b) != to_bits(x * y)
            || patchc_f32_div(a, b) != to_bits(x / y) || patchc_f32_add(a, 0) != a
            || patchc_f32_add(0, b) != b || patchc_f32_div(0, a) != (a & PATCHC_F32_SIGN)
            || patchc_f32_from_int(value) != to_bits((float)value)
            || (float)patchc_f32_rint(a) != rounded) {
            example[0] = a;
            example[1] = b;
            example[2] = value;
            differing++;
        }
    }
    return differing;
}

/* a + b modulo 2^32, against 64 bits */
int64_t sweep_wrapping_add(uint64_t state, int64_t count, int64_t example[3])
{
    int64_t differing = 0;

    for (int64_t i = 0; i < count; i++) {
        uint64_t random = next_random(&state);
        int32_t a = (int32_t)(random >> 33), b = (int32_t)(random >> 1 & 0x7fffffff);
        int64_t sum;

        a = random & 1 ? -a - 1 : a;
        b = random & 2 ? -b - 1 : b;
        sum = (int64_t)a + b;
        sum += sum > INT32_MAX ? -INT64_C(0x100000000) : sum < INT32_MIN ? INT64_C(0x100000000) : 0;
        if (patchc_wrapping_add(a, b) != sum) {
            example[0] = a;
            example[1] = b;
            differing++;
        }
    }
    return differing;
}
