/* In the place of OUT/test/firmware/main.c: the harness runs the whole detector, network and
 * decoding, in its guarded RAM, and gives what it found to the host. */
#include <stddef.h>

#include "../../src/detector.h"
#include "../../src/threshold.h" /* THRESHOLD: a score */
#include "guard.h"
#include "harness.h"

#define IN_INPUTS __attribute__((section(".bss.inputs")))

static detector memory __attribute__((section(".bss.arena"), aligned(8)));
static int8_t in0_map[DETECTOR_SIDE * DETECTOR_SIDE * 3] IN_INPUTS;

static image images[] = {
    {.map = in0_map, .height = DETECTOR_SIDE, .width = DETECTOR_SIDE, .channels = 3, .stream = 0},
};

/* Constant: the network may read it while the MPU is on. */
static const detector_inputs inputs = {{guard_read, &images[0]}};

static const span in[] = {{.data = in0_map, .bytes = sizeof in0_map}};

/* All that the detector wrote, from found_count on. */
static const span out[] = {
    {.data = (int8_t *)&memory.found_count,
     .bytes = sizeof memory - offsetof(detector, found_count)},
};

static int run(void *arena, const detector_inputs *from, const void *unused)
{
    (void)unused;
    return detector_run(arena, from, THRESHOLD);
}

const network_image network = {
    .entry = (void (*)(void))run,
    .inputs = &inputs,
    .arena = (int8_t *)&memory,
    .arena_bytes = sizeof memory,
    .in = in,
    .in_count = 1,
    .out = out,
    .out_count = 1,
    .images = images,
};
