"""Arm Cortex-M7 with its single-precision unit (which patchc's C does not use)."""

from patchc.targets.board import MPS2_AN500
from patchc.targets.core import Core
from patchc.targets.cost_table import Coefficients, CostTable
from patchc.targets.reserve import Reserve
from patchc.targets.timing import Timing

# What kernels take. Made by: python -m benchmarks.fit --core cortex-m7
_COSTS = CostTable(
    flavours={
        "portable": Coefficients(per_call=128_759, per_output=1_324),
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
        "add": Coefficients(per_call=321_070, per_row=112_990, per_pixel=834, per_output=9_026),
        "add.dsp": Coefficients(per_row=163_875, per_output=6_284),
        "conv2d": Coefficients(
            per_call=84_174, per_pixel=460_816, per_output=15_598, per_mac=1_933
        ),
        "conv2d.dsp": Coefficients(per_call=308_217, per_pixel=407_778, per_mac=1_261),
        "conv2d_depthwise": Coefficients(
            per_call=304_459, per_row=53_082, per_pixel=101_784, per_output=12_426, per_mac=4_346
        ),
        "conv2d_depthwise.dsp": Coefficients(
            per_row=178_556, per_pixel=37_616, per_output=4_796, per_weight_byte=5_908
        ),
        "conv2d_pointwise": Coefficients(
            per_row=317_220, per_pixel=8_639, per_output=24_202, per_mac=1_771, per_weight_byte=395
        ),
        "conv2d_pointwise.dsp": Coefficients(
            per_call=364_663,
            per_row=571_321,
            per_pixel=48_497,
            per_output=5_129,
            per_mac=1_143,
            per_weight_byte=552,
        ),
        "dense": Coefficients(per_call=87_339, per_output=23_250, per_mac=1_659),
        "dense.dsp": Coefficients(per_call=116_028, per_output=13_792, per_mac=1_506),
        "global_average_pool": Coefficients(per_call=1_755_821, per_output=3_358),
        "max_pool": Coefficients(per_call=246_187, per_pixel=162_925, per_output=9_468),
        "max_pool.dsp": Coefficients(per_call=243_442, per_pixel=171_023, per_output=2_485),
        "mul": Coefficients(per_call=250_888, per_pixel=34_561, per_output=11_224),
        "pointwise_add": Coefficients(
            per_row=386_085, per_pixel=9_828, per_output=13_661, per_mac=1_970
        ),
        "pointwise_add.dsp": Coefficients(
            per_pixel=151_484, per_output=7_714, per_weight_byte=3_597
        ),
        "pointwise_finish": Coefficients(per_row=4_199_757, per_output=12_248),
        "pointwise_finish.dsp": Coefficients(per_row=1_579_247, per_output=18_039),
        "sub": Coefficients(per_call=87_216, per_row=114_308, per_pixel=1_271, per_output=9_125),
        "sub.dsp": Coefficients(
            per_call=90_852, per_row=117_202, per_pixel=1_924, per_output=6_433
        ),
    },
)

CORTEX_M7 = Core(
    name="cortex-m7",
    description="Arm Cortex-M7F, ARMv7E-M",
    timing=Timing(
        source="Arm publishes none: pairs as measured by others, every jump predicted",
        load=1,
        jump=1,
        call=1,
        table_jump=3,
        load_jump=3,
        return_=1,
        load_use=1,
        issues_two=True,
    ),
    compile_flags=("-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
    # Measured: python -m benchmarks.reserve --core cortex-m7
    reserve=Reserve(layers=704, tunnels=1056, groups=1104, many=1104, library=1280),
    boards=(MPS2_AN500,),
    flavours=("portable", "dsp"),
    cost_table=_COSTS,
)
