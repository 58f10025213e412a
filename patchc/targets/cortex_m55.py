"""Arm Cortex-M55 with MVE."""

from patchc.targets.board import MPS3_AN547
from patchc.targets.core import STACK_RESERVE_BYTES, Core

CORTEX_M55 = Core(
    name="cortex-m55",
    description="Arm Cortex-M55 with MVE, ARMv8.1-M Mainline",
    compile_flags=("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"),
    reserve_bytes=STACK_RESERVE_BYTES,
    boards=(MPS3_AN547,),
)
