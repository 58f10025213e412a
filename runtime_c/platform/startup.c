/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Vectors, start and faults of the test image. */
#include <stdint.h>

#include "guard.h"
#include "harness.h"
#include "semihosting.h"

/* From link.ld. */
extern char harness_bss_start[], harness_bss_end[], network_bss_start[], network_bss_end[];
extern char main_stack_top[], stack_bottom[];

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define CPACR REGISTER(0xE000ED88u)
#define CCR REGISTER(0xE000ED14u)
#define CFSR REGISTER(0xE000ED28u)
#define STKOF (1u << 20) /* of CFSR */
#define MMFAR REGISTER(0xE000ED34u)

static void clear(char *from, const char *end)
{
    while (from < end) {
        *from++ = 0;
    }
}

/* .data is where it belongs already: QEMU loads every section to the address that it runs at. */
void reset_handler(void)
{
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    CPACR |= 0xfu << 20;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
#ifdef __ARM_FEATURE_MVE
    CCR |= 1u << 19; /* LOB: low-overhead loops */
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    clear(harness_bss_start, harness_bss_end);
    clear(network_bss_start, network_bss_end);
    guard_setup();
    host_exit(harness_main());
}

/* The network's stack is exhausted: its pointer was moved out of it, or, where a limit register
 * does not let that happen, STKOF is set. */
static int stack_overflowed(uint32_t cause)
{
    uint32_t pointer;
    __asm__ volatile("mrs %0, psp" : "=r"(pointer)); /* 0 before its first run */
    return (pointer != 0 && pointer <= (uint32_t)stack_bottom) || (cause & STKOF) != 0;
}

/* Every exception ends here: HardFault, since nothing else is enabled, in which the MPU is off. */
static void fault_handler(void)
{
    uint32_t exception, cause = 0;
    __asm__ volatile("mrs %0, ipsr" : "=r"(exception));
    host_print("fault: exception ");
    host_print_number(exception);
    if (guard_regions() != 0) { /* ARMv6-M does not say why */
        cause = CFSR;
        host_print(", CFSR 0x");
        host_print_hex(cause);
        host_print(", MMFAR 0x");
        host_print_hex(MMFAR);
    }
    host_print("\n");
    if (stack_overflowed(cause)) {
        host_print("the network's stack overflowed: STACK_BYTES (patchc compile --reserve) is too "
                   "small\n");
    }
    host_exit(FAULT_STATUS);
}

typedef void (*handler)(void);

__attribute__((section(".vectors"), used)) static const handler vectors[16] = {
    (handler)(void *)main_stack_top,
    reset_handler,
    fault_handler, /* NMI */
    fault_handler, /* HardFault */
    fault_handler, /* MemManage */
    fault_handler, /* BusFault */
    fault_handler, /* UsageFault */
    fault_handler, /* SecureFault */
    0,
    0,
    0,
    fault_handler, /* SVCall */
    fault_handler, /* DebugMonitor */
    0,
    fault_handler, /* PendSV */
    fault_handler, /* SysTick */
};
