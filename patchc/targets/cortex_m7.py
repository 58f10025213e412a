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
        "add": Coefficients(per_call=217_378, per_row=137_717, per_pixel=953, per_output=8_935),
        "add.dsp": Coefficients(per_call=146_779, per_row=157_221, per_pixel=372, per_output=6_250),
        "concat": Coefficients(per_call=716_403, per_output=6_294),
        "conv2d": Coefficients(
            per_pixel=109_801,
            per_output=33_205,
            per_mac=1_491,
            per_weight_byte=3_797,
            per_tap=10_407,
        ),
        "conv2d.dsp": Coefficients(
            per_call=308_217, per_pixel=212_033, per_output=9_917, per_mac=986, per_tap=6_514
        ),
        "conv2d_depthwise": Coefficients(
            per_row=597_451, per_pixel=15_185, per_output=15_310, per_mac=4_279
        ),
        "conv2d_depthwise.dsp": Coefficients(
            per_row=207_676, per_pixel=77_036, per_output=3_523, per_weight_byte=6_624
        ),
        "conv2d_pointwise": Coefficients(
            per_call=73_618, per_pixel=27_208, per_output=24_565, per_mac=1_720, per_weight_byte=383
        ),
        "conv2d_pointwise.dsp": Coefficients(
            per_call=404_748,
            per_row=2_960,
            per_pixel=67_263,
            per_output=7_201,
            per_mac=692,
            per_weight_byte=1_200,
            per_tap=1_323,
        ),
        "dense": Coefficients(per_output=26_819, per_mac=1_574, per_tap=3_496),
        "dense.dsp": Coefficients(per_call=39_240, per_output=20_813, per_mac=1_217, per_tap=2_896),
        "global_average_pool": Coefficients(per_call=1_752_974, per_output=3_361),
        "max_pool": Coefficients(per_call=247_351, per_pixel=161_218, per_output=9_538),
        "max_pool.dsp": Coefficients(
            per_call=151_513, per_row=71_417, per_pixel=154_732, per_output=2_868
        ),
        "mul": Coefficients(per_call=252_553, per_pixel=41_898, per_output=10_758),
        "pointwise_add": Coefficients(
            per_call=792_119, per_row=795_847, per_output=13_657, per_mac=1_728, per_tap=3_636
        ),
        "pointwise_add.dsp": Coefficients(
            per_call=1_269_144,
            per_row=572_329,
            per_output=7_871,
            per_weight_byte=3_134,
            per_tap=461,
        ),
        "pointwise_finish": Coefficients(per_output=20_774),
        "pointwise_finish.dsp": Coefficients(per_output=21_395),
        "sub": Coefficients(per_call=101_378, per_row=125_301, per_pixel=1_141, per_output=9_049),
        "sub.dsp": Coefficients(per_call=85_511, per_row=142_571, per_pixel=989, per_output=6_338),
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
