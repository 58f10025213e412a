/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
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

/* In whatever way the channel has: patchc_dsp_shared.c. */
int8_t patchc_by_form(int32_t sum, int32_t channel, const patchc_conv_dsp_params *params);

/* Into a range. */
void patchc_confine_to(int8_t *out, int32_t count, int32_t lo, int32_t hi);

/* Into the layer's range, which is nearly always all of int8. */
PATCHC_INLINE void patchc_confine(int8_t *out, int32_t count,
                                  const patchc_conv_dsp_params *params)
{
    if (params->lo != -128 || params->hi != 127) {
        patchc_confine_to(out, count, params->lo, params->hi);
    }
}

#endif
