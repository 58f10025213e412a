/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* patchc_mean_add.c, for cores with MVE. */
#include "patchc_kernels_mve.h"

#undef patchc_add_bytes
#define patchc_add_bytes patchc_add_bytes_mve
#undef patchc_mean_add
#define patchc_mean_add patchc_mean_add_mve
#include "patchc_mean_add.c"
