/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* patchc_pointwise_finish.c, for cores without a long multiply. */
#include "patchc_narrow.h"

#define patchc_store patchc_store_narrow
#undef patchc_pointwise_finish
#define patchc_pointwise_finish patchc_pointwise_finish_narrow
#include "patchc_pointwise_finish.c"
