"""Microcontrollers by name: which core, how much RAM and flash.

RAM is the largest range of addresses without a gap that the core reads and writes at full speed,
as an arena has to lie in one; a part may have more beside it. Flash is the one on the chip; 0 where
there is none. Both are from the vendors' data sheets and reference manuals.
"""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024


@dataclass(frozen=True, slots=True)
class Part:
    """A part, or a group of parts that differ in their package only."""

    name: str  # as in `--target`
    core: str
    ram_bytes: int
    flash_bytes: int


def _parts(core: str, **sizes: tuple[int, int]) -> list[Part]:
    """name=(KiB of RAM, KiB of flash)."""
    return [Part(name, core, ram * KIB, flash * KIB) for name, (ram, flash) in sizes.items()]


_ALL = [
    *_parts("cortex-m0", nrf51822=(16, 256), stm32f030r8=(8, 64), stm32f072rb=(16, 128)),
    *_parts(
        "cortex-m0plus",
        kl25z128=(16, 128),
        rp2040=(264, 0),
        samd21g18=(32, 256),
        stm32g071rb=(36, 128),
        stm32g0b1re=(144, 512),
        stm32l073rz=(20, 192),
    ),
    *_parts("cortex-m3", lpc1768=(32, 512), stm32f103c8=(20, 64), stm32l152re=(80, 512)),
    *_parts(
        "cortex-m4",
        atsam4s16=(128, 1024),
        cc2652r=(80, 352),
        efr32mg12p=(256, 1024),
        k64f=(256, 1024),
        max78000=(128, 512),
        nrf52832=(64, 512),
        nrf52833=(128, 512),
        nrf52840=(256, 1024),
        ra4m1=(32, 256),
        samd51j19=(192, 512),
        stm32f303re=(64, 512),
        stm32f401re=(96, 512),
        stm32f407vg=(128, 1024),
        stm32f411re=(128, 512),
        stm32f429zi=(192, 2048),
        stm32f446re=(128, 512),
        stm32g431rb=(22, 128),
        stm32g474re=(96, 512),
        stm32l432kc=(64, 256),
        stm32l476rg=(96, 1024),
        stm32l4r5zi=(640, 2048),
        stm32wb55rg=(192, 1024),
        tm4c123gh6pm=(32, 256),
    ),
    *_parts(
        "cortex-m7",
        imxrt1062=(512, 0),
        same70q21=(384, 2048),
        stm32f746ng=(320, 1024),
        stm32f767zi=(512, 2048),
        stm32h743zi=(512, 2048),
        stm32h7a3zi=(1024, 2048),
    ),
    *_parts(
        "cortex-m33",
        efr32mg24=(256, 1536),
        lpc55s69=(256, 640),
        nrf5340=(512, 1024),
        nrf54l15=(256, 1524),
        nrf9160=(256, 1024),
        ra4m3=(128, 1024),
        ra6m4=(256, 1024),
        ra6m5=(512, 2048),
        rp2350=(520, 0),
        stm32h563zi=(640, 2048),
        stm32l552ze=(256, 512),
        stm32u575zi=(768, 2048),
    ),
    *_parts("cortex-m85", ra8d1=(896, 2048), ra8m1=(896, 2048)),
]

PARTS: dict[str, Part] = {part.name: part for part in sorted(_ALL, key=lambda one: one.name)}


def part_called(name: str) -> Part | None:
    """The part of that name, in any case and with what a vendor writes behind it (the package,
    the temperature: STM32F411RET6); None where there is none."""
    word = name.lower().replace("-", "")
    found = [part for key, part in PARTS.items() if word.startswith(key)]
    return max(found, key=lambda part: len(part.name), default=None)
