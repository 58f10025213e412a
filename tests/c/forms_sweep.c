/* The functions of patchc_forms.h over a range of sums, for tests to compare. */
#include "patchc_forms.h"

void sweep_high(int32_t *out, int32_t low, int32_t count, const patchc_form *form, int32_t lift,
                int32_t drop);
void sweep_pieces(int32_t *out, int32_t low, int32_t count, const patchc_form *form, int32_t lift,
                  int32_t drop);
void sweep_guarded(int32_t *out, int32_t low, int32_t count, const patchc_rare *rare,
                   int32_t zero_point);
void products(int32_t *high, uint32_t *middle, const int32_t *values, const uint32_t *factors,
              int32_t count);

void sweep_high(int32_t *out, int32_t low, int32_t count, const patchc_form *form, int32_t lift,
                int32_t drop)
{
    for (int32_t i = 0; i < count; i++) {
        out[i] = patchc_line_high(low + i, *form, lift, drop);
    }
}

void sweep_pieces(int32_t *out, int32_t low, int32_t count, const patchc_form *form, int32_t lift,
                  int32_t drop)
{
    (void)lift;
    for (int32_t i = 0; i < count; i++) {
        out[i] = patchc_line_pieces(low + i, *form, drop);
    }
}

void sweep_guarded(int32_t *out, int32_t low, int32_t count, const patchc_rare *rare,
                   int32_t zero_point)
{
    for (int32_t i = 0; i < count; i++) {
        out[i] = patchc_guarded(low + i, *rare, zero_point);
    }
}

void products(int32_t *high, uint32_t *middle, const int32_t *values, const uint32_t *factors,
              int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        high[i] = patchc_product_32(values[i], factors[i]);
        middle[i] = patchc_product_16(values[i], factors[i]);
    }
}
