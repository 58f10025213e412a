"""Arm Cortex-M0 and M0+: no DSP instructions, no unaligned access."""

from patchc.targets.board import MICROBIT, MPS2_AN385
from patchc.targets.core import STACK_RESERVE_BYTES, Core

CORTEX_M0 = Core(
    name="cortex-m0",
    description="Arm Cortex-M0, ARMv6-M",
    compile_flags=("-mcpu=cortex-m0", "-mthumb"),
    reserve_bytes=STACK_RESERVE_BYTES,
    boards=(MPS2_AN385, MICROBIT),
)
