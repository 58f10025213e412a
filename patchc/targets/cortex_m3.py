"""Arm Cortex-M3: ARMv7-M without DSP instructions."""

from patchc.targets.board import MPS2_AN385
from patchc.targets.core import Core
from patchc.targets.cost_table import Coefficients, CostTable
from patchc.targets.reserve import Reserve
from patchc.targets.timing import Timing

# What kernels take. Made by: python -m benchmarks.fit --core cortex-m3
_COSTS = CostTable(
    flavours={
        "portable": Coefficients(per_call=165_689, per_output=2_231),
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
        "add": Coefficients(per_call=492_174, per_row=170_766, per_pixel=1_365, per_output=17_043),
        "conv2d": Coefficients(
            per_pixel=804_662, per_output=24_357, per_mac=3_856, per_weight_byte=2_071
        ),
        "conv2d_depthwise": Coefficients(
            per_call=389_878,
            per_row=237_732,
            per_pixel=177_522,
            per_output=23_225,
            per_mac=8_319,
            per_weight_byte=34,
        ),
        "conv2d_pointwise": Coefficients(
            per_call=112_588,
            per_row=385_384,
            per_pixel=10_872,
            per_output=41_131,
            per_mac=3_536,
            per_weight_byte=693,
        ),
        "dense": Coefficients(per_call=104_826, per_output=35_250, per_mac=4_684),
        "global_average_pool": Coefficients(per_call=3_075_504, per_output=5_575),
        "max_pool": Coefficients(per_call=396_781, per_pixel=283_688, per_output=19_214),
        "mul": Coefficients(per_call=433_112, per_pixel=49_439, per_output=19_401),
        "pointwise_add": Coefficients(per_row=1_248_836, per_output=17_426, per_mac=3_815),
        "pointwise_finish": Coefficients(per_row=4_690_513, per_output=23_933),
        "sub": Coefficients(per_call=111_943, per_row=174_520, per_pixel=1_865, per_output=17_213),
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
    reserve=Reserve(layers=712, tunnels=840, groups=1024, many=1024, library=1312),
    boards=(MPS2_AN385,),
    cost_table=_COSTS,
)
