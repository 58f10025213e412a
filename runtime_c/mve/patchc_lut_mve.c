/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* patchc_lut.c, for cores with MVE. */
#include "patchc_kernels_mve.h"

#undef patchc_look_up
#define patchc_look_up patchc_look_up_mve
#undef patchc_lut
#define patchc_lut patchc_lut_mve
#include "patchc_lut.c"
