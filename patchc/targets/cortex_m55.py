"""Arm Cortex-M55 and M85 with MVE."""

from dataclasses import replace

from patchc.targets.board import MPS3_AN547
from patchc.targets.core import Core
from patchc.targets.cost_table import Coefficients, CostTable
from patchc.targets.reserve import Reserve
from patchc.targets.timing import Timing

# What kernels take. Made by: python -m benchmarks.fit --core cortex-m55
_COSTS = CostTable(
    flavours={
        "mve": Coefficients(per_row=101_446, per_pixel=4_220, per_output=42),
        "portable": Coefficients(per_call=145_110, per_output=2_189),
    },
    kernels={
        "conv2d.cmsis-nn-mve": Coefficients(
            per_call=877_204, per_pixel=474_653, per_output=7_902, per_mac=982, per_weight_byte=823
        ),
        "conv2d_depthwise.cmsis-nn-mve": Coefficients(
            per_call=1_541_180,
            per_pixel=301_201,
            per_output=4_822,
            per_mac=1_821,
            per_weight_byte=2_177,
        ),
        "conv2d_depthwise_basic.cmsis-nn-mve-basic": Coefficients(
            per_call=1_124_797,
            per_pixel=189_809,
            per_output=193_627,
            per_mac=9_815,
            per_weight_byte=400,
        ),
        "conv2d_pointwise.cmsis-nn-mve": Coefficients(
            per_call=1_308_712,
            per_pixel=12_782,
            per_output=19_400,
            per_mac=136,
            per_weight_byte=534,
        ),
        "dense.cmsis-nn-mve": Coefficients(per_call=385_411, per_output=35_250, per_mac=315),
        "max_pool.cmsis-nn-mve": Coefficients(
            per_call=738_224, per_pixel=235_825, per_output=1_927
        ),
        "add": Coefficients(per_call=521_937, per_row=148_676, per_pixel=1_493, per_output=15_045),
        "add.mve": Coefficients(
            per_call=463_626, per_row=178_659, per_pixel=1_273, per_output=4_288
        ),
        "conv2d": Coefficients(
            per_pixel=723_500, per_output=18_060, per_mac=2_844, per_weight_byte=2_110
        ),
        "conv2d.mve": Coefficients(per_call=447_087, per_pixel=272_138, per_weight_byte=924),
        "conv2d_depthwise": Coefficients(
            per_call=606_736,
            per_pixel=242_671,
            per_output=11_588,
            per_mac=7_039,
            per_weight_byte=256,
        ),
        "conv2d_depthwise.mve": Coefficients(
            per_call=1_141_417, per_row=377_820, per_pixel=104_079, per_output=3_825, per_mac=1_267
        ),
        "conv2d_pointwise": Coefficients(
            per_call=169_413,
            per_row=278_327,
            per_pixel=21_624,
            per_output=33_146,
            per_mac=2_543,
            per_weight_byte=670,
        ),
        "conv2d_pointwise.mve": Coefficients(
            per_call=450_116, per_row=227_974, per_output=5_966, per_weight_byte=962
        ),
        "dense": Coefficients(per_call=19_329, per_output=29_667, per_mac=2_853),
        "dense.mve": Coefficients(per_call=170_487, per_output=14_083, per_mac=316),
        "global_average_pool": Coefficients(per_pixel=265_321, per_output=1_718),
        "max_pool": Coefficients(per_call=416_031, per_pixel=270_788, per_output=14_137),
        "max_pool.mve": Coefficients(per_call=401_276, per_pixel=268_362),
        "mul": Coefficients(per_call=434_980, per_pixel=44_102, per_output=17_291),
        "mul.mve": Coefficients(per_call=407_857, per_pixel=67_914, per_output=6_044),
        "pointwise_add": Coefficients(per_output=15_999, per_mac=2_545, per_weight_byte=1_535),
        "pointwise_add.mve": Coefficients(per_output=4_593, per_mac=452),
        "pointwise_finish": Coefficients(per_row=7_779_897, per_output=18_816),
        "pointwise_finish.mve": Coefficients(per_pixel=418_780),
        "sub": Coefficients(per_call=95_250, per_row=162_479, per_pixel=1_510, per_output=15_204),
        "sub.mve": Coefficients(per_call=409_193, per_pixel=23_517, per_output=3_900),
    },
)

CORTEX_M55 = Core(
    name="cortex-m55",
    description="Arm Cortex-M55 with MVE, ARMv8.1-M Mainline",
    timing=Timing(
        source="Arm publishes none in full: scalars as on the Cortex-M33, vectors at two beats a "
        "cycle, units overlapping, loops that cost nothing on their way back",
        load=1,
        load_use=1,
        loop=0,
    ),
    compile_flags=("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"),
    # Measured: python -m benchmarks.reserve --core cortex-m55
    reserve=Reserve(layers=1008, tunnels=1184, groups=1272, many=1272, library=1408),
    boards=(MPS3_AN547,),
    flavours=("portable", "mve"),
    cost_table=_COSTS,
)

CORTEX_M85 = replace(
    CORTEX_M55,
    name="cortex-m85",
    description="Arm Cortex-M85 with MVE, ARMv8.1-M Mainline",
    timing=replace(
        CORTEX_M55.timing,
        source="Arm publishes none: as the Cortex-M55, but pairs of scalars begin in one cycle",
        issues_two=True,
    ),
    # gcc knows it by name from version 13 on; all that the network needs of it the M55 has, too.
    compile_flags=("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"),
)
