/* The kernels for cores with MVE (Helium): Cortex-M55. They compute what the kernels of
 * patchc_kernels.h compute, byte for byte, from the same views, which may lie at any address.
 */
#ifndef PATCHC_KERNELS_MVE_H
#define PATCHC_KERNELS_MVE_H

#include "patchc_kernels.h"

/* Kernels of patchc_kernels.h with a faster loop in them; constants and promises are the same. */
void patchc_add_mve(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                    const patchc_add_params *params);
void patchc_sub_mve(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                    const patchc_sub_params *params);
void patchc_mul_mve(const patchc_out *out, const patchc_in *a, const patchc_in *b,
                    const patchc_mul_params *params);
void patchc_max_pool_mve(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                         const patchc_pool_params *params);
void patchc_lut_mve(const patchc_out *out, const patchc_in *in, const patchc_pads *pads,
                    const patchc_lut_params *params);
void patchc_mean_add_mve(const patchc_sums *sums, const patchc_in *in);

#endif
