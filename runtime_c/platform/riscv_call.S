/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* RISC-V: start and traps; switches between the harness (machine mode) and the network (user mode, on
 * a stack of its own, where the PMP opens nothing but its memory). See guard.h.
 *
 * What the network asks of the harness is an ecall with a number in t0. In machine mode mscratch is 0,
 * in user mode it is the harness's stack pointer. */

#define RETURN 0
#define READ 1
#define WRITE 2
#define ECALL_FROM_USER 8
#define MSTATUS_MPP 0x1800
#define FRAME 64 /* ra, s0 .. s11, and alignment */

    .option arch, +zicsr

    .section .vectors, "ax", @progbits
    .global reset_handler
    .type reset_handler, @function
reset_handler:
    la sp, main_stack_top
    csrw mscratch, zero
    la t0, trap
    csrw mtvec, t0
    tail start
    .size reset_handler, . - reset_handler

/* int guard_call(void (*entry)(void), void *arena, const void *inputs, const void *outputs) */
    .section .text.guard_call, "ax", @progbits
    .global guard_call
    .type guard_call, @function
guard_call:
    addi sp, sp, -FRAME
    sw ra, 0(sp)
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    sw s\n, 4 + 4 * \n(sp)
    .endr
    csrw mscratch, sp
    csrw mepc, a0
    mv a0, a1
    mv a1, a2
    mv a2, a3
    li t0, MSTATUS_MPP
    csrc mstatus, t0 /* to user mode */
    la ra, guard_return
    la sp, stack_top
    mret

/* Where the network returns to, in user mode. */
guard_return:
    li t0, RETURN
    ecall

    .balign 4
trap:
    csrrw sp, mscratch, sp
    beqz sp, 3f /* in machine mode: the harness's own fault */
    csrr t1, mcause
    li t2, ECALL_FROM_USER
    bne t1, t2, 3f
    beqz t0, 2f

    /* A callback: the network's registers are as at any call. */
    addi sp, sp, -16
    sw ra, 0(sp)
    csrrw t1, mscratch, zero
    sw t1, 4(sp)
    csrr t1, mepc
    addi t1, t1, 4
    sw t1, 8(sp)
    li t1, READ
    beq t0, t1, 1f
    call canvas_write
    j 4f
1:  call image_read
4:  lw t1, 8(sp)
    csrw mepc, t1
    lw t1, 4(sp)
    lw ra, 0(sp)
    addi sp, sp, 16
    csrw mscratch, sp
    mv sp, t1
    mret

    /* guard_call's caller goes on, with what the network returned. */
2:  csrw mscratch, zero
    lw ra, 0(sp)
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    lw s\n, 4 + 4 * \n(sp)
    .endr
    addi sp, sp, FRAME
    ret

3:  csrr a0, mcause
    csrr a1, mtval
    csrrw a2, mscratch, zero /* the stack pointer */
    la sp, main_stack_top
    tail fault
    .size guard_call, . - guard_call

    .macro callback name, number
    .section .text.\name, "ax", @progbits
    .global \name
    .type \name, @function
\name:
    li t0, \number
    ecall
    ret
    .size \name, . - \name
    .endm

/* int guard_read(void *image, int32_t row, int32_t col, int32_t rows, int32_t cols, int8_t *dst) */
    callback guard_read, READ

/* int guard_write(void *canvas, int32_t row, int32_t col, int32_t rows, int32_t cols,
 *                 const int8_t *src) */
    callback guard_write, WRITE
