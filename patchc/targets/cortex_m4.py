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
        "add": Coefficients(per_call=404_982, per_row=197_355, per_pixel=2_097, per_output=15_857),
        "add.dsp": Coefficients(per_call=323_222, per_row=213_737, per_pixel=868, per_output=9_500),
        "concat": Coefficients(per_call=1_228_818, per_output=9_929),
        "conv2d": Coefficients(
            per_pixel=492_300,
            per_output=35_857,
            per_mac=2_615,
            per_weight_byte=4_831,
            per_tap=7_135,
        ),
        "conv2d.dsp": Coefficients(
            per_call=514_174, per_pixel=407_270, per_output=13_514, per_mac=1_054, per_tap=7_933
        ),
        "conv2d_depthwise": Coefficients(
            per_row=906_057, per_pixel=32_231, per_output=23_950, per_mac=7_093
        ),
        "conv2d_depthwise.dsp": Coefficients(
            per_row=400_368, per_pixel=119_902, per_output=2_147, per_weight_byte=10_369
        ),
        "conv2d_pointwise": Coefficients(
            per_call=29_949,
            per_row=85_489,
            per_pixel=38_874,
            per_output=36_762,
            per_mac=2_436,
            per_weight_byte=667,
        ),
        "conv2d_pointwise.dsp": Coefficients(
            per_call=558_565,
            per_row=149_369,
            per_pixel=84_215,
            per_output=11_396,
            per_mac=355,
            per_weight_byte=2_423,
            per_tap=2_865,
        ),
        "dense": Coefficients(per_output=34_596, per_mac=3_465, per_tap=2_721),
        "dense.dsp": Coefficients(per_output=30_424, per_mac=1_464, per_tap=6_733),
        "global_average_pool": Coefficients(per_call=2_967_051, per_output=5_558),
        "max_pool": Coefficients(per_call=403_419, per_pixel=276_233, per_output=18_191),
        "max_pool.dsp": Coefficients(
            per_call=343_753, per_row=12_723, per_pixel=270_223, per_output=4_576
        ),
        "mul": Coefficients(per_call=407_089, per_pixel=64_993, per_output=17_687),
        "pointwise_add": Coefficients(
            per_call=1_043_246,
            per_row=1_509_635,
            per_pixel=21_642,
            per_output=18_033,
            per_mac=2_402,
            per_tap=2_594,
        ),
        "pointwise_add.dsp": Coefficients(
            per_call=1_705_823, per_row=1_499_343, per_output=13_131, per_weight_byte=2_795
        ),
        "pointwise_finish": Coefficients(per_output=29_832),
        "pointwise_finish.dsp": Coefficients(per_output=37_453),
        "sub": Coefficients(per_call=109_784, per_row=193_692, per_pixel=1_029, per_output=16_096),
        "sub.dsp": Coefficients(
            per_call=112_284, per_row=203_817, per_pixel=1_466, per_output=9_640
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
    reserve=Reserve(layers=704, tunnels=1056, groups=1104, many=1104, library=1280),
    boards=(MPS2_AN386,),
    flavours=("portable", "dsp"),
    cost_table=_COSTS,
)
