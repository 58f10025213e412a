/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
#include "semihosting.h"

enum {
    SYS_OPEN = 0x01,
    SYS_CLOSE = 0x02,
    SYS_WRITE0 = 0x04,
    SYS_WRITE = 0x05,
    SYS_READ = 0x06,
    SYS_GET_CMDLINE = 0x15,
    SYS_EXIT_EXTENDED = 0x20
};

#define APPLICATION_EXIT 0x20026u

#ifdef __riscv

static int32_t call(int32_t operation, const void *arguments)
{
    register int32_t a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = arguments;
    /* Within a line of 16 bytes, hence a page, and not compressed: so QEMU knows it. */
    __asm__ volatile(".option push\n\t.option norvc\n\t.balign 16\n\t"
                     "slli zero, zero, 0x1f\n\tebreak\n\tsrai zero, zero, 7\n\t.option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return a0;
}

#else

static int32_t call(int32_t operation, const void *arguments)
{
    register int32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

#endif

static uint32_t length(const char *text)
{
    uint32_t count = 0;
    while (text[count] != '\0') {
        count++;
    }
    return count;
}

int host_command_line(char *text, uint32_t bytes)
{
    const uintptr_t block[] = {(uintptr_t)text, bytes};
    return call(SYS_GET_CMDLINE, block) == 0 ? 0 : -1;
}

int32_t host_open(const char *path, int mode)
{
    const uintptr_t block[] = {(uintptr_t)path, (uintptr_t)mode, length(path)};
    return call(SYS_OPEN, block);
}

int host_read(int32_t handle, void *to, uint32_t bytes)
{
    const uintptr_t block[] = {(uintptr_t)handle, (uintptr_t)to, bytes};
    return call(SYS_READ, block) == 0 ? 0 : -1; /* it returns the bytes that are missing */
}

int host_write(int32_t handle, const void *from, uint32_t bytes)
{
    const uintptr_t block[] = {(uintptr_t)handle, (uintptr_t)from, bytes};
    return call(SYS_WRITE, block) == 0 ? 0 : -1; /* likewise */
}

int host_close(int32_t handle)
{
    const uintptr_t block[] = {(uintptr_t)handle};
    return call(SYS_CLOSE, block) == 0 ? 0 : -1;
}

void host_print(const char *text)
{
    call(SYS_WRITE0, text);
}

void host_print_number(uint32_t value)
{
    char text[11];
    uint32_t at = sizeof text - 1;
    text[at] = '\0';
    do {
        text[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    host_print(text + at);
}

void host_print_hex(uint32_t value)
{
    char text[9];
    int digit;
    for (digit = 0; digit < 8; digit++) {
        text[digit] = "0123456789abcdef"[(value >> (28 - 4 * digit)) & 15u];
    }
    text[8] = '\0';
    host_print(text);
}

_Noreturn void host_exit(int status)
{
    const uintptr_t block[] = {APPLICATION_EXIT, (uintptr_t)status};
    call(SYS_EXIT_EXTENDED, block);
    for (;;) {
    }
}
