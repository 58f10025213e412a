"""A second flavour of two kernels, made for tests only: what adding one takes.

The pointwise one keeps its sums in scratch memory, the depthwise one asks for rows that lie in
order, and both have weights of their own packing.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from patchc.kernels.convolutions import packed, whole
from patchc.kernels.kernel import Needs
from patchc.kernels.registry import KERNELS, Registry

TWIN = "twin"
HERE = Path(__file__).parent

TWINS = (
    replace(
        KERNELS["conv2d_pointwise"],
        name="conv2d_pointwise.twin",
        flavour=TWIN,
        function="patchc_conv2d_pointwise_twin",
        source="patchc_conv2d_pointwise_twin.c",
        header="patchc_twin.h",
        folder=HERE,
        pack=packed(whole, lambda weights: weights[:, 0, 0].T.reshape(-1)),  # [c_in][c_out]
        scratch=lambda site: 4 * site.channels,
        takes_scratch=True,
    ),
    replace(
        KERNELS["conv2d_depthwise"],
        name="conv2d_depthwise.twin",
        flavour=TWIN,
        function="patchc_conv2d_depthwise_twin",
        source="patchc_conv2d_depthwise_twin.c",
        header="patchc_twin.h",
        folder=HERE,
        pack=packed(whole, lambda weights: weights.reshape(-1)),  # [c][kernel_h][kernel_w]
        needs=Needs(contiguous=True),
        refuses=lambda site: (
            KERNELS["conv2d_depthwise"].refuses(site)
            or ("it makes several channels of one" if site.multiplies else None)
        ),
    ),
)

# The second flavour first, so that it is taken where nobody asks for a price.
WITH_TWINS = Registry((*TWINS, *KERNELS.entries))
