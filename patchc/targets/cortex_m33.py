"""Arm Cortex-M33 with DSP extension and single-precision unit."""

from patchc.targets.board import MPS2_AN505
from patchc.targets.core import Core
from patchc.targets.cost_table import Coefficients, CostTable
from patchc.targets.reserve import Reserve
from patchc.targets.timing import Timing

# What kernels take. Made by: python -m benchmarks.fit --core cortex-m33
_COSTS = CostTable(
    flavours={
        "portable": Coefficients(per_row=36_192),
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
        "add.cmsis-nn-dsp": Coefficients(per_call=67_595, per_row=153_136, per_output=58_500),
        "average_pool.cmsis-nn-dsp": Coefficients(per_output=58_896),
        "global_average_pool.cmsis-nn-dsp": Coefficients(
            per_call=54_901, per_row=295_396, per_output=7_998
        ),
        "mul.cmsis-nn-dsp": Coefficients(per_call=68_595, per_row=141_136, per_output=26_500),
        "add": Coefficients(per_call=105_243, per_row=207_841, per_pixel=18, per_output=15_003),
        "add.dsp": Coefficients(per_call=168_176, per_row=207_190, per_pixel=555, per_output=8_540),
        "concat": Coefficients(per_call=909_958, per_pixel=230, per_output=9_338),
        "conv2d": Coefficients(
            per_pixel=453_686,
            per_output=36_818,
            per_mac=2_295,
            per_weight_byte=10_893,
            per_tap=8_038,
        ),
        "conv2d.dsp": Coefficients(
            per_call=482_304, per_pixel=487_676, per_output=11_283, per_mac=1_109, per_tap=3_489
        ),
        "conv2d_depthwise": Coefficients(
            per_row=944_318, per_pixel=20_261, per_output=19_449, per_mac=6_347
        ),
        "conv2d_depthwise.dsp": Coefficients(
            per_row=751_413,
            per_pixel=61_756,
            per_output=6_541,
            per_mac=1_468,
            per_weight_byte=4_140,
            per_tap=1_560,
        ),
        "conv2d_pointwise": Coefficients(
            per_call=37_278,
            per_pixel=61_202,
            per_output=32_752,
            per_mac=2_403,
            per_weight_byte=676,
            per_tap=31,
        ),
        "conv2d_pointwise.dsp": Coefficients(
            per_call=437_251,
            per_pixel=101_983,
            per_output=10_243,
            per_mac=482,
            per_weight_byte=1_913,
            per_tap=2_824,
        ),
        "dense": Coefficients(per_output=32_752, per_mac=3_066, per_tap=3_252),
        "dense.dsp": Coefficients(per_call=19_852, per_output=22_851, per_mac=1_348, per_tap=6_851),
        "global_average_pool": Coefficients(per_call=750_614, per_output=5_196),
        "max_pool": Coefficients(per_call=371_140, per_pixel=260_744, per_output=18_230),
        "max_pool.dsp": Coefficients(
            per_call=315_228, per_row=9_903, per_pixel=255_963, per_output=4_353
        ),
        "mul": Coefficients(per_call=444_377, per_pixel=19_966, per_output=17_184),
        "pointwise_add": Coefficients(
            per_call=375_707,
            per_row=842_304,
            per_pixel=46_394,
            per_output=16_986,
            per_mac=2_404,
            per_tap=1_186,
        ),
        "pointwise_add.dsp": Coefficients(
            per_call=168_628,
            per_row=1_686_203,
            per_pixel=15_194,
            per_output=11_630,
            per_weight_byte=3_114,
        ),
        "pointwise_finish": Coefficients(per_output=28_478),
        "pointwise_finish.dsp": Coefficients(per_output=17_419),
        "sub": Coefficients(per_call=232_655, per_row=139_837, per_pixel=4_405, per_output=15_023),
        "sub.dsp": Coefficients(
            per_call=461_791, per_row=70_340, per_pixel=11_407, per_output=8_418
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
    reserve=Reserve(layers=640, tunnels=808, groups=840, library=1488),
    boards=(MPS2_AN505,),
    flavours=("portable", "dsp"),
    cost_table=_COSTS,
)
