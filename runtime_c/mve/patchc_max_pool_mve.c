/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* patchc_max_pool.c, for cores with MVE. */
#include "patchc_kernels_mve.h"

#undef patchc_max_of_four
#define patchc_max_of_four patchc_max_of_four_mve
#undef patchc_max_pool
#define patchc_max_pool patchc_max_pool_mve
#include "patchc_max_pool.c"
