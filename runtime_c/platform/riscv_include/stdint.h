/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* For a compiler that comes without a C library: its own one. */
#include <stdint-gcc.h>
