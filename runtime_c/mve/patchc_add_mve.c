/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* patchc_add.c, for cores with MVE. */
#include "patchc_kernels_mve.h"

#undef patchc_near_sums
#define patchc_near_sums patchc_near_sums_mve
#undef patchc_add
#define patchc_add patchc_add_mve
#include "patchc_add.c"
