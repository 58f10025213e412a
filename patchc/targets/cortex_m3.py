"""Arm Cortex-M3: ARMv7-M without DSP instructions."""

from patchc.targets.board import MPS2_AN385
from patchc.targets.core import Core
from patchc.targets.cost_table import Coefficients, CostTable
from patchc.targets.reserve import Reserve
from patchc.targets.timing import Timing

# What kernels take. Made by: python -m benchmarks.fit --core cortex-m3
_COSTS = CostTable(
    flavours={
        "portable": Coefficients(per_row=45_231),
    },
    kernels={
        "conv2d.cmsis-nn": Coefficients(
            per_call=912_937, per_pixel=710_300, per_output=33_967, per_mac=4_734
        ),
        "conv2d_depthwise.cmsis-nn": Coefficients(
            per_call=829_861, per_pixel=59_624, per_mac=11_647, per_weight_byte=566
        ),
        "conv2d_pointwise.cmsis-nn": Coefficients(
            per_row=1_176_547, per_output=36_953, per_mac=4_354, per_weight_byte=7_053
        ),
        "dense.cmsis-nn": Coefficients(per_call=425_962, per_output=69_000, per_mac=11_500),
        "max_pool.cmsis-nn": Coefficients(per_row=164_056, per_pixel=1_067_778, per_output=9_939),
        "add": Coefficients(per_call=433_927, per_row=202_772, per_pixel=2_334, per_output=16_841),
        "concat": Coefficients(per_call=685_350, per_output=11_582),
        "conv2d": Coefficients(
            per_pixel=396_995,
            per_output=47_028,
            per_mac=3_363,
            per_weight_byte=6_035,
            per_tap=11_007,
        ),
        "conv2d_depthwise": Coefficients(
            per_row=872_042, per_pixel=54_585, per_output=28_854, per_mac=8_189
        ),
        "conv2d_pointwise": Coefficients(
            per_call=69_010, per_pixel=34_631, per_output=41_821, per_mac=3_437, per_weight_byte=785
        ),
        "dense": Coefficients(per_output=40_375, per_mac=4_590, per_tap=2_750),
        "global_average_pool": Coefficients(per_call=3_071_085, per_output=5_582),
        "max_pool": Coefficients(per_call=402_512, per_pixel=281_395, per_output=19_178),
        "mul": Coefficients(per_call=414_823, per_pixel=65_723, per_output=18_684),
        "pointwise_add": Coefficients(
            per_call=679_865,
            per_row=2_082_061,
            per_output=17_708,
            per_mac=3_059,
            per_weight_byte=4_493,
            per_tap=4_677,
        ),
        "pointwise_finish": Coefficients(per_output=35_047),
        "sub": Coefficients(per_call=105_932, per_row=203_074, per_pixel=813, per_output=17_106),
    },
)

CORTEX_M3 = Core(
    name="cortex-m3",
    description="Arm Cortex-M3, ARMv7-M",
    timing=Timing(
        source="Cortex-M3 TRM (DDI 0337I), 3.3; SMULL 4 of 3-5, SMLAL 5 of 4-7, divisions 7 of "
        "2-12, refilling the pipeline 2 of 1-3",
        store_by_register=2,
        multiply_add=2,
        long_multiply=4,
        long_multiply_add=5,
        loads_pipeline=True,
        address_use=1,
    ),
    compile_flags=("-mcpu=cortex-m3", "-mthumb"),
    # Measured: python -m benchmarks.reserve --core cortex-m3
    reserve=Reserve(layers=616, tunnels=816, groups=816, library=1520),
    boards=(MPS2_AN385,),
    cost_table=_COSTS,
)
