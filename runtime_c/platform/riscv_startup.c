/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* RISC-V: start, faults, and the PMP. */
#include <stdint.h>

#include "guard.h"
#include "harness.h"
#include "semihosting.h"

/* From link.ld. Their addresses are the values. */
extern char harness_bss_start[], harness_bss_end[], network_bss_start[], network_bss_end[];
extern char code_origin[], code_bytes[], external_origin[], external_bytes[], region_start[],
    region_bytes[], stack_bottom[];

/* Of a byte of pmpcfg. */
enum { READ = 1, WRITE = 2, EXECUTE = 4, TOP_OF_RANGE = 1 << 3 };

/* Entries that the architecture has; each region here takes two. */
#define ENTRIES 16

#define SET(csr, value) \
    __asm__ volatile(".option push\n\t.option arch, +zicsr\n\tcsrw " csr ", %0\n\t.option pop" ::"r"(value))

static void clear(char *from, const char *end)
{
    while (from < end) {
        *from++ = 0;
    }
}

uint32_t guard_regions(void)
{
    return ENTRIES;
}

/* Entries are tried in order, and user mode may do nothing that none of them allows. Their borders
 * are multiples of four bytes. */
void guard_setup(void)
{
    const uintptr_t code = (uintptr_t)code_origin, external = (uintptr_t)external_origin;
    const uintptr_t region = (uintptr_t)region_start;

    SET("pmpaddr0", code >> 2);
    SET("pmpaddr1", (code + (uintptr_t)code_bytes) >> 2);
    SET("pmpaddr2", external >> 2);
    SET("pmpaddr3", (external + (uintptr_t)external_bytes) >> 2);
    SET("pmpaddr4", region >> 2);
    SET("pmpaddr5", (region + (uintptr_t)region_bytes + 3) >> 2);
    SET("pmpcfg0", (uint32_t)(TOP_OF_RANGE | READ | EXECUTE) << 8
                       | (uint32_t)(TOP_OF_RANGE | READ) << 24);
    SET("pmpcfg1", (uint32_t)(TOP_OF_RANGE | READ | WRITE) << 8);
}

/* From riscv_call.S. .data is where it belongs already: QEMU loads every section to the address that
 * it runs at. */
_Noreturn void start(void);
_Noreturn void fault(uint32_t cause, uint32_t address, uint32_t stack);

_Noreturn void start(void)
{
    clear(harness_bss_start, harness_bss_end);
    clear(network_bss_start, network_bss_end);
    guard_setup();
    host_exit(harness_main());
}

/* Every trap that is not a call of the harness. */
_Noreturn void fault(uint32_t cause, uint32_t address, uint32_t stack)
{
    host_print("fault: mcause ");
    host_print_number(cause);
    host_print(", mtval 0x");
    host_print_hex(address);
    host_print("\n");
    if (stack != 0 && stack <= (uint32_t)(uintptr_t)stack_bottom) {
        host_print("the network's stack overflowed: STACK_BYTES (patchc compile --reserve) is too "
                   "small\n");
    }
    host_exit(FAULT_STATUS);
}
