"""Arm Cortex-M55 and M85 with MVE."""

from dataclasses import replace

from patchc.targets.board import MPS3_AN547
from patchc.targets.core import Core
from patchc.targets.cortex_m55_costs import CORTEX_M55_COSTS
from patchc.targets.reserve import Reserve
from patchc.targets.timing import Timing

CORTEX_M55 = Core(
    name="cortex-m55",
    description="Arm Cortex-M55 with MVE, ARMv8.1-M Mainline",
    timing=Timing(
        source="Arm publishes none in full: scalars as on the Cortex-M33, vectors at two beats a "
        "cycle, units overlapping, loops that cost nothing on their way back",
        load=1,
        load_use=1,
        loop=0,
    ),
    compile_flags=("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"),
    # Measured: python -m benchmarks.reserve --core cortex-m55
    reserve=Reserve(layers=1008, tunnels=1184, groups=1272, many=1272),
    boards=(MPS3_AN547,),
    flavours=("portable", "mve"),
    cost_table=CORTEX_M55_COSTS,
)

CORTEX_M85 = replace(
    CORTEX_M55,
    name="cortex-m85",
    description="Arm Cortex-M85 with MVE, ARMv8.1-M Mainline",
    timing=replace(
        CORTEX_M55.timing,
        source="Arm publishes none: as the Cortex-M55, but pairs of scalars begin in one cycle",
        issues_two=True,
    ),
    # gcc knows it by name from version 13 on; all that the network needs of it the M55 has, too.
    compile_flags=("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"),
)
