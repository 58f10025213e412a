"""Arm Cortex-M7 with its single-precision unit (which patchc's C does not use)."""

from patchc.targets.armv7em_costs import ARMV7EM_COSTS
from patchc.targets.board import MPS2_AN500
from patchc.targets.core import Core
from patchc.targets.reserve import Reserve
from patchc.targets.timing import Timing

CORTEX_M7 = Core(
    name="cortex-m7",
    description="Arm Cortex-M7F, ARMv7E-M",
    timing=Timing(
        source="Arm publishes none: pairs as measured by others, every jump predicted",
        load=1,
        jump=1,
        call=1,
        table_jump=3,
        load_jump=3,
        return_=1,
        load_use=1,
        issues_two=True,
    ),
    compile_flags=("-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
    # Measured: python -m benchmarks.reserve --core cortex-m7
    reserve=Reserve(layers=704, tunnels=1056, groups=1104, many=1104),
    boards=(MPS2_AN500,),
    flavours=("portable", "dsp"),
    cost_table=ARMV7EM_COSTS,
)
