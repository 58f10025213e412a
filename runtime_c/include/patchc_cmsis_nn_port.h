/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Included before every file of CMSIS-NN, and before its headers: what the linker calls its
 * functions, how it rounds, and what it needs on a machine that is no Cortex-M, where it runs its
 * plain C. */
#ifndef PATCHC_CMSIS_NN_PORT_H
#define PATCHC_CMSIS_NN_PORT_H

#include "patchc_names.h"

#ifdef PATCHC_CMSIS_NN_DOUBLE_ROUNDING
/* as the library rounds unless told otherwise */
#elif !defined(CMSIS_NN_USE_SINGLE_ROUNDING)
#define CMSIS_NN_USE_SINGLE_ROUNDING
#endif

#if !defined(__ARM_ARCH_PROFILE) || __ARM_ARCH_PROFILE != 'M'
#define __GNUC_PYTHON__
#define __RESTRICT __restrict__
#define __CLZ(word) ((uint8_t)((word) ? __builtin_clz(word) : 32))
#endif

#endif
