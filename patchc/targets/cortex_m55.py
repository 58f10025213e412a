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
        "mve": Coefficients(per_row=102_000),
        "portable": Coefficients(per_row=39_115),
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
        "add.cmsis-nn-mve": Coefficients(per_call=57_000, per_row=217_000, per_output=14_750),
        "average_pool.cmsis-nn-mve": Coefficients(
            per_row=387_401, per_pixel=51_657, per_output=34_351
        ),
        "global_average_pool.cmsis-nn-mve": Coefficients(per_call=1_059_767, per_output=2_047),
        "mul.cmsis-nn-mve": Coefficients(per_call=55_434, per_row=156_192, per_output=7_500),
        "add": Coefficients(per_call=397_716, per_row=100_989, per_pixel=2_697, per_output=15_170),
        "add.mve": Coefficients(
            per_call=301_639, per_row=156_106, per_pixel=1_989, per_output=4_356
        ),
        "concat": Coefficients(per_call=1_140_034, per_pixel=52_046, per_output=5_757),
        "conv2d": Coefficients(
            per_pixel=429_954,
            per_output=38_001,
            per_mac=2_329,
            per_weight_byte=9_353,
            per_tap=8_641,
        ),
        "conv2d.mve": Coefficients(
            per_call=451_261, per_pixel=193_602, per_output=10_213, per_mac=163, per_tap=1_086
        ),
        "conv2d_depthwise": Coefficients(
            per_row=922_064, per_pixel=119_188, per_output=15_087, per_mac=7_073
        ),
        "conv2d_depthwise.mve": Coefficients(
            per_row=992_666, per_pixel=93_514, per_output=3_361, per_weight_byte=2_312
        ),
        "conv2d_pointwise": Coefficients(
            per_call=28_385,
            per_pixel=63_248,
            per_output=33_323,
            per_mac=2_415,
            per_weight_byte=750,
            per_tap=10,
        ),
        "conv2d_pointwise.mve": Coefficients(
            per_call=464_567, per_pixel=84_180, per_output=9_981, per_mac=111, per_weight_byte=170
        ),
        "conv2d_pointwise_few.mve": Coefficients(
            per_call=674_353, per_row=86_812, per_pixel=8_523, per_output=6_460
        ),
        "dense": Coefficients(per_output=32_559, per_mac=2_437, per_tap=4_155),
        "dense.mve": Coefficients(per_call=148_407, per_output=15_611, per_mac=163, per_tap=1_527),
        "global_average_pool": Coefficients(per_call=745_511, per_output=4_948),
        "max_pool": Coefficients(per_call=419_628, per_pixel=269_349, per_output=14_115),
        "max_pool.mve": Coefficients(per_call=401_276, per_pixel=268_362),
        "mul": Coefficients(per_call=438_739, per_pixel=11_730, per_output=17_560),
        "mul.mve": Coefficients(per_call=480_380, per_pixel=27_028, per_output=5_670),
        "pointwise_add": Coefficients(
            per_row=678_971, per_output=16_004, per_mac=1_966, per_weight_byte=6_613, per_tap=2_192
        ),
        "pointwise_add.mve": Coefficients(
            per_pixel=45_803, per_output=4_557, per_mac=61, per_weight_byte=3_056
        ),
        "pointwise_finish": Coefficients(per_row=1_055_244, per_output=29_856),
        "pointwise_finish.mve": Coefficients(per_pixel=194_000, per_output=5_059),
        "sub": Coefficients(per_call=276_048, per_row=123_750, per_pixel=5_815, per_output=14_989),
        "sub.mve": Coefficients(
            per_call=122_517, per_row=192_652, per_pixel=1_731, per_output=4_356
        ),
    },
)

_TIMING = Timing(
    source="Arm publishes none in full: scalars as on the Cortex-M33, vectors at two beats a "
    "cycle, units overlapping, loops that cost nothing on their way back",
    load=1,
    load_use=1,
    loop=0,
)

CORTEX_M55 = Core(
    name="cortex-m55",
    description="Arm Cortex-M55 with MVE, ARMv8.1-M Mainline",
    timing=_TIMING,
    compile_flags=("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"),
    # Measured: python -m benchmarks.reserve --core cortex-m55
    reserve=Reserve(layers=872, tunnels=1064, groups=1096, library=1600),
    boards=(MPS3_AN547,),
    flavours=("portable", "mve"),
    cost_table=_COSTS,
)

CORTEX_M85 = replace(
    CORTEX_M55,
    name="cortex-m85",
    description="Arm Cortex-M85 with MVE, ARMv8.1-M Mainline",
    timing=replace(
        _TIMING,
        source="Arm publishes none: as the Cortex-M55, but pairs of scalars begin in one cycle",
        issues_two=True,
    ),
    # gcc knows it by name from version 13 on; all that the network needs of it the M55 has, too.
    compile_flags=("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"),
)
