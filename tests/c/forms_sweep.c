/* What makes int8 of sums, over a range of sums, for tests to compare. */
#include "patchc_narrow.h"

void sweep_high(int32_t *out, int32_t low, int32_t count, const patchc_form *form, int32_t drop);
void sweep_pieces(int32_t *out, int32_t low, int32_t count, const patchc_form *form, int32_t drop);
void sweep_rare(int32_t *out, int32_t low, int32_t count, const patchc_rare *rare,
                int32_t zero_point);
void sweep_rare_narrow(int32_t *out, int32_t low, int32_t count, const patchc_rare *rare,
                       int32_t zero_point);
void products(int32_t *high, int32_t *high_narrow, uint32_t *middle, const int32_t *values, const uint32_t *factors,
              int32_t count);

void sweep_high(int32_t *out, int32_t low, int32_t count, const patchc_form *form, int32_t drop)
{
    (void)drop;
    for (int32_t i = 0; i < count; i++) {
        out[i] = patchc_line_high(low + i, *form);
    }
}

void sweep_pieces(int32_t *out, int32_t low, int32_t count, const patchc_form *form, int32_t drop)
{
    for (int32_t i = 0; i < count; i++) {
        out[i] = patchc_line_pieces(low + i, *form, drop);
    }
}

void sweep_rare(int32_t *out, int32_t low, int32_t count, const patchc_rare *rare,
                int32_t zero_point)
{
    for (int32_t i = 0; i < count; i++) {
        out[i] = patchc_rare_value(low + i, rare, zero_point);
    }
}

void sweep_rare_narrow(int32_t *out, int32_t low, int32_t count, const patchc_rare *rare,
                       int32_t zero_point)
{
    for (int32_t i = 0; i < count; i++) {
        out[i] = patchc_rare_value_narrow(low + i, rare, zero_point);
    }
}

void products(int32_t *high, int32_t *high_narrow, uint32_t *middle, const int32_t *values,
              const uint32_t *factors, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        high[i] = patchc_high_word(values[i], factors[i]);
        high_narrow[i] = patchc_high_word_narrow(values[i], factors[i]);
        middle[i] = patchc_middle_word(values[i], factors[i]);
    }
}
