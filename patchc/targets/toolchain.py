"""What builds and runs a family of cores."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Toolchain:
    """Programs by name, and the Debian packages that bring them."""

    family: str  # of the files in runtime_c/platform
    prefix: str  # of gcc, ar and objdump
    packages: str  # of the compiler
    qemu: str
    qemu_packages: str
    # Does the compiler come with a C library? Else the test image brings what a network calls of
    # it, and CMSIS-NN, which includes more, is not for these cores.
    has_libc: bool = True

    @property
    def compiler(self) -> str:
        return f"{self.prefix}gcc"

    @property
    def objdump(self) -> str:
        return f"{self.prefix}objdump"


ARM = Toolchain(
    family="arm",
    prefix="arm-none-eabi-",
    packages="gcc-arm-none-eabi libnewlib-arm-none-eabi",
    qemu="qemu-system-arm",
    qemu_packages="qemu-system-arm",
)

RISCV = Toolchain(
    family="riscv",
    prefix="riscv64-unknown-elf-",
    packages="gcc-riscv64-unknown-elf",
    qemu="qemu-system-riscv32",
    qemu_packages="qemu-system-misc",
    has_libc=False,
)
