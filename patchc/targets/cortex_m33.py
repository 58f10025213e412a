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
        "add": Coefficients(per_call=471_512, per_row=181_270, per_pixel=2_607, per_output=14_821),
        "add.dsp": Coefficients(
            per_call=403_309, per_row=190_946, per_pixel=1_231, per_output=8_501
        ),
        "concat": Coefficients(per_call=1_060_711, per_pixel=5_348, per_output=9_105),
        "conv2d": Coefficients(
            per_pixel=288_792,
            per_output=37_427,
            per_mac=2_367,
            per_weight_byte=3_290,
            per_tap=13_084,
        ),
        "conv2d.dsp": Coefficients(
            per_call=482_304, per_pixel=382_651, per_output=12_665, per_mac=1_058, per_tap=7_379
        ),
        "conv2d_depthwise": Coefficients(
            per_row=766_613, per_pixel=34_253, per_output=20_133, per_mac=6_399
        ),
        "conv2d_depthwise.dsp": Coefficients(
            per_row=230_733, per_pixel=119_966, per_weight_byte=9_529
        ),
        "conv2d_pointwise": Coefficients(
            per_call=46_130, per_pixel=34_957, per_output=33_415, per_mac=2_437, per_weight_byte=696
        ),
        "conv2d_pointwise.dsp": Coefficients(
            per_call=411_605,
            per_row=275_927,
            per_pixel=67_516,
            per_output=10_616,
            per_mac=425,
            per_weight_byte=2_205,
            per_tap=2_646,
        ),
        "dense": Coefficients(per_output=34_395, per_mac=3_091, per_tap=2_645),
        "dense.dsp": Coefficients(per_output=27_908, per_mac=1_406, per_tap=6_253),
        "global_average_pool": Coefficients(per_call=2_716_709, per_output=4_950),
        "max_pool": Coefficients(per_call=371_373, per_pixel=260_651, per_output=18_229),
        "max_pool.dsp": Coefficients(
            per_call=313_151, per_row=13_180, per_pixel=255_838, per_output=4_342
        ),
        "mul": Coefficients(per_call=380_709, per_pixel=62_816, per_output=16_696),
        "pointwise_add": Coefficients(
            per_call=1_004_173,
            per_row=1_404_571,
            per_pixel=35_809,
            per_output=17_206,
            per_mac=2_335,
            per_tap=1_195,
        ),
        "pointwise_add.dsp": Coefficients(
            per_call=1_610_896,
            per_row=1_445_717,
            per_output=10_891,
            per_weight_byte=2_825,
            per_tap=229,
        ),
        "pointwise_finish": Coefficients(per_output=28_601),
        "pointwise_finish.dsp": Coefficients(per_output=35_084),
        "sub": Coefficients(per_call=133_462, per_row=174_555, per_pixel=1_595, per_output=15_085),
        "sub.dsp": Coefficients(
            per_call=108_455, per_row=194_008, per_pixel=1_396, per_output=8_639
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
    reserve=Reserve(layers=704, tunnels=1056, groups=1104, many=1104, library=1488),
    boards=(MPS2_AN505,),
    flavours=("portable", "dsp"),
    cost_table=_COSTS,
)
