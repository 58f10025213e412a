/* Start of conv_driver.c on a core, without what newlib asks of a debugger about memory, which QEMU
 * does not know of every board. The heap is what lies below the stack. */
#include <stdint.h>
#include <stdlib.h>

extern void start(void);
extern void _fini(void);
extern void *__wrap__sbrk(int bytes);
extern int main(int count, char **words);
extern void initialise_monitor_handles(void);
extern char __stack[], __end__[];

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define CPACR REGISTER(0xE000ED88u)
#define CCR REGISTER(0xE000ED14u)

/* In place of newlib's (-Wl,--wrap=_sbrk). */
void *__wrap__sbrk(int bytes)
{
    static char *top = __end__;
    char *found = top;

    top += bytes;
    return found;
}

static void fault(void)
{
    register uint32_t r0 __asm__("r0") = 0x20; /* SYS_EXIT_EXTENDED */
    static const uint32_t why[2] = {0x20026, 99};
    register const void *r1 __asm__("r1") = why;

    __asm__ volatile("bkpt 0xab" : : "r"(r0), "r"(r1) : "memory");
    for (;;) {
    }
}

/* newlib's, at exit. */
void _fini(void)
{
}

void start(void)
{
    static char *words[] = {"program", "in", "out"};

#ifdef __ARM_FP
    CPACR |= 0xfu << 20;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
#ifdef __ARM_FEATURE_MVE
    CCR |= 1u << 19; /* LOB: low-overhead loops */
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    initialise_monitor_handles();
    exit(main(3, words));
}

typedef void (*handler)(void);

__attribute__((section(".vectors"), used)) static const handler vectors[16] = {
    (handler)(uintptr_t)__stack, start, fault, fault, fault, fault, fault, fault, fault, fault, fault, fault,
};
