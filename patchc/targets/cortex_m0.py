"""Arm Cortex-M0 and M0+: no DSP instructions, no unaligned access."""

from patchc.targets.board import MICROBIT, MPS2_AN385
from patchc.targets.core import Core
from patchc.targets.reserve import Reserve
from patchc.targets.timing import Timing

CORTEX_M0 = Core(
    name="cortex-m0",
    description="Arm Cortex-M0, ARMv6-M",
    timing=Timing(
        source="Cortex-M0 TRM (DDI 0432C), table 3-1; the multiplier that takes one cycle",
        store=2,
        store_by_register=2,
        call=4,
        return_=4,
        system=4,
    ),
    compile_flags=("-mcpu=cortex-m0", "-mthumb"),
    # Measured: python -m benchmarks.reserve --core cortex-m0
    reserve=Reserve(layers=560, tunnels=744, groups=944, many=1040),
    boards=(MPS2_AN385, MICROBIT),
    # Its one multiplication gives the low word of a product.
    flavours=("portable", "narrow"),
)
