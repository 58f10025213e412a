"""Arm Cortex-M0 and M0+: no DSP instructions, no unaligned access."""

from patchc.targets.board import MICROBIT, MPS2_AN385
from patchc.targets.core import Core
from patchc.targets.reserve import Reserve

CORTEX_M0 = Core(
    name="cortex-m0",
    description="Arm Cortex-M0, ARMv6-M",
    compile_flags=("-mcpu=cortex-m0", "-mthumb"),
    # Measured: python -m benchmarks.reserve --core cortex-m0
    reserve=Reserve(layers=680, tunnels=840, groups=1024, many=1120),
    boards=(MPS2_AN385, MICROBIT),
    # Its one multiplication gives the low word of a product.
    flavours=("portable", "narrow"),
)
