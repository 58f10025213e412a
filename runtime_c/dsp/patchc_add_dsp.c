/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* patchc_add.c, for cores with DSP instructions. */
#include "patchc_kernels_dsp.h"

#undef patchc_near_sums
#define patchc_near_sums patchc_near_sums_dsp
#undef patchc_add
#define patchc_add patchc_add_dsp
#include "patchc_add.c"
