/* Loops that requantise SUMS sums of one channel, its constants in registers as far as they go. Each
 * is counted apart under QEMU; `copied` is what a loop costs that only stores. Bare metal, linked to
 * address 0 (benchmarks/forms.py). */
#include <stdint.h>

#include "patchc_narrow.h"

#ifdef NARROW
#define patchc_high_word patchc_high_word_narrow
#endif
#include "patchc_rare.h"

#ifdef __ARM_FEATURE_SAT
#include <arm_acle.h>
#define CLIP(value) __ssat(value, 8)
#else
#define CLIP(value) patchc_clamp(value, -128, 127)
#endif

#define LOOP(name, parameters, value)                                                             \
    __attribute__((noinline)) void name parameters;                                               \
    void name parameters                                                                          \
    {                                                                                             \
        for (int32_t i = 0; i < SUMS; i++) {                                                      \
            out[i] = (int8_t)(value);                                                             \
        }                                                                                         \
    }

LOOP(copied, (int8_t *out, const int32_t *sum), sum[i])
LOOP(emulated, (int8_t *out, const int32_t *sum, patchc_scale scale, int32_t bias, int32_t zero),
     CLIP(patchc_scaled(patchc_wrapping_add(sum[i], bias), scale) + zero))
LOOP(guarded, (int8_t *out, const int32_t *sum, const patchc_rare *rare, int32_t zero),
     CLIP(patchc_guarded(sum[i], rare, zero)))
LOOP(high, (int8_t *out, const int32_t *sum, patchc_form form),
     CLIP(patchc_line_high(sum[i], form)))
LOOP(pieces, (int8_t *out, const int32_t *sum, patchc_form form, int32_t drop),
     CLIP(patchc_line_pieces(sum[i], form, drop)))

static int32_t sums[SUMS];
static int8_t outputs[SUMS];

/* r = 0.004, so that most outputs are within their range, as they are in networks */
static const patchc_rare rare = {100, {8589935, 31}, 7, 13};

static void finish(void)
{
    register int32_t call __asm__("r0") = 0x18;
    register int32_t argument __asm__("r1") = 0x20026;

    __asm__ volatile("bkpt 0xab" : : "r"(call), "r"(argument) : "memory");
}

void start(void);
void start(void)
{
    static const patchc_form form = {68719, -1024}, piece = {68719, 8192};
    uint32_t state = 1;

    for (int32_t i = 0; i < SUMS; i++) {
        state = state * 1664525u + 1013904223u;
        sums[i] = (int32_t)(state >> 16) - 32768;
    }
    copied(outputs, sums);
    emulated(outputs, sums, rare.scale, rare.bias, 3);
    guarded(outputs, sums, &rare, 3);
    high(outputs, sums, form);
    pieces(outputs, sums, piece, 16);
    finish();
}

__attribute__((section(".vectors"), used)) static void (*const vectors[])(void) = {
    (void (*)(void))0x20010000, start};
