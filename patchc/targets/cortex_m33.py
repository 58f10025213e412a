"""Arm Cortex-M33 with DSP extension and single-precision unit."""

from patchc.targets.board import MPS2_AN505
from patchc.targets.core import STACK_RESERVE_BYTES, Core

CORTEX_M33 = Core(
    name="cortex-m33",
    description="Arm Cortex-M33F, ARMv8-M Mainline",
    compile_flags=("-mcpu=cortex-m33", "-mthumb", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
    reserve_bytes=STACK_RESERVE_BYTES,
    boards=(MPS2_AN505,),
)
