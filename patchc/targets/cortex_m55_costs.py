"""What kernels cost on Cortex-M55, whose own are written for MVE.

Made by: python -m benchmarks.fit --core cortex-m55
"""

from patchc.targets.cost_table import Coefficients, CostTable

CORTEX_M55_COSTS = CostTable(
    flavours={
        "mve": Coefficients(per_row=60_446, per_pixel=3_887, per_output=83),
        "portable": Coefficients(per_call=101_662, per_output=1_534),
    },
    kernels={
        "add": Coefficients(per_row=60_500, per_pixel=1_083, per_output=38_913),
        "add.mve": Coefficients(per_call=134_526, per_row=140_917, per_pixel=266, per_output=3_007),
        "conv2d": Coefficients(
            per_call=49_044,
            per_pixel=458_769,
            per_output=41_094,
            per_mac=4_402,
            per_weight_byte=872,
        ),
        "conv2d.mve": Coefficients(
            per_call=268_609, per_pixel=173_828, per_output=14, per_weight_byte=618
        ),
        "conv2d_depthwise": Coefficients(
            per_call=79_218, per_pixel=162_433, per_output=27_778, per_mac=11_011
        ),
        "conv2d_depthwise.mve": Coefficients(
            per_call=744_574, per_row=81_857, per_pixel=108_256, per_mac=906
        ),
        "conv2d_pointwise": Coefficients(
            per_call=173_206, per_output=32_087, per_mac=2_818, per_weight_byte=295
        ),
        "conv2d_pointwise.mve": Coefficients(
            per_call=326_550, per_output=4_003, per_weight_byte=798
        ),
        "dense": Coefficients(per_output=43_333, per_mac=2_927),
        "dense.mve": Coefficients(per_call=86_994, per_output=7_583, per_mac=244),
        "global_average_pool": Coefficients(per_pixel=196_490, per_output=1_821),
        "max_pool": Coefficients(per_call=230_667, per_pixel=179_246, per_output=29_067),
        "max_pool.mve": Coefficients(per_call=249_593, per_pixel=226_407),
        "mul.mve": Coefficients(per_call=215_000, per_pixel=47_800, per_output=4_200),
        "pointwise_add": Coefficients(
            per_row=301_722, per_output=6_249, per_mac=2_298, per_weight_byte=8_421
        ),
        "pointwise_add.mve": Coefficients(per_output=3_392, per_mac=275),
        "pointwise_finish": Coefficients(per_output=23_549),
        "pointwise_finish.mve": Coefficients(per_row=4_766_865),
        "sub.mve": Coefficients(
            per_call=61_705, per_row=107_153, per_pixel=1_573, per_output=3_177
        ),
    },
)
