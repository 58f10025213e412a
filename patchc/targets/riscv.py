"""RISC-V of 32 bits with products, atomics and compressed instructions, as in ESP32-C6, CH32V and
RP2350: plain C."""

from patchc.targets.board import RISCV_VIRT
from patchc.targets.core import Core
from patchc.targets.reserve import Reserve
from patchc.targets.toolchain import RISCV

RV32IMAC = Core(
    name="rv32imac",
    description="RISC-V RV32IMAC",
    timing=None,
    compile_flags=("-march=rv32imac", "-mabi=ilp32"),
    # Measured: python -m benchmarks.reserve --core rv32imac
    reserve=Reserve(layers=624, tunnels=816, groups=816),
    boards=(RISCV_VIRT,),
    toolchain=RISCV,
)
