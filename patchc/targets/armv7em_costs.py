"""What kernels cost on cores with DSP instructions: counted on Cortex-M4, which executes nearly the
same instructions as M7 and M33.

Made by: python -m benchmarks.fit --core cortex-m4
"""

from patchc.targets.cost_table import Coefficients, CostTable

ARMV7EM_COSTS = CostTable(
    flavours={
        "portable": Coefficients(per_call=111_867, per_output=1_413),
    },
    kernels={
        "add": Coefficients(per_row=128_833, per_output=13_018),
        "add.dsp": Coefficients(per_pixel=1_854, per_output=8_536),
        "conv2d": Coefficients(
            per_pixel=473_537, per_output=84_371, per_mac=4_775, per_weight_byte=1_008
        ),
        "conv2d.dsp": Coefficients(per_call=282_826, per_pixel=441_990, per_mac=1_024),
        "conv2d_depthwise": Coefficients(
            per_row=444_426, per_pixel=94_715, per_output=55_498, per_mac=10_621
        ),
        "conv2d_depthwise.dsp": Coefficients(per_row=387_245, per_output=353, per_mac=3_838),
        "conv2d_pointwise": Coefficients(per_pixel=5_790, per_output=65_322, per_mac=3_021),
        "conv2d_pointwise.dsp": Coefficients(
            per_row=658_047, per_pixel=11_339, per_output=7_878, per_mac=932
        ),
        "dense": Coefficients(per_output=75_375, per_mac=3_195),
        "dense.dsp": Coefficients(per_call=149_818, per_output=14_250, per_mac=1_243),
        "global_average_pool": Coefficients(per_pixel=230_449, per_output=1_750),
        "max_pool": Coefficients(
            per_call=208_389, per_row=37_725, per_pixel=220_155, per_output=15_268
        ),
        "max_pool.dsp": Coefficients(
            per_call=231_000, per_row=3_000, per_pixel=228_000, per_output=2_844
        ),
        "mul": Coefficients(per_call=213_888, per_pixel=35_361, per_output=15_299),
        "pointwise_add": Coefficients(
            per_row=771_361, per_output=5_315, per_mac=2_599, per_weight_byte=6_460
        ),
        "pointwise_add.dsp": Coefficients(
            per_row=3_077_033,
            per_pixel=121_268,
            per_output=8_894,
            per_mac=864,
            per_weight_byte=1_563,
        ),
        "pointwise_finish": Coefficients(per_output=57_202),
        "pointwise_finish.dsp": Coefficients(per_output=21_127),
        "sub": Coefficients(per_call=63_864, per_row=89_064, per_pixel=1_568, per_output=13_151),
        "sub.dsp": Coefficients(per_call=66_511, per_row=90_904, per_pixel=2_023, per_output=8_201),
    },
)
