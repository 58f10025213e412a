/* From accumulators to int8: what the kernels in dsp/ share. */
#ifndef PATCHC_DSP_STORE_H
#define PATCHC_DSP_STORE_H

#include "patchc_dsp.h"
#include "patchc_kernels_dsp.h"
#include "patchc_requant.h"

/* By a form: in int8, wherever the layer's range ends. */
PATCHC_INLINE int8_t patchc_formed(int32_t sum, patchc_form form, int32_t before, int32_t after)
{
    int32_t value = patchc_smmla(patchc_shifted(sum, before), form.multiplier, form.constant);

    return (int8_t)patchc_ssat8(value >> after);
}

/* By the channel's form, or exact for every accumulator, and slow. */
PATCHC_APART static int8_t patchc_any(int32_t sum, int32_t channel,
                                      const patchc_conv_dsp_params *params)
{
    patchc_form form = params->form[channel];

    if (form.multiplier != 0) {
        return patchc_formed(sum, form, params->before, params->after);
    }
    return patchc_requantize(sum, params->scale[channel], params->zero_point, -128, 127);
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
