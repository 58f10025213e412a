/* From accumulators to int8: what the kernels in dsp/ share. */
#ifndef PATCHC_DSP_STORE_H
#define PATCHC_DSP_STORE_H

#include "patchc_dsp.h"
#include "patchc_kernels_dsp.h"

/* By a line: in int8, wherever the layer's range ends. */
PATCHC_INLINE int8_t patchc_by_line(int32_t sum, patchc_form form)
{
    int32_t x = (int32_t)patchc_wrapped(((uint32_t)sum << PATCHC_LIFT) + (uint32_t)form.offset);

    return (int8_t)patchc_ssat8_dropped(patchc_smmul(x, form.factor));
}

/* In whatever way the channel has. */
PATCHC_APART static int8_t patchc_any(int32_t sum, int32_t channel,
                                      const patchc_conv_dsp_params *params)
{
    patchc_form form = params->form[channel];

    if (form.factor >= 0) {
        return patchc_by_line(sum, form);
    }
    return patchc_clamp(patchc_guarded(sum, &params->rare[~form.factor], params->zero_point), -128,
                        127);
}

/* Into the layer's range, which is nearly always all of int8. */
PATCHC_APART static void patchc_confine_some(int8_t *out, int32_t count, int32_t lo, int32_t hi)
{
    for (int32_t i = 0; i < count; i++) {
        out[i] = patchc_clamp(out[i], lo, hi);
    }
}

PATCHC_INLINE void patchc_confine(int8_t *out, int32_t count,
                                  const patchc_conv_dsp_params *params)
{
    if (params->lo != -128 || params->hi != 127) {
        patchc_confine_some(out, count, params->lo, params->hi);
    }
}

#endif
