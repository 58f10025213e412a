"""Arm Cortex-M4 with its single-precision unit (which patchc's C does not use)."""

from patchc.targets.board import MPS2_AN386
from patchc.targets.core import Core
from patchc.targets.cost_table import Coefficients, CostTable
from patchc.targets.reserve import Reserve
from patchc.targets.timing import Timing

# What kernels take. Made by: python -m benchmarks.fit --core cortex-m4
_COSTS = CostTable(
    flavours={
        "portable": Coefficients(per_row=41_500),
    },
    kernels={
        "conv2d.cmsis-nn-dsp": Coefficients(
            per_call=1_101_646, per_pixel=894_366, per_output=45_521, per_mac=2_660
        ),
        "conv2d_depthwise.cmsis-nn-dsp": Coefficients(
            per_call=230_733, per_pixel=165_077, per_mac=9_460
        ),
        "conv2d_depthwise_basic.cmsis-nn-dsp-basic": Coefficients(
            per_call=626_512, per_pixel=10_983_962, per_output=179_574, per_mac=10_851
        ),
        "conv2d_pointwise.cmsis-nn-dsp": Coefficients(
            per_call=1_705_057,
            per_row=363_452,
            per_output=44_594,
            per_mac=1_923,
            per_weight_byte=6_194,
        ),
        "dense.cmsis-nn-dsp": Coefficients(per_call=384_316, per_output=100_833, per_mac=7_063),
        "max_pool.cmsis-nn-dsp": Coefficients(
            per_row=144_389, per_pixel=1_073_444, per_output=9_793
        ),
        "add.cmsis-nn-dsp": Coefficients(per_call=71_836, per_row=169_051, per_output=66_000),
        "average_pool.cmsis-nn-dsp": Coefficients(per_output=62_002),
        "global_average_pool.cmsis-nn-dsp": Coefficients(
            per_call=91_802, per_row=290_791, per_output=8_955
        ),
        "mul.cmsis-nn-dsp": Coefficients(per_call=73_595, per_row=153_136, per_output=28_250),
        "add": Coefficients(per_call=154_751, per_row=202_821, per_pixel=424, per_output=16_026),
        "add.dsp": Coefficients(per_call=139_597, per_row=231_361, per_pixel=253, per_output=9_517),
        "concat": Coefficients(per_call=1_099_631, per_output=10_082),
        "conv2d": Coefficients(
            per_pixel=679_966, per_output=35_088, per_mac=2_554, per_weight_byte=13_931, per_tap=936
        ),
        "conv2d.dsp": Coefficients(
            per_call=514_174, per_pixel=520_561, per_output=12_019, per_mac=1_109, per_tap=3_738
        ),
        "conv2d_depthwise": Coefficients(
            per_row=1_137_740, per_pixel=13_632, per_output=23_416, per_mac=7_033
        ),
        "conv2d_depthwise.dsp": Coefficients(
            per_row=667_730,
            per_pixel=75_025,
            per_output=8_489,
            per_mac=1_314,
            per_weight_byte=5_259,
            per_tap=1_912,
        ),
        "conv2d_pointwise": Coefficients(
            per_call=87_231, per_pixel=54_130, per_output=36_125, per_mac=2_418, per_weight_byte=584
        ),
        "conv2d_pointwise.dsp": Coefficients(
            per_call=573_463,
            per_pixel=102_373,
            per_output=11_367,
            per_mac=407,
            per_weight_byte=2_117,
            per_tap=3_249,
        ),
        "dense": Coefficients(per_output=32_893, per_mac=3_439, per_tap=3_393),
        "dense.dsp": Coefficients(per_call=10_021, per_output=25_384, per_mac=1_401, per_tap=7_384),
        "global_average_pool": Coefficients(per_call=817_294, per_output=5_827),
        "max_pool": Coefficients(
            per_call=396_774, per_row=4_491, per_pixel=277_094, per_output=18_205
        ),
        "max_pool.dsp": Coefficients(
            per_call=343_753, per_row=12_723, per_pixel=270_223, per_output=4_576
        ),
        "mul": Coefficients(per_call=468_607, per_pixel=19_399, per_output=18_250),
        "pointwise_add": Coefficients(
            per_call=649_478, per_row=387_461, per_pixel=97_664, per_output=17_920, per_mac=2_420
        ),
        "pointwise_add.dsp": Coefficients(
            per_call=97_732,
            per_row=1_510_844,
            per_pixel=37_074,
            per_output=14_290,
            per_weight_byte=3_004,
        ),
        "pointwise_finish": Coefficients(per_pixel=56_213, per_output=29_347),
        "pointwise_finish.dsp": Coefficients(per_output=17_973),
        "sub": Coefficients(per_call=283_520, per_row=132_885, per_pixel=5_951, per_output=15_988),
        "sub.dsp": Coefficients(
            per_call=362_690, per_row=116_175, per_pixel=8_561, per_output=9_484
        ),
    },
)

CORTEX_M4 = Core(
    name="cortex-m4",
    description="Arm Cortex-M4F, ARMv7E-M",
    timing=Timing(
        source="Cortex-M4 TRM (100166_0001), 3.3; divisions 7 of 2-12, refilling the pipeline 2 of "
        "1-3",
        store_by_register=2,
        loads_pipeline=True,
        address_use=1,
    ),
    compile_flags=("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
    # Measured: python -m benchmarks.reserve --core cortex-m4
    reserve=Reserve(layers=640, tunnels=808, groups=840, library=1488),
    boards=(MPS2_AN386,),
    flavours=("portable", "dsp"),
    cost_table=_COSTS,
)
