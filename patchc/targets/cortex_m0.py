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
        "portable": Coefficients(per_call=282_333, per_output=3_767),
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
        "add": Coefficients(per_call=780_333, per_row=245_898, per_pixel=2_248, per_output=27_860),
        "conv2d": Coefficients(
            per_call=716_870, per_pixel=1_006_133, per_output=122_202, per_mac=9_043
        ),
        "conv2d.narrow": Coefficients(
            per_call=708_957, per_pixel=934_351, per_output=44_010, per_mac=6_109
        ),
        "conv2d_depthwise": Coefficients(per_pixel=232_801, per_output=87_329, per_mac=14_716),
        "conv2d_depthwise.narrow": Coefficients(
            per_call=717_139, per_pixel=275_877, per_output=65_051, per_mac=14_865
        ),
        "conv2d_pointwise": Coefficients(
            per_call=950_657, per_pixel=8_773, per_output=126_216, per_mac=9_904
        ),
        "conv2d_pointwise.narrow": Coefficients(
            per_call=901_454, per_row=188_885, per_pixel=65_019, per_output=64_454, per_mac=5_642
        ),
        "dense": Coefficients(per_call=37_127, per_output=124_500, per_mac=7_890),
        "dense.narrow": Coefficients(per_output=92_125, per_mac=6_387),
        "global_average_pool": Coefficients(per_call=7_195_333, per_output=8_286),
        "max_pool": Coefficients(per_call=666_668, per_pixel=346_475, per_output=26_571),
        "mul": Coefficients(per_call=623_031, per_pixel=139_247, per_output=40_164),
        "pointwise_add": Coefficients(
            per_row=4_437_088, per_output=24_525, per_mac=9_204, per_weight_byte=5_542
        ),
        "pointwise_add.narrow": Coefficients(
            per_row=1_769_844, per_pixel=93_422, per_output=15_775, per_mac=5_582
        ),
        "pointwise_finish": Coefficients(per_row=11_952_073, per_output=96_811),
        "pointwise_finish.narrow": Coefficients(per_row=6_868_601, per_output=38_427),
        "sub": Coefficients(per_call=283_750, per_row=55_688, per_pixel=15_906, per_output=28_389),
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
    reserve=Reserve(layers=680, tunnels=840, groups=1024, many=1120, library=1392),
    boards=(MPS2_AN385, MICROBIT),
    # Its one multiplication gives the low word of a product.
    flavours=("portable", "narrow"),
    cost_table=_COSTS,
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
