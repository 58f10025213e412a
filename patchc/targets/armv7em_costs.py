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
            per_pixel=461_419, per_output=38_027, per_mac=4_772, per_weight_byte=1_008
        ),
        "conv2d.dsp": Coefficients(per_call=286_826, per_pixel=445_401, per_mac=1_009),
        "conv2d_depthwise": Coefficients(
            per_call=18_339, per_pixel=70_081, per_output=23_649, per_mac=10_515
        ),
        "conv2d_depthwise.dsp": Coefficients(
            per_row=10_100, per_pixel=69_220, per_mac=187, per_weight_byte=7_038
        ),
        "conv2d_pointwise": Coefficients(
            per_call=157_626, per_row=22_806, per_output=28_322, per_mac=3_052, per_weight_byte=348
        ),
        "conv2d_pointwise.dsp": Coefficients(
            per_call=847_762,
            per_row=44_148,
            per_pixel=36_791,
            per_output=7_247,
            per_mac=394,
            per_weight_byte=1_793,
        ),
        "dense": Coefficients(per_output=40_333, per_mac=3_165),
        "dense.dsp": Coefficients(per_call=148_694, per_output=14_250, per_mac=1_232),
        "global_average_pool": Coefficients(per_pixel=192_195, per_output=2_092),
        "max_pool": Coefficients(
            per_call=208_389, per_row=37_725, per_pixel=220_155, per_output=15_268
        ),
        "max_pool.dsp": Coefficients(
            per_call=231_000, per_row=3_000, per_pixel=228_000, per_output=2_844
        ),
        "mul": Coefficients(per_call=213_888, per_pixel=35_361, per_output=15_299),
        "pointwise_add": Coefficients(
            per_row=725_152, per_output=6_226, per_mac=2_962, per_weight_byte=779
        ),
        "pointwise_add.dsp": Coefficients(
            per_row=4_012_532, per_pixel=8_151, per_output=8_938, per_mac=919
        ),
        "pointwise_finish": Coefficients(per_output=23_135),
        "pointwise_finish.dsp": Coefficients(per_output=19_212),
        "sub": Coefficients(per_call=63_864, per_row=89_064, per_pixel=1_568, per_output=13_151),
        "sub.dsp": Coefficients(per_call=66_511, per_row=90_904, per_pixel=2_023, per_output=8_201),
    },
)
