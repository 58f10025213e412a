/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Runs the network on a stack of its own, with the MPU open for nothing but its memory.
 *
 * While it runs: code, weights and inputs can be read, the region under test (stack, statics,
 * arena) can be written, anything else faults. A core without an MPU (Cortex-M0) runs without. */
#ifndef PATCHC_GUARD_H
#define PATCHC_GUARD_H

#include <stdint.h>

/* Describes the memories of link.ld to the MPU, which stays off. */
void guard_setup(void);

/* entry(arena, inputs, outputs) on the network's stack, MPU on. `entry` is cast from its own type:
 * call.S passes the arguments on. */
int guard_call(void (*entry)(void), void *arena, const void *inputs, const void *outputs);

/* What the network calls to read an input, and to hand over an output: image_read or canvas_write
 * on the main stack, with the MPU off and without a byte of the network's stack. */
int guard_read(void *image, int32_t row, int32_t col, int32_t rows, int32_t cols, int8_t *dst);
int guard_write(void *canvas, int32_t row, int32_t col, int32_t rows, int32_t cols,
                const int8_t *src);

/* Regions that the MPU has; 0: there is none. */
uint32_t guard_regions(void);

/* What call.S writes to MPU_CTRL while the network runs. */
extern uint32_t guard_control;

#endif
