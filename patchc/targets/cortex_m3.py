"""Arm Cortex-M3: ARMv7-M without DSP instructions."""

from patchc.targets.board import MPS2_AN385
from patchc.targets.core import Core
from patchc.targets.reserve import Reserve

CORTEX_M3 = Core(
    name="cortex-m3",
    description="Arm Cortex-M3, ARMv7-M",
    compile_flags=("-mcpu=cortex-m3", "-mthumb"),
    # Measured: python -m benchmarks.reserve --core cortex-m3
    reserve=Reserve(layers=712, tunnels=840, groups=1024, many=1024),
    boards=(MPS2_AN385,),
)
