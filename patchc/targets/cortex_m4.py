"""Arm Cortex-M4 with its single-precision unit (which patchc's C does not use)."""

from patchc.targets.armv7em_costs import ARMV7EM_COSTS
from patchc.targets.board import MPS2_AN386
from patchc.targets.core import Core
from patchc.targets.reserve import Reserve
from patchc.targets.timing import Timing

CORTEX_M4 = Core(
    name="cortex-m4",
    description="Arm Cortex-M4F, ARMv7E-M",
    timing=Timing(
        source="Cortex-M4 TRM (100166_0001), 3.3; divisions 7 of 2-12, refilling the pipeline 2 of "
        "1-3",
        store_by_register=2,
        loads_pipeline=True,
        address_use=1,
    ),
    compile_flags=("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
    # Measured: python -m benchmarks.reserve --core cortex-m4
    reserve=Reserve(layers=704, tunnels=1056, groups=1104, many=1104),
    boards=(MPS2_AN386,),
    flavours=("portable", "dsp"),
    cost_table=ARMV7EM_COSTS,
)
