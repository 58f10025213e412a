/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* In place of a C library: counts as the network's, as that would. Words at a time where both ends
 * are aligned. */
#include <stdint.h>

#include "string.h"

typedef uint32_t __attribute__((may_alias)) word;

static int aligned(const void *one, const void *two)
{
    return (((uintptr_t)one | (uintptr_t)two) & 3u) == 0;
}

void *memcpy(void *to, const void *from, size_t bytes)
{
    uint8_t *out = (uint8_t *)to;
    const uint8_t *in = (const uint8_t *)from;

    if (aligned(to, from)) {
        for (; bytes >= 4; bytes -= 4, out += 4, in += 4) {
            *(word *)(void *)out = *(const word *)(const void *)in;
        }
    }
    for (; bytes != 0; bytes--) {
        *out++ = *in++;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    uint8_t *out = (uint8_t *)to + bytes;
    const uint8_t *in = (const uint8_t *)from + bytes;

    if ((uintptr_t)to <= (uintptr_t)from || (uintptr_t)to >= (uintptr_t)in) {
        return memcpy(to, from, bytes);
    }
    for (; bytes != 0; bytes--) {
        *--out = *--in;
    }
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    uint8_t *out = (uint8_t *)to;

    if (aligned(to, to)) {
        for (; bytes >= 4; bytes -= 4, out += 4) {
            *(word *)(void *)out = (uint8_t)value * UINT32_C(0x01010101);
        }
    }
    for (; bytes != 0; bytes--) {
        *out++ = (uint8_t)value;
    }
    return to;
}
