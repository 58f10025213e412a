/* Where the loops in mve/ are in assembly. */
#ifndef PATCHC_MVE_ELEMENTWISE_H
#define PATCHC_MVE_ELEMENTWISE_H

#include "patchc_kernels_mve.h"

#if defined(__ARM_FEATURE_MVE) && defined(__GNUC__) && !defined(PATCHC_NO_MVE)                    \
    && !defined(PATCHC_NO_ASSEMBLY)
#define PATCHC_ASSEMBLY 1
#else
#define PATCHC_ASSEMBLY 0
#endif

#endif
