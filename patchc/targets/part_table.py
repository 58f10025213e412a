"""The parts that are known by name, a line each: data only.

RAM is the largest range of addresses without a gap that the core reads and writes at full speed, as
an arena has to lie in one; a part may have more beside it. Flash is the one on the chip; 0 where
there is none. The clock is the fastest at which the data sheet allows the core to run.

A name covers all parts whose names go on from it: an STM32F411CEU6 is an stm32f411. Where those
differ in flash, the largest counts; where they differ in RAM, the name says which one it is.
"""

from __future__ import annotations

# name, core, KiB of RAM, KiB of flash, MHz, the document that says so
Row = tuple[str, str, int, int, float, str]

_M0, _M0PLUS, _M3, _M4 = "cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m4"
_M7, _M33, _M85, _RV32 = "cortex-m7", "cortex-m33", "cortex-m85", "rv32imac"

TABLE: tuple[Row, ...] = (
    ("nrf51822", _M0, 16, 256, 16, "nRF51822 Product Specification"),
    ("stm32f030r8", _M0, 8, 64, 48, "STM32F030x4/x6/x8/xC data sheet"),
    ("stm32f072", _M0, 16, 128, 48, "STM32F072x8/xB data sheet"),
    ("kl25z128", _M0PLUS, 16, 128, 48, "KL25 Sub-Family data sheet"),
    ("rp2040", _M0PLUS, 264, 0, 133, "RP2040 data sheet"),
    ("samd21g18", _M0PLUS, 32, 256, 48, "SAM D21/DA1 Family data sheet"),
    ("stm32g071", _M0PLUS, 36, 128, 64, "STM32G071x8/xB data sheet"),
    ("stm32g0b1", _M0PLUS, 144, 512, 64, "STM32G0B1xB/xC/xE data sheet"),
    ("stm32l073", _M0PLUS, 20, 192, 32, "STM32L073x8/xB/xZ data sheet"),
    ("lpc1768", _M3, 32, 512, 100, "LPC1769/68/67/66/65/64/63 data sheet"),
    ("stm32f103c8", _M3, 20, 64, 72, "STM32F103x8/xB data sheet"),
    ("stm32l152re", _M3, 80, 512, 32, "STM32L151xE/L152xE data sheet"),
    ("apollo3", _M4, 384, 1024, 48, "Apollo3 Blue SoC data sheet"),
    ("apollo3p", _M4, 768, 2048, 48, "Apollo3 Blue Plus SoC data sheet"),
    ("apollo4", _M4, 384, 2048, 96, "Apollo4 SoC data sheet: the tightly coupled memory"),
    ("cc2652r", _M4, 80, 352, 48, "CC2652R data sheet"),
    ("efr32mg12p", _M4, 256, 1024, 40, "EFR32MG12 Family data sheet"),
    ("k64f", _M4, 256, 1024, 120, "K64 Sub-Family data sheet"),
    ("max78000", _M4, 128, 512, 100, "MAX78000 data sheet"),
    ("max78002", _M4, 384, 2560, 120, "MAX78002 data sheet"),
    ("nrf52832", _M4, 64, 512, 64, "nRF52832 Product Specification"),
    ("nrf52833", _M4, 128, 512, 64, "nRF52833 Product Specification"),
    ("nrf52840", _M4, 256, 1024, 64, "nRF52840 Product Specification"),
    ("ra4m1", _M4, 32, 256, 48, "RA4M1 Group data sheet"),
    ("sam4s16", _M4, 128, 1024, 120, "SAM4S Series data sheet"),
    ("samd51j19", _M4, 192, 512, 120, "SAM D5x/E5x Family data sheet"),
    ("stm32f303re", _M4, 64, 512, 72, "STM32F303xD/xE data sheet"),
    ("stm32f401re", _M4, 96, 512, 84, "STM32F401xD/xE data sheet"),
    ("stm32f407", _M4, 128, 1024, 168, "STM32F405xx/F407xx data sheet"),
    ("stm32f411", _M4, 128, 512, 100, "STM32F411xC/xE data sheet"),
    ("stm32f429", _M4, 192, 2048, 180, "STM32F427xx/F429xx data sheet"),
    ("stm32f446", _M4, 128, 512, 180, "STM32F446xC/xE data sheet"),
    ("stm32g431", _M4, 22, 128, 170, "STM32G431x6/x8/xB data sheet"),
    ("stm32g474", _M4, 96, 512, 170, "STM32G474xB/xC/xE data sheet"),
    ("stm32l432", _M4, 64, 256, 80, "STM32L432KB/KC data sheet"),
    ("stm32l476", _M4, 96, 1024, 80, "STM32L476xx data sheet"),
    ("stm32l4r5", _M4, 640, 2048, 120, "STM32L4R5xx data sheet"),
    ("stm32wb55rg", _M4, 192, 1024, 64, "STM32WB55xx data sheet"),
    ("tm4c123gh6pm", _M4, 32, 256, 80, "TM4C123GH6PM data sheet"),
    ("imxrt1062", _M7, 512, 0, 600, "i.MX RT1060 data sheet"),
    ("same70q21", _M7, 384, 2048, 300, "SAM E70/S70/V70/V71 Family data sheet"),
    ("stm32f746", _M7, 320, 1024, 216, "STM32F745xx/F746xx data sheet"),
    ("stm32f767", _M7, 512, 2048, 216, "STM32F765xx/F767xx data sheet"),
    ("stm32h743", _M7, 512, 2048, 480, "STM32H742xI/G, STM32H743xI/G data sheet"),
    ("stm32h7a3", _M7, 1024, 2048, 280, "STM32H7A3xI/G data sheet"),
    ("efr32mg24", _M33, 256, 1536, 78, "EFR32MG24 Family data sheet"),
    ("lpc55s69", _M33, 256, 640, 150, "LPC55S6x data sheet"),
    ("nrf5340", _M33, 512, 1024, 128, "nRF5340 Product Specification: the application core"),
    ("nrf54l15", _M33, 256, 1524, 128, "nRF54L15 data sheet"),
    ("nrf9160", _M33, 256, 1024, 64, "nRF9160 Product Specification"),
    ("ra4m3", _M33, 128, 1024, 100, "RA4M3 Group data sheet"),
    ("ra6m4", _M33, 256, 1024, 200, "RA6M4 Group data sheet"),
    ("ra6m5", _M33, 512, 2048, 200, "RA6M5 Group data sheet"),
    ("rp2350", _M33, 520, 0, 150, "RP2350 data sheet: an Arm core"),
    ("stm32h563", _M33, 640, 2048, 250, "STM32H562xx/H563xx data sheet"),
    ("stm32l552", _M33, 256, 512, 110, "STM32L552xx data sheet"),
    ("stm32u575", _M33, 768, 2048, 160, "STM32U575xx data sheet"),
    ("stm32u585", _M33, 768, 2048, 160, "STM32U585xx data sheet"),
    ("ra8d1", _M85, 896, 2048, 480, "RA8D1 Group data sheet"),
    ("ra8m1", _M85, 896, 2048, 480, "RA8M1 Group data sheet"),
    ("ch32v307", _RV32, 64, 256, 144, "CH32V20x/30x data sheet: as it is delivered"),
    ("esp32c3", _RV32, 384, 0, 160, "ESP32-C3 Series data sheet: without the cache"),
    ("esp32c6", _RV32, 512, 0, 160, "ESP32-C6 Series data sheet"),
    ("esp32h2", _RV32, 320, 0, 96, "ESP32-H2 Series data sheet"),
    ("gd32vf103cb", _RV32, 32, 128, 108, "GD32VF103 data sheet"),
    ("rp2350riscv", _RV32, 520, 0, 150, "RP2350 data sheet: a Hazard3 core"),
)

# What people call a family, for the member that most boards have.
USUAL = {
    "gd32vf103": "gd32vf103cb",
    "kl25z": "kl25z128",
    "samd21": "samd21g18",
    "samd51": "samd51j19",
    "same70": "same70q21",
    "stm32f103": "stm32f103c8",
    "stm32f303": "stm32f303re",
    "stm32f401": "stm32f401re",
    "stm32wb55": "stm32wb55rg",
    "tm4c123": "tm4c123gh6pm",
}
