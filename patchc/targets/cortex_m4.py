"""Arm Cortex-M4 with its single-precision unit (which patchc's C does not use)."""

from patchc.targets.armv7em_costs import ARMV7EM_COSTS
from patchc.targets.board import MPS2_AN386
from patchc.targets.core import Core
from patchc.targets.reserve import Reserve

CORTEX_M4 = Core(
    name="cortex-m4",
    description="Arm Cortex-M4F, ARMv7E-M",
    compile_flags=("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
    # Measured: python -m benchmarks.reserve --core cortex-m4
    reserve=Reserve(layers=704, tunnels=1056, groups=1104, many=1104),
    boards=(MPS2_AN386,),
    flavours=("portable", "dsp"),
    cost_table=ARMV7EM_COSTS,
)
