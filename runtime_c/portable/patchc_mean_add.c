/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Every pixel of the view, added to one sum per channel. */
#include "patchc_add_bytes.h"

void patchc_mean_add(const patchc_sums *sums, const patchc_in *in)
{
    for (int32_t i = 0; i < in->rows; i++) {
        const int8_t *pixel = patchc_in_row(in, i);

        for (int32_t j = 0; j < in->cols; j++) {
            patchc_add_bytes(sums->data, pixel, in->channels);
            pixel += in->channels;
        }
    }
}
