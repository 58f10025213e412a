"""Arm Cortex-M55 with MVE."""

from patchc.targets.board import MPS3_AN547
from patchc.targets.core import Core
from patchc.targets.cortex_m55_costs import CORTEX_M55_COSTS
from patchc.targets.reserve import Reserve

CORTEX_M55 = Core(
    name="cortex-m55",
    description="Arm Cortex-M55 with MVE, ARMv8.1-M Mainline",
    compile_flags=("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"),
    # Measured: python -m benchmarks.reserve --core cortex-m55
    reserve=Reserve(layers=1008, tunnels=1184, groups=1272, many=1272),
    boards=(MPS3_AN547,),
    flavours=("portable", "mve"),
    cost_table=CORTEX_M55_COSTS,
)
