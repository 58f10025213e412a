/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* patchc_conv2d_depthwise.c, for cores without a long multiply. */
#include "patchc_narrow.h"

#define patchc_dot_4 patchc_dot_4_narrow
#define patchc_store_4 patchc_store_4_narrow
#define patchc_store patchc_store_narrow
#undef patchc_conv2d_depthwise
#define patchc_conv2d_depthwise patchc_conv2d_depthwise_narrow
#include "patchc_conv2d_depthwise.c"
