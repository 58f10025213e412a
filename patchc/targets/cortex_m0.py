"""Arm Cortex-M0, M0+ and M23: no DSP instructions, no long products, no unaligned access."""

from dataclasses import replace

from patchc.targets.board import MICROBIT, MPS2_AN385, MPS2_AN505
from patchc.targets.core import Core
from patchc.targets.cost_table import Coefficients, CostTable
from patchc.targets.reserve import Reserve
from patchc.targets.timing import Timing

# What kernels take. Made by: python -m benchmarks.fit --core cortex-m0
_COSTS = CostTable(
    flavours={
        "portable": Coefficients(per_row=302_000),
    },
    kernels={
        "conv2d.cmsis-nn": Coefficients(
            per_call=1_636_195, per_pixel=1_002_342, per_output=111_389, per_mac=9_097
        ),
        "conv2d_depthwise.cmsis-nn": Coefficients(
            per_call=1_993_259, per_pixel=338_670, per_output=179_005, per_mac=34_516
        ),
        "conv2d_pointwise.cmsis-nn": Coefficients(
            per_call=1_460_556,
            per_row=1_182_165,
            per_output=111_377,
            per_mac=7_902,
            per_weight_byte=7_485,
        ),
        "dense.cmsis-nn": Coefficients(per_call=601_915, per_output=158_625, per_mac=15_000),
        "max_pool.cmsis-nn": Coefficients(per_pixel=6_429_622, per_output=3_452),
        "add.cmsis-nn": Coefficients(per_call=172_826, per_pixel=223_314, per_output=279_714),
        "average_pool.cmsis-nn": Coefficients(per_output=289_404),
        "global_average_pool.cmsis-nn": Coefficients(per_call=2_866_442, per_output=25_116),
        "mul.cmsis-nn": Coefficients(per_call=280_141, per_row=109_634, per_output=107_082),
        "add": Coefficients(per_call=702_883, per_row=131_248, per_pixel=3_507, per_output=28_316),
        "concat": Coefficients(per_call=588_928, per_output=15_780),
        "conv2d": Coefficients(per_call=726_087, per_output=175_994, per_mac=7_824, per_tap=30_849),
        "conv2d.narrow": Coefficients(
            per_output=90_252, per_mac=4_618, per_weight_byte=10_599, per_tap=31_202
        ),
        "conv2d_depthwise": Coefficients(per_pixel=184_500, per_output=96_994, per_mac=14_660),
        "conv2d_depthwise.narrow": Coefficients(
            per_row=623_464, per_pixel=221_984, per_output=75_887, per_mac=14_503
        ),
        "conv2d_pointwise": Coefficients(
            per_call=450_192, per_pixel=1_191, per_output=129_034, per_mac=9_616, per_tap=557
        ),
        "conv2d_pointwise.narrow": Coefficients(
            per_call=551_096,
            per_row=313_572,
            per_pixel=53_719,
            per_output=67_405,
            per_mac=5_394,
            per_weight_byte=97,
        ),
        "dense": Coefficients(per_output=134_665, per_mac=6_857, per_tap=10_306),
        "dense.narrow": Coefficients(per_output=102_056, per_mac=5_220, per_tap=11_752),
        "global_average_pool": Coefficients(per_call=7_193_641, per_output=8_309),
        "max_pool": Coefficients(per_call=673_727, per_pixel=344_558, per_output=26_518),
        "mul": Coefficients(per_call=625_578, per_pixel=165_063, per_output=38_508),
        "pointwise_add": Coefficients(
            per_row=5_738_938,
            per_output=24_525,
            per_mac=7_440,
            per_weight_byte=24_997,
            per_tap=2_770,
        ),
        "pointwise_add.narrow": Coefficients(
            per_call=3_635_164, per_row=12_312, per_pixel=51_366, per_output=15_788, per_mac=5_448
        ),
        "pointwise_finish": Coefficients(per_output=111_357),
        "pointwise_finish.narrow": Coefficients(per_output=41_647),
        "sub": Coefficients(per_call=277_034, per_row=146_088, per_pixel=14_181, per_output=27_893),
    },
)

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
    reserve=Reserve(layers=632, tunnels=816, groups=816, library=1632),
    boards=(MPS2_AN385, MICROBIT),
    # Its one multiplication gives the low word of a product.
    flavours=("portable", "narrow"),
    cost_table=_COSTS,
)

_M0PLUS_TIMING = Timing(
    source="Cortex-M0+ TRM (DDI 0484C), table 3-1; the multiplier that takes one cycle",
    store=2,
    store_by_register=2,
    jump=2,
    call=3,
    return_=3,
    system=3,
)

CORTEX_M0PLUS = replace(
    CORTEX_M0,
    name="cortex-m0plus",
    description="Arm Cortex-M0+, ARMv6-M",
    timing=_M0PLUS_TIMING,
    compile_flags=("-mcpu=cortex-m0plus", "-mthumb"),
)

CORTEX_M23 = replace(
    CORTEX_M0,
    name="cortex-m23",
    description="Arm Cortex-M23, ARMv8-M Baseline",
    timing=replace(
        _M0PLUS_TIMING,
        source="as the Cortex-M0+, which it succeeds; a division in 17 cycles (DDI 0550)",
        divide=17,
    ),
    compile_flags=("-mcpu=cortex-m23", "-mthumb"),
    boards=(MPS2_AN505,),
)
