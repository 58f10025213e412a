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
        "add": Coefficients(per_call=701_022, per_row=38_925, per_pixel=5_044, per_output=15_169),
        "add.mve": Coefficients(
            per_call=682_391, per_row=64_775, per_pixel=4_901, per_output=4_415
        ),
        "concat": Coefficients(per_call=938_360, per_pixel=45_199, per_output=6_068),
        "conv2d": Coefficients(
            per_pixel=371_574,
            per_output=38_022,
            per_mac=2_406,
            per_weight_byte=9_443,
            per_tap=8_182,
        ),
        "conv2d.mve": Coefficients(
            per_call=447_087, per_pixel=244_439, per_mac=44, per_weight_byte=388, per_tap=2_144
        ),
        "conv2d_depthwise": Coefficients(
            per_row=772_825, per_pixel=235_673, per_output=14_044, per_mac=7_111
        ),
        "conv2d_depthwise.mve": Coefficients(
            per_row=1_279_746,
            per_pixel=152_525,
            per_output=2_561,
            per_mac=131,
            per_weight_byte=2_265,
        ),
        "conv2d_pointwise": Coefficients(
            per_call=18_959, per_pixel=37_722, per_output=34_043, per_mac=2_437, per_weight_byte=846
        ),
        "conv2d_pointwise.mve": Coefficients(
            per_call=440_158,
            per_pixel=50_217,
            per_output=11_616,
            per_mac=111,
            per_weight_byte=196,
            per_tap=364,
        ),
        "conv2d_pointwise_few.mve": Coefficients(
            per_call=399_979, per_row=317_577, per_output=6_945
        ),
        "dense": Coefficients(per_output=34_198, per_mac=2_446, per_tap=4_053),
        "dense.mve": Coefficients(per_call=79_530, per_output=24_411, per_mac=182, per_tap=1_327),
        "global_average_pool": Coefficients(per_call=2_720_162, per_output=4_701),
        "max_pool": Coefficients(per_call=419_628, per_pixel=269_349, per_output=14_115),
        "max_pool.mve": Coefficients(per_call=402_235, per_pixel=267_882),
        "mul": Coefficients(per_call=411_430, per_pixel=59_631, per_output=16_704),
        "mul.mve": Coefficients(per_call=464_846, per_pixel=102_675, per_output=3_760),
        "pointwise_add": Coefficients(
            per_row=232_340, per_output=16_001, per_mac=916, per_weight_byte=21_380, per_tap=6_336
        ),
        "pointwise_add.mve": Coefficients(per_output=3_175, per_mac=77, per_weight_byte=4_816),
        "pointwise_finish": Coefficients(per_output=30_020),
        "pointwise_finish.mve": Coefficients(per_row=2_840_821, per_output=4_656),
        "sub": Coefficients(per_call=142_903, per_row=170_351, per_pixel=2_042, per_output=15_072),
        "sub.mve": Coefficients(
            per_call=139_288, per_row=186_783, per_pixel=2_206, per_output=4_345
        ),
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
