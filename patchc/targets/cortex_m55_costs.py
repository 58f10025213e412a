"""What kernels cost on Cortex-M55, whose own are written for MVE.

Made by: python -m benchmarks.fit --core cortex-m55
"""

from patchc.targets.cost_table import Coefficients, CostTable

CORTEX_M55_COSTS = CostTable(
    flavours={
        "portable": Coefficients(per_call=101_662, per_output=1_534),
        "mve": Coefficients(per_row=60_446, per_pixel=3_887, per_output=83),
    },
    kernels={
        "add": Coefficients(per_call=339_877, per_row=39_838, per_pixel=2_263, per_output=38_799),
        "add.mve": Coefficients(per_call=134_526, per_row=140_917, per_pixel=266, per_output=3_007),
        "conv2d": Coefficients(
            per_call=49_044,
            per_pixel=458_769,
            per_output=41_094,
            per_mac=4_402,
            per_weight_byte=872,
        ),
        "conv2d.mve": Coefficients(per_call=255_609, per_pixel=265_005, per_mac=233),
        "conv2d_depthwise": Coefficients(
            per_row=138_784, per_pixel=110_378, per_output=27_152, per_mac=11_094
        ),
        "conv2d_depthwise.mve": Coefficients(
            per_call=358_876, per_row=217_442, per_pixel=100_403, per_mac=991, per_weight_byte=45
        ),
        "conv2d_pointwise": Coefficients(per_output=32_340, per_mac=2_801),
        "conv2d_pointwise.mve": Coefficients(
            per_call=171_739, per_row=83_981, per_output=3_092, per_mac=205
        ),
        "dense": Coefficients(per_output=43_333, per_mac=2_927),
        "dense.mve": Coefficients(per_call=140_310, per_output=7_583, per_mac=246),
        "global_average_pool": Coefficients(per_pixel=196_490, per_output=1_821),
        "max_pool": Coefficients(per_row=69_200, per_pixel=183_282, per_output=28_851),
        "max_pool.mve": Coefficients(per_call=249_593, per_pixel=226_407),
        "mul.mve": Coefficients(per_call=215_000, per_pixel=47_800, per_output=4_200),
        "pointwise_add": Coefficients(
            per_row=1_144_134, per_output=6_249, per_mac=2_419, per_weight_byte=6_930
        ),
        "pointwise_add.mve": Coefficients(per_row=223_720, per_output=4_272, per_mac=223),
        "pointwise_finish": Coefficients(per_output=23_010),
        "pointwise_finish.mve": Coefficients(per_row=6_381_929, per_output=251),
        "sub.mve": Coefficients(
            per_call=61_705, per_row=107_153, per_pixel=1_573, per_output=3_177
        ),
    },
)
