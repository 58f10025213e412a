"""The boards that QEMU plays: memories by address, as OUT/test/firmware is given them."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Memory:
    """A range of addresses, in bytes."""

    origin: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Board:
    """A QEMU machine and what of its memory is for what.

    With an MPU, `code` and `external` are powers of two at multiples of themselves, and `ram`
    begins at a multiple of the largest power of two in it (PMSAv7's regions).
    """

    name: str
    core: str  # that it has; it may run the code of smaller ones, too
    machine: str  # of QEMU's -M
    code: Memory
    ram: Memory  # from its start: the region under test, then what is painted behind it
    harness: Memory  # stack and variables of the test program, which nobody counts
    # Weights and inputs, which the network only reads. None: weights lie in `code`, inputs in
    # `harness`.
    external: Memory | None
    qemu_args: tuple[str, ...] = ()  # further ones
    stack_align: int = 8  # of the procedure call standard, in bytes


def mps2(name: str, core: str, external: int) -> Board:
    """Arm's MPS2 with an ARMv7-M image: 4 MB of code, 4 MB of RAM, 16 MB of PSRAM."""
    return Board(
        name=name,
        core=core,
        machine=name,
        code=Memory(0x0000_0000, 4 * MIB),
        ram=Memory(0x2000_0000, 2 * MIB),
        harness=Memory(0x2020_0000, 2 * MIB),
        external=Memory(external, 16 * MIB),
    )


MPS2_AN385 = mps2("mps2-an385", "cortex-m3", external=0x2100_0000)
MPS2_AN386 = mps2("mps2-an386", "cortex-m4", external=0x2100_0000)
MPS2_AN500 = mps2("mps2-an500", "cortex-m7", external=0x6000_0000)

# Cortex-M33F; addresses of the secure state, in which it starts.
MPS2_AN505 = Board(
    name="mps2-an505",
    core="cortex-m33",
    machine="mps2-an505",
    code=Memory(0x1000_0000, 4 * MIB),
    ram=Memory(0x3800_0000, 2 * MIB),
    harness=Memory(0x3820_0000, 2 * MIB),
    external=Memory(0x8000_0000, 16 * MIB),
)

# Cortex-M55 with MVE. Its 512 KB of data TCM would be too small for networks layer by layer.
MPS3_AN547 = Board(
    name="mps3-an547",
    core="cortex-m55",
    machine="mps3-an547",
    code=Memory(0x0000_0000, 512 * KIB),
    ram=Memory(0x2100_0000, 4 * MIB),
    harness=Memory(0x2000_0000, 512 * KIB),
    external=Memory(0x6000_0000, 16 * MIB),
)

# Cortex-M0 without an MPU: 16 KB of RAM, outside of which it faults, as it does on unaligned words.
MICROBIT = Board(
    name="microbit",
    core="cortex-m0",
    machine="microbit",
    code=Memory(0x0000_0000, 256 * KIB),
    ram=Memory(0x2000_0000, 10 * KIB),
    harness=Memory(0x2000_2800, 6 * KIB),
    external=None,
)

# QEMU's own machine: one memory, cut into parts. The core boots where it begins.
RISCV_VIRT = Board(
    name="riscv-virt",
    core="rv32imac",
    machine="virt",
    code=Memory(0x8000_0000, 16 * MIB),
    ram=Memory(0x8100_0000, 16 * MIB),
    harness=Memory(0x8200_0000, 16 * MIB),
    external=Memory(0x8400_0000, 32 * MIB),
    qemu_args=("-bios", "none"),
    stack_align=16,
)
