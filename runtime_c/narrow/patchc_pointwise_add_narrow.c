/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* patchc_pointwise_add.c, for cores without a long multiply. */
#include "patchc_narrow.h"

#define patchc_dot_4 patchc_dot_4_narrow
#define patchc_store_4 patchc_store_4_narrow
#define patchc_store patchc_store_narrow
#undef patchc_pointwise_add
#define patchc_pointwise_add patchc_pointwise_add_narrow
#include "patchc_pointwise_add.c"
