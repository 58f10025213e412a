"""Arm Cortex-M7 with its single-precision unit (which patchc's C does not use)."""

from patchc.targets.board import MPS2_AN500
from patchc.targets.core import Core
from patchc.targets.cost_table import Coefficients, CostTable
from patchc.targets.reserve import Reserve
from patchc.targets.timing import Timing

# What kernels take. Made by: python -m benchmarks.fit --core cortex-m7
_COSTS = CostTable(
    flavours={
        "portable": Coefficients(per_row=25_385),
    },
    kernels={
        "conv2d.cmsis-nn-dsp": Coefficients(
            per_call=804_995,
            per_pixel=479_347,
            per_output=45_023,
            per_mac=1_568,
            per_weight_byte=293,
            per_tap=1_975,
        ),
        "conv2d_depthwise.cmsis-nn-dsp": Coefficients(
            per_call=247_218, per_mac=5_859, per_tap=17_022
        ),
        "conv2d_depthwise_basic.cmsis-nn-dsp-basic": Coefficients(
            per_call=931_887, per_output=214_264, per_mac=4_211, per_tap=128_402
        ),
        "conv2d_pointwise.cmsis-nn-dsp": Coefficients(
            per_call=1_602_397, per_output=30_000, per_mac=1_066, per_weight_byte=3_862
        ),
        "dense.cmsis-nn-dsp": Coefficients(
            per_call=263_237, per_output=70_050, per_mac=4_305, per_tap=384
        ),
        "max_pool.cmsis-nn-dsp": Coefficients(
            per_call=558_487, per_row=86_675, per_pixel=229_641, per_output=17_819
        ),
        "add.cmsis-nn-dsp": Coefficients(per_row=136_218, per_output=39_216),
        "average_pool.cmsis-nn-dsp": Coefficients(per_output=38_562),
        "global_average_pool.cmsis-nn-dsp": Coefficients(
            per_call=256_330, per_row=138_500, per_output=5_004
        ),
        "mul.cmsis-nn-dsp": Coefficients(per_call=58_487, per_row=117_872, per_output=16_498),
        "add": Coefficients(per_call=229_384, per_row=94_968, per_pixel=1_300, per_output=9_082),
        "add.dsp": Coefficients(per_call=83_302, per_row=166_190, per_output=6_253),
        "concat": Coefficients(per_call=611_536, per_output=6_418),
        "conv2d": Coefficients(
            per_pixel=147_572,
            per_output=31_797,
            per_mac=1_440,
            per_weight_byte=3_845,
            per_tap=10_621,
        ),
        "conv2d.dsp": Coefficients(
            per_call=350_217, per_pixel=336_064, per_output=8_505, per_mac=1_052, per_tap=1_810
        ),
        "conv2d_depthwise": Coefficients(per_row=613_950, per_output=15_190, per_mac=4_248),
        "conv2d_depthwise.dsp": Coefficients(
            per_row=409_146,
            per_pixel=54_976,
            per_output=7_052,
            per_mac=1_184,
            per_weight_byte=2_803,
            per_tap=974,
        ),
        "conv2d_pointwise": Coefficients(
            per_call=25_567,
            per_pixel=43_322,
            per_output=24_247,
            per_mac=1_702,
            per_weight_byte=387,
            per_tap=29,
        ),
        "conv2d_pointwise.dsp": Coefficients(
            per_call=395_325,
            per_pixel=63_601,
            per_output=7_574,
            per_mac=736,
            per_weight_byte=965,
            per_tap=1_736,
        ),
        "dense": Coefficients(per_output=25_966, per_mac=1_576, per_tap=2_716),
        "dense.dsp": Coefficients(per_call=74_733, per_output=16_377, per_mac=1_219, per_tap=2_877),
        "global_average_pool": Coefficients(per_call=496_113, per_output=3_518),
        "max_pool": Coefficients(per_call=247_351, per_pixel=161_218, per_output=9_538),
        "max_pool.dsp": Coefficients(
            per_call=203_867, per_row=10_008, per_pixel=158_871, per_output=2_919
        ),
        "mul": Coefficients(per_call=290_789, per_pixel=21_474, per_output=10_945),
        "pointwise_add": Coefficients(
            per_call=153_055,
            per_row=786_637,
            per_pixel=27_430,
            per_output=13_888,
            per_mac=1_715,
            per_tap=486,
        ),
        "pointwise_add.dsp": Coefficients(
            per_call=517_932,
            per_row=706_476,
            per_pixel=25_843,
            per_output=8_368,
            per_weight_byte=2_970,
        ),
        "pointwise_finish": Coefficients(per_pixel=33_502, per_output=20_215),
        "pointwise_finish.dsp": Coefficients(per_output=10_442),
        "sub": Coefficients(per_call=192_769, per_row=93_314, per_pixel=3_730, per_output=8_992),
        "sub.dsp": Coefficients(
            per_call=225_006, per_row=93_698, per_pixel=4_944, per_output=6_251
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
    reserve=Reserve(layers=640, tunnels=808, groups=840, library=1488),
    boards=(MPS2_AN500,),
    flavours=("portable", "dsp"),
    cost_table=_COSTS,
)
