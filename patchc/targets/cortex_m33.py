"""Arm Cortex-M33 with DSP extension and single-precision unit."""

from patchc.targets.armv7em_costs import ARMV7EM_COSTS
from patchc.targets.board import MPS2_AN505
from patchc.targets.core import Core
from patchc.targets.reserve import Reserve
from patchc.targets.timing import Timing

CORTEX_M33 = Core(
    name="cortex-m33",
    description="Arm Cortex-M33F, ARMv8-M Mainline",
    timing=Timing(
        source="Arm publishes none: as the Cortex-M4, but loads that only their reader waits for",
        load=1,
        load_use=1,
    ),
    compile_flags=("-mcpu=cortex-m33", "-mthumb", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
    # Measured: python -m benchmarks.reserve --core cortex-m33
    reserve=Reserve(layers=704, tunnels=1056, groups=1104, many=1104),
    boards=(MPS2_AN505,),
    flavours=("portable", "dsp"),
    cost_table=ARMV7EM_COSTS,
)
