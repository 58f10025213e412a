/* Every pixel of the view, added to one sum per channel. */
#include "patchc_kernels.h"

void patchc_mean_add(const patchc_sums *sums, const patchc_in *in)
{
    for (int32_t i = 0; i < in->rows; i++) {
        const int8_t *pixel = patchc_in_row(in, i);

        for (int32_t j = 0; j < in->cols; j++) {
            for (int32_t c = 0; c < in->channels; c++) {
                sums->data[c] += pixel[c];
            }
            pixel += in->channels;
        }
    }
}
