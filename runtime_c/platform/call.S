/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Switches between the harness (main stack, MPU off) and the network (process stack, MPU on).
 * ARMv6-M instructions, so that every core runs it. See guard.h. */
    .syntax unified
    .thumb

#define MPU_CTRL 0xE000ED94

/* int guard_call(void (*entry)(void), void *arena, const void *inputs, const void *outputs) */
    .section .text.guard_call, "ax", %progbits
    .global guard_call
    .type guard_call, %function
    .thumb_func
guard_call:
    push {r4, r5, r6, lr}
    mov r4, r0
    mov r0, r1
    mov r1, r2
    mov r2, r3
#if __ARM_ARCH >= 8
    ldr r3, =stack_bottom
    msr psplim, r3
#endif
    ldr r3, =stack_top
    msr psp, r3
    ldr r5, =MPU_CTRL
    ldr r6, =guard_control
    ldr r6, [r6]
    str r6, [r5]
    dsb
    isb
    movs r6, #2 /* CONTROL.SPSEL: the process stack */
    msr control, r6
    isb
    blx r4
    movs r6, #0
    msr control, r6
    isb
    str r6, [r5]
    dsb
    isb
    pop {r4, r5, r6, pc}
    .pool
    .size guard_call, . - guard_call

/* A callback: on the main stack, with the MPU off, it calls `target` with the same six arguments. */
    .macro callback name, target
    .section .text.\name, "ax", %progbits
    .global \name
    .type \name, %function
    .thumb_func
\name:
    /* r0-r3 hold arguments, and no stack can be written yet: r12 is all there is. So the
     * address itself is stored. Its bit 0, ENABLE, is 0; without it the other bits do nothing. */
    mov r12, r4
    ldr r4, =MPU_CTRL
    str r4, [r4]
    movs r4, #0
    msr control, r4
    dsb
    isb
    mov r4, r12
    push {r4, r5, r6, lr}
    mrs r4, psp
    ldr r5, [r4, #0] /* the last two arguments lie on the network's stack */
    ldr r6, [r4, #4]
    sub sp, #8
    str r5, [sp, #0]
    str r6, [sp, #4]
    bl \target
    add sp, #8
    pop {r4, r5, r6}
    pop {r3}
    mov lr, r3
    ldr r1, =MPU_CTRL
    ldr r2, =guard_control
    ldr r2, [r2]
    str r2, [r1]
    dsb
    movs r1, #2
    msr control, r1
    isb
    bx lr
    .pool
    .size \name, . - \name
    .endm

/* int guard_read(void *image, int32_t row, int32_t col, int32_t rows, int32_t cols, int8_t *dst) */
    callback guard_read, image_read

/* int guard_write(void *canvas, int32_t row, int32_t col, int32_t rows, int32_t cols,
 *                 const int8_t *src) */
    callback guard_write, canvas_write
