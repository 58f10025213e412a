/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* patchc_sub.c, for cores with DSP instructions. */
#include "patchc_kernels_dsp.h"

#undef patchc_near_sums
#define patchc_near_sums patchc_near_sums_dsp
#undef patchc_sub
#define patchc_sub patchc_sub_dsp
#include "patchc_sub.c"
