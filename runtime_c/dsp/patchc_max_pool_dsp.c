/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* patchc_max_pool.c, for cores with DSP instructions. */
#include "patchc_kernels_dsp.h"

#undef patchc_max_of_four
#define patchc_max_of_four patchc_max_of_four_dsp
#undef patchc_max_pool
#define patchc_max_pool patchc_max_pool_dsp
#include "patchc_max_pool.c"
