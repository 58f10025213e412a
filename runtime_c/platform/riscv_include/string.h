/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* For a compiler that comes without a C library: what the network calls of it. */
#ifndef PATCHC_STRING_H
#define PATCHC_STRING_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);

#endif
