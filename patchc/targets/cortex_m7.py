"""Arm Cortex-M7 with its single-precision unit (which patchc's C does not use)."""

from patchc.targets.armv7em_costs import ARMV7EM_COSTS
from patchc.targets.board import MPS2_AN500
from patchc.targets.core import Core
from patchc.targets.reserve import Reserve

CORTEX_M7 = Core(
    name="cortex-m7",
    description="Arm Cortex-M7F, ARMv7E-M",
    compile_flags=("-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
    # Measured: python -m benchmarks.reserve --core cortex-m7
    reserve=Reserve(layers=704, tunnels=1056, groups=1104, many=1104),
    boards=(MPS2_AN500,),
    flavours=("portable", "dsp"),
    cost_table=ARMV7EM_COSTS,
)
