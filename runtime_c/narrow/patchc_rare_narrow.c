/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* patchc_rare.c, for cores without a long multiply. */
#include "patchc_narrow.h"

#define patchc_high_word patchc_high_word_narrow
#undef patchc_rare_value
#define patchc_rare_value patchc_rare_value_narrow
#include "patchc_rare.c"
