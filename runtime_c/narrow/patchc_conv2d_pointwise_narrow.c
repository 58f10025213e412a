/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* patchc_conv2d_pointwise.c, for cores without a long multiply. */
#include "patchc_narrow.h"

#undef patchc_channels
#define patchc_channels patchc_channels_narrow
#undef patchc_conv2d_pointwise
#define patchc_conv2d_pointwise patchc_conv2d_pointwise_narrow
#include "patchc_conv2d_pointwise.c"
