"""Arm Cortex-M33 with DSP extension and single-precision unit."""

from patchc.targets.board import MPS2_AN505
from patchc.targets.core import Core
from patchc.targets.cost_table import Coefficients, CostTable
from patchc.targets.reserve import Reserve
from patchc.targets.timing import Timing

# What kernels take. Made by: python -m benchmarks.fit --core cortex-m33
_COSTS = CostTable(
    flavours={
        "portable": Coefficients(per_call=155_198, per_output=2_180),
    },
    kernels={
        "conv2d.cmsis-nn-dsp": Coefficients(
            per_call=987_001, per_pixel=843_556, per_output=41_406, per_mac=2_406
        ),
        "conv2d_depthwise.cmsis-nn-dsp": Coefficients(
            per_call=284_706, per_pixel=125_079, per_mac=7_915
        ),
        "conv2d_depthwise_basic.cmsis-nn-dsp-basic": Coefficients(
            per_call=593_102, per_pixel=9_227_359, per_output=156_905, per_mac=9_139
        ),
        "conv2d_pointwise.cmsis-nn-dsp": Coefficients(
            per_call=1_611_813,
            per_row=314_764,
            per_output=37_584,
            per_mac=1_678,
            per_weight_byte=5_482,
        ),
        "dense.cmsis-nn-dsp": Coefficients(per_call=369_076, per_output=94_000, per_mac=6_375),
        "max_pool.cmsis-nn-dsp": Coefficients(
            per_row=126_722, per_pixel=1_029_111, per_output=9_773
        ),
        "add": Coefficients(per_call=451_996, per_row=158_001, per_pixel=1_215, per_output=15_037),
        "add.dsp": Coefficients(per_row=228_896, per_output=8_533),
        "conv2d": Coefficients(
            per_pixel=708_328, per_output=17_029, per_mac=2_872, per_weight_byte=1_933
        ),
        "conv2d.dsp": Coefficients(per_call=337_739, per_pixel=587_930, per_mac=1_456),
        "conv2d_depthwise": Coefficients(
            per_call=303_120,
            per_row=279_165,
            per_pixel=161_024,
            per_output=13_771,
            per_mac=6_535,
            per_weight_byte=102,
        ),
        "conv2d_depthwise.dsp": Coefficients(
            per_row=515_989, per_pixel=73_773, per_weight_byte=8_547
        ),
        "conv2d_pointwise": Coefficients(
            per_call=201_555,
            per_row=238_130,
            per_pixel=15_370,
            per_output=32_644,
            per_mac=2_527,
            per_weight_byte=705,
        ),
        "conv2d_pointwise.dsp": Coefficients(
            per_call=534_012,
            per_row=866_218,
            per_pixel=61_839,
            per_output=6_856,
            per_mac=1_118,
            per_weight_byte=1_231,
        ),
        "dense": Coefficients(per_call=100_752, per_output=29_500, per_mac=3_181),
        "dense.dsp": Coefficients(per_call=226_669, per_output=16_000, per_mac=1_611),
        "global_average_pool": Coefficients(per_pixel=265_290, per_output=1_968),
        "max_pool": Coefficients(per_call=368_875, per_pixel=261_650, per_output=18_245),
        "max_pool.dsp": Coefficients(per_call=369_031, per_pixel=270_588, per_output=3_744),
        "mul": Coefficients(per_call=396_602, per_pixel=47_390, per_output=17_396),
        "pointwise_add": Coefficients(
            per_row=1_039_157, per_pixel=19_484, per_output=16_808, per_mac=2_497
        ),
        "pointwise_add.dsp": Coefficients(
            per_pixel=236_237, per_output=10_640, per_weight_byte=3_504
        ),
        "pointwise_finish": Coefficients(per_row=5_492_457, per_output=22_128),
        "pointwise_finish.dsp": Coefficients(per_row=282_176, per_output=34_706),
        "sub": Coefficients(per_call=109_386, per_row=157_581, per_pixel=1_759, per_output=15_206),
        "sub.dsp": Coefficients(
            per_call=116_614, per_row=155_252, per_pixel=2_824, per_output=8_784
        ),
    },
)

CORTEX_M33 = Core(
    name="cortex-m33",
    description="Arm Cortex-M33F, ARMv8-M Mainline",
    timing=Timing(
        source="Arm publishes none: as the Cortex-M4, but loads that only their reader waits for",
        load=1,
        load_use=1,
    ),
    compile_flags=("-mcpu=cortex-m33", "-mthumb", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
    # Measured: python -m benchmarks.reserve --core cortex-m33
    reserve=Reserve(layers=704, tunnels=1056, groups=1104, many=1104, library=1280),
    boards=(MPS2_AN505,),
    flavours=("portable", "dsp"),
    cost_table=_COSTS,
)
