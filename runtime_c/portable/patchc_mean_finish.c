/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* One sum per channel as the mean, the one output pixel. */
#include "patchc_requant.h"

void patchc_mean_finish(const patchc_out *out, const patchc_sums *sums,
                        const patchc_global_params *params)
{
    int8_t *pixel = patchc_out_row(out, 0);

    for (int32_t c = 0; c < out->channels; c++) {
        pixel[c] = patchc_mean(sums->data[c], params);
    }
}
