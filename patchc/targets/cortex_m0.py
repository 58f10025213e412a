"""Arm Cortex-M0, M0+ and M23: no DSP instructions, no long products, no unaligned access."""

from dataclasses import replace

from patchc.targets.board import MICROBIT, MPS2_AN385, MPS2_AN505
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
    reserve=Reserve(layers=680, tunnels=840, groups=1024, many=1120),
    boards=(MPS2_AN385, MICROBIT),
    # Its one multiplication gives the low word of a product.
    flavours=("portable", "narrow"),
)

CORTEX_M0PLUS = replace(
    CORTEX_M0,
    name="cortex-m0plus",
    description="Arm Cortex-M0+, ARMv6-M",
    timing=Timing(
        source="Cortex-M0+ TRM (DDI 0484C), table 3-1; the multiplier that takes one cycle",
        store=2,
        store_by_register=2,
        jump=2,
        call=3,
        return_=3,
        system=3,
    ),
    compile_flags=("-mcpu=cortex-m0plus", "-mthumb"),
)

CORTEX_M23 = replace(
    CORTEX_M0,
    name="cortex-m23",
    description="Arm Cortex-M23, ARMv8-M Baseline",
    timing=replace(
        CORTEX_M0PLUS.timing,
        source="as the Cortex-M0+, which it succeeds; a division in 17 cycles (DDI 0550)",
        divide=17,
    ),
    compile_flags=("-mcpu=cortex-m23", "-mthumb"),
    boards=(MPS2_AN505,),
)
