/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* patchc_dense.c, for cores without a long multiply. */
#include "patchc_narrow.h"

#define patchc_dot_4 patchc_dot_4_narrow
#define patchc_store_4 patchc_store_4_narrow
#define patchc_store patchc_store_narrow
#undef patchc_dense
#define patchc_dense patchc_dense_narrow
#include "patchc_dense.c"
