"""Arm Cortex-M3: ARMv7-M without DSP instructions."""

from patchc.targets.board import MPS2_AN385
from patchc.targets.core import STACK_RESERVE_BYTES, Core

CORTEX_M3 = Core(
    name="cortex-m3",
    description="Arm Cortex-M3, ARMv7-M",
    compile_flags=("-mcpu=cortex-m3", "-mthumb"),
    reserve_bytes=STACK_RESERVE_BYTES,
    boards=(MPS2_AN385,),
)
