"""Arm Cortex-M55 with MVE."""

from patchc.targets.board import MPS3_AN547
from patchc.targets.core import Core
from patchc.targets.reserve import Reserve

CORTEX_M55 = Core(
    name="cortex-m55",
    description="Arm Cortex-M55 with MVE, ARMv8.1-M Mainline",
    compile_flags=("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"),
    # Measured: python -m benchmarks.reserve --core cortex-m55
    reserve=Reserve(layers=712, tunnels=856, groups=1056, many=1056),
    boards=(MPS3_AN547,),
)
