/* Included in front of networks by tests: each slice of a run is taken from the environment, SLICE: a
 * number, or "random". */
#ifndef SLICES_H
#define SLICES_H

#include <stdint.h>
#include <stdlib.h>

static inline uint32_t next_slice(void)
{
    static uint32_t state = 1;
    const char *text = getenv("SLICE");

    if (text == NULL) {
        abort();
    }
    if (text[0] != 'r') {
        return (uint32_t)strtoul(text, NULL, 10);
    }
    state = state * 1664525u + 1013904223u;
    return (state >> 16) % 3000u;
}

#define NET_RUN_SLICE next_slice()

#endif
