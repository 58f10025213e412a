/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
#include "guard.h"

/* From link.ld. Their addresses are the values. */
extern char code_origin[], code_bytes[], external_origin[], external_bytes[], region_start[],
    region_bytes[];

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define MPU_TYPE REGISTER(0xE000ED90u)
#define MPU_RNR REGISTER(0xE000ED98u)
#define MPU_RBAR REGISTER(0xE000ED9Cu)
#define MPU_RASR REGISTER(0xE000EDA0u) /* ARMv8-M: RLAR */
#define MPU_MAIR0 REGISTER(0xE000EDC0u)

/* The MPU on for privileged code too, without the default map behind it; off in HardFault. */
#define MPU_ENABLE 1u

typedef enum { EXECUTE, READ, WRITE } rights;

uint32_t guard_control;

uint32_t guard_regions(void)
{
    return (MPU_TYPE >> 8) & 0xffu;
}

#if __ARM_ARCH >= 8

/* PMSAv8: any multiple of 32 bytes is one region. */
static uint32_t allow(uint32_t region, uint32_t start, uint32_t bytes, rights wanted)
{
    const uint32_t read_only = wanted == WRITE ? 0u : 1u, execute_never = wanted != EXECUTE;
    MPU_RNR = region;
    MPU_RBAR = start | read_only << 2 | 1u << 1 | execute_never;
    MPU_RASR = ((start + bytes - 1) & ~31u) | 1u;
    return region + 1;
}

static void prepare(void)
{
    MPU_MAIR0 = 0x44u; /* attribute 0: normal memory, not cached */
}

#else

/* PMSAv7: a region is a power of two of at least 32 bytes, at a multiple of itself; from 256 bytes
 * on it consists of eight parts that can be left out. Four to seven parts of the next power of two
 * cover all but less than one part, which is for the next region: so each takes three bits of the
 * length, and six regions do for 2 MB. `start` is a multiple of that power of two. */
static uint32_t allow(uint32_t region, uint32_t start, uint32_t bytes, rights wanted)
{
    const uint32_t access = wanted == WRITE ? 3u : 6u, execute_never = wanted != EXECUTE;

    bytes = (bytes + 31u) & ~31u;
    while (bytes != 0) {
        uint32_t log2 = 31, left_out = 0, covered;
        while (bytes >> log2 == 0) {
            log2--;
        }
        covered = 1u << log2;
        if (covered != bytes && log2 >= 7) {
            const uint32_t part = log2 - 2; /* of 2 << log2 bytes */
            left_out = 0xffu & (0xffu << (bytes >> part));
            covered = bytes >> part << part;
            log2++;
        }
        MPU_RNR = region++;
        MPU_RBAR = start;
        MPU_RASR = execute_never << 28 | access << 24 | 1u << 19 | 3u << 16 | left_out << 8 |
                   (log2 - 1) << 1 | 1u;
        start += covered;
        bytes -= covered;
    }
    return region;
}

static void prepare(void)
{
}

#endif

void guard_setup(void)
{
    uint32_t region = 0;

    if (guard_regions() == 0) {
        return;
    }
    prepare();
    region = allow(region, (uint32_t)code_origin, (uint32_t)code_bytes, EXECUTE);
    if ((uint32_t)external_bytes != 0) {
        region = allow(region, (uint32_t)external_origin, (uint32_t)external_bytes, READ);
    }
    allow(region, (uint32_t)region_start, (uint32_t)region_bytes, WRITE);
    guard_control = MPU_ENABLE;
}
