/* In the place of OUT/test/firmware/main.c: the network with its current patch in the guarded RAM;
 * the whole image lies where a camera would be. */
#include <stddef.h>

#include "../../src/resident_patch.h"
#include "guard.h"
#include "harness.h"

#define IN_INPUTS __attribute__((section(".bss.inputs")))

typedef struct {
    int32_t arena[(TUNNELNET_ARENA_BYTES + 3) / 4];
    resident_patch patch;
} memory;

static memory region __attribute__((section(".bss.arena"), aligned(8)));
static int8_t in0_map[TUNNELNET_IN0_BYTES] IN_INPUTS;

static image images[] = {
    {.map = in0_map, .height = TUNNELNET_IN0_HEIGHT, .width = TUNNELNET_IN0_WIDTH,
     .channels = TUNNELNET_IN0_CHANNELS, .parts = 1},
};

/* Constant: the network may read them while the MPU is on. */
static const tunnelnet_reader camera = {guard_read, &images[0]};
static const tunnelnet_inputs inputs = {{resident_patch_read, &region.patch}};

static const span in[] = {{.data = in0_map, .bytes = TUNNELNET_IN0_BYTES}};
static const span out[] = {
    {.data = (int8_t *)&region + TUNNELNET_OUT0_OFFSET, .bytes = TUNNELNET_OUT0_BYTES},
};

static int run(memory *self, const tunnelnet_inputs *from, const void *unused)
{
    (void)unused;
    resident_patch_begin(&self->patch, &camera);
    return tunnelnet_run(self->arena, from, NULL);
}

const network_image network = {
    .entry = (void (*)(void))run,
    .inputs = &inputs,
    .arena = (int8_t *)&region,
    .arena_bytes = sizeof region,
    .in = in,
    .in_count = 1,
    .out = out,
    .out_count = 1,
    .images = images,
};
