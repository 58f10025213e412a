/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* patchc_mul.c, for cores with MVE. */
#include "patchc_kernels_mve.h"

#undef patchc_near_products
#define patchc_near_products patchc_near_products_mve
#undef patchc_mul
#define patchc_mul patchc_mul_mve
#include "patchc_mul.c"
