"""Arm Cortex-M3: ARMv7-M without DSP instructions."""

from patchc.targets.board import MPS2_AN385
from patchc.targets.core import Core
from patchc.targets.reserve import Reserve
from patchc.targets.timing import Timing

CORTEX_M3 = Core(
    name="cortex-m3",
    description="Arm Cortex-M3, ARMv7-M",
    timing=Timing(
        source="Cortex-M3 TRM (DDI 0337I), 3.3; SMULL 4 of 3-5, SMLAL 5 of 4-7, divisions 7 of "
        "2-12, refilling the pipeline 2 of 1-3",
        store_by_register=2,
        multiply_add=2,
        long_multiply=4,
        long_multiply_add=5,
        loads_pipeline=True,
        address_use=1,
    ),
    compile_flags=("-mcpu=cortex-m3", "-mthumb"),
    # Measured: python -m benchmarks.reserve --core cortex-m3
    reserve=Reserve(layers=712, tunnels=840, groups=1024, many=1024),
    boards=(MPS2_AN385,),
)
