"""Arm Cortex-M4 with its single-precision unit (which patchc's C does not use)."""

from patchc.targets.board import MPS2_AN386
from patchc.targets.core import Core
from patchc.targets.cost_table import Coefficients, CostTable
from patchc.targets.reserve import Reserve
from patchc.targets.timing import Timing

# What kernels take. Made by: python -m benchmarks.fit --core cortex-m4
_COSTS = CostTable(
    flavours={
        "portable": Coefficients(per_call=168_774, per_output=2_123),
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
        "add": Coefficients(per_call=493_262, per_row=163_524, per_pixel=1_345, per_output=16_042),
        "add.dsp": Coefficients(per_row=239_958, per_output=9_534),
        "conv2d": Coefficients(
            per_pixel=769_434, per_output=17_069, per_mac=3_036, per_weight_byte=2_052
        ),
        "conv2d.dsp": Coefficients(per_call=509_609, per_pixel=626_659, per_mac=1_483),
        "conv2d_depthwise": Coefficients(
            per_call=551_284,
            per_row=95_199,
            per_pixel=169_921,
            per_output=18_523,
            per_mac=7_219,
            per_weight_byte=13,
        ),
        "conv2d_depthwise.dsp": Coefficients(
            per_row=670_570, per_pixel=152_999, per_weight_byte=9_365
        ),
        "conv2d_pointwise": Coefficients(
            per_call=286_424,
            per_row=189_590,
            per_pixel=12_660,
            per_output=36_190,
            per_mac=2_536,
            per_weight_byte=690,
        ),
        "conv2d_pointwise.dsp": Coefficients(
            per_call=732_832,
            per_row=769_432,
            per_pixel=78_267,
            per_output=7_240,
            per_mac=1_098,
            per_weight_byte=1_390,
        ),
        "dense": Coefficients(per_call=103_793, per_output=29_500, per_mac=3_559),
        "dense.dsp": Coefficients(per_call=233_488, per_output=18_000, per_mac=1_682),
        "global_average_pool": Coefficients(per_pixel=289_698, per_output=2_302),
        "max_pool": Coefficients(per_call=400_563, per_pixel=277_375, per_output=18_209),
        "max_pool.dsp": Coefficients(per_call=400_594, per_pixel=285_362, per_output=3_959),
        "mul": Coefficients(per_call=424_612, per_pixel=48_939, per_output=18_401),
        "pointwise_add": Coefficients(
            per_row=1_485_605, per_pixel=18_008, per_output=17_934, per_mac=2_488
        ),
        "pointwise_add.dsp": Coefficients(
            per_pixel=183_800, per_output=12_502, per_weight_byte=3_655
        ),
        "pointwise_finish": Coefficients(per_row=5_046_499, per_output=24_867),
        "pointwise_finish.dsp": Coefficients(per_row=241_364, per_output=37_121),
        "sub": Coefficients(per_call=115_636, per_row=165_894, per_pixel=2_053, per_output=16_200),
        "sub.dsp": Coefficients(
            per_call=120_636, per_row=164_144, per_pixel=2_928, per_output=9_788
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
