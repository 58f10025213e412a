# Part of what patchc made. SPDX-License-Identifier: Apache-2.0 OR 0BSD
# The cores, their flags, and where QEMU runs them; the first board is the default.

CORES = cortex-m0 cortex-m0plus cortex-m3 cortex-m4 cortex-m7 cortex-m23 cortex-m33 cortex-m55 cortex-m85 rv32imac
FAMILY_cortex-m0 = arm
FLAGS_cortex-m0 = -mcpu=cortex-m0 -mthumb
BOARDS_cortex-m0 = mps2-an385 microbit
FAMILY_cortex-m0plus = arm
FLAGS_cortex-m0plus = -mcpu=cortex-m0plus -mthumb
BOARDS_cortex-m0plus = mps2-an385 microbit
FAMILY_cortex-m3 = arm
FLAGS_cortex-m3 = -mcpu=cortex-m3 -mthumb
BOARDS_cortex-m3 = mps2-an385
FAMILY_cortex-m4 = arm
FLAGS_cortex-m4 = -mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard
BOARDS_cortex-m4 = mps2-an386
FAMILY_cortex-m7 = arm
FLAGS_cortex-m7 = -mcpu=cortex-m7 -mthumb -mfpu=fpv5-sp-d16 -mfloat-abi=hard
BOARDS_cortex-m7 = mps2-an500
FAMILY_cortex-m23 = arm
FLAGS_cortex-m23 = -mcpu=cortex-m23 -mthumb
BOARDS_cortex-m23 = mps2-an505
FAMILY_cortex-m33 = arm
FLAGS_cortex-m33 = -mcpu=cortex-m33 -mthumb -mfpu=fpv5-sp-d16 -mfloat-abi=hard
BOARDS_cortex-m33 = mps2-an505
FAMILY_cortex-m55 = arm
FLAGS_cortex-m55 = -mcpu=cortex-m55 -mthumb -mfloat-abi=hard
BOARDS_cortex-m55 = mps3-an547
FAMILY_cortex-m85 = arm
FLAGS_cortex-m85 = -mcpu=cortex-m55 -mthumb -mfloat-abi=hard
BOARDS_cortex-m85 = mps3-an547
FAMILY_rv32imac = riscv
FLAGS_rv32imac = -march=rv32imac -mabi=ilp32
BOARDS_rv32imac = riscv-virt
CROSS_arm = arm-none-eabi-
QEMU_arm = qemu-system-arm
CROSS_riscv = riscv64-unknown-elf-
QEMU_riscv = qemu-system-riscv32

MACHINE_mps2-an385 = mps2-an385
MACHINE_microbit = microbit
MACHINE_mps2-an386 = mps2-an386
MACHINE_mps2-an500 = mps2-an500
MACHINE_mps2-an505 = mps2-an505
MACHINE_mps3-an547 = mps3-an547
MACHINE_riscv-virt = virt -bios none
