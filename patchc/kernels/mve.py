"""Convolutions for cores with MVE: entries, and how they want their weights.

What each takes, reads and works in: runtime_c/include/patchc_kernels_mve.h. Their constants are
those of the portable kernels but for the order of the weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np

from patchc.ir import Conv
from patchc.kernels.convolutions import (
    BY_NAME,
    by_inputs,
    one_group,
    packed,
    square_depthwise,
    whole,
)
from patchc.kernels.features import Count
from patchc.kernels.kernel import Kernel, Site, in_passes
from patchc.kernels.portable import RARE_SOURCE, REQUANT_HEADERS

MVE = "mve"  # Armv8.1-M with the integer part of the M-profile vector extension

# As in patchc_kernels_mve.h.
FEW_TAPS, FEW_PIXELS, PIXELS = 16, 8, 3
DEPTHWISE_PIXELS = 2
EIGHT = 8  # channels of a depthwise convolution


# ---- how weights are packed ----


def rows(weights: np.ndarray) -> np.ndarray:
    """The taps of an output channel one after the other: int8 (n,)."""
    return weights.reshape(-1)


def eights(weights: np.ndarray) -> np.ndarray:
    """[c / 8][kernel_h][kernel_w][8], of a depthwise convolution, zeros in place of the channels
    that the last eight lack: int8 (n,)."""
    by_tap = weights[..., 0].transpose(1, 2, 0)
    padded = np.pad(by_tap, ((0, 0), (0, 0), (0, -by_tap.shape[2] % EIGHT)))
    return padded.reshape(*by_tap.shape[:2], -1, EIGHT).transpose(2, 0, 1, 3).reshape(-1)


# ---- what they work in ----


def _taps(site: Site) -> int:
    return cast(Conv, site.op).weights[0].size


def _few_scratch(site: Site) -> Count:
    """Of pixels whose taps fill a vector each."""
    return 16 * np.minimum(site.cols, FEW_PIXELS)


def _pointwise_scratch(site: Site) -> Count:
    return _taps(site) * np.minimum(site.rows * site.cols, PIXELS)


def _window_scratch(site: Site) -> Count:
    if _taps(site) <= FEW_TAPS:
        return _few_scratch(site)
    return _taps(site) * np.minimum(site.cols, PIXELS)


def _depthwise_scratch(site: Site) -> Count:
    window = cast(Conv, site.op).window
    (height, width), (_, stride) = window.kernel, window.stride
    if site.channels % EIGHT == 0 and site.output.shape[2] % EIGHT == 0:
        return site.channels
    return -(-site.channels // 4) * 4 + EIGHT * (10 + height * (width + stride))


# ---- what they refuse ----


def _with_taps(few: bool) -> Callable[[Site], str | None]:
    """`Kernel.refuses` of a pointwise convolution of pixels with few taps, which fit one vector, or
    with more."""

    def refuses(site: Site) -> str | None:
        reason = BY_NAME["conv2d_pointwise"].refuses(site)
        if reason is not None or (_taps(site) <= FEW_TAPS) is few:
            return reason
        return f"its pixels have {'more' if few else 'no more'} than {FEW_TAPS} taps"

    return refuses


# ---- entries ----


def _mve(name: str, **more: Any) -> Kernel:
    """patchc_NAME_mve, which computes what the portable kernel does. `more`: further fields."""
    return replace(
        BY_NAME[name],
        name=f"{name}.{MVE}",
        flavour=MVE,
        function=f"patchc_{name}_mve",
        source=f"mve/patchc_{name}_mve.c",
        header="patchc_kernels_mve.h",
        headers=(*REQUANT_HEADERS, "patchc_mve.h", "patchc_mve_product.h"),
        shared=("mve/patchc_mve_shared.c", RARE_SOURCE),
        **more,
    )


_SUMS = "pointwise_sums.mve"  # the packing that both halves read

MVE_KERNELS: tuple[Kernel, ...] = (
    _mve("dense", pack=packed(whole, rows), refuses=one_group("dense")),
    # The same C function computes pixels of few taps in another way, for another price.
    replace(
        _mve(
            "conv2d_pointwise",
            pack=packed(whole, rows),
            refuses=_with_taps(few=True),
            scratch=_few_scratch,
            takes_scratch=True,
            work=in_passes(FEW_PIXELS, within_rows=True),
            at_once=FEW_PIXELS,
        ),
        name=f"conv2d_pointwise_few.{MVE}",
    ),
    _mve(
        "conv2d_pointwise",
        pack=packed(whole, rows),
        refuses=_with_taps(few=False),
        scratch=_pointwise_scratch,
        takes_scratch=True,
        work=in_passes(PIXELS),
        at_once=PIXELS,
    ),
    _mve(
        "conv2d_depthwise",
        pack=packed(whole, eights),
        refuses=square_depthwise(EIGHT, "eight"),
        scratch=_depthwise_scratch,
        takes_scratch=True,
        work=in_passes(DEPTHWISE_PIXELS, within_rows=True),
        at_once=DEPTHWISE_PIXELS,
    ),
    _mve(
        "conv2d",
        pack=packed(whole, rows),
        refuses=one_group("conv2d"),
        scratch=_window_scratch,
        takes_scratch=True,
        work=in_passes(PIXELS, within_rows=True),
        at_once=PIXELS,
    ),
    _mve(
        "pointwise_add",
        pack=packed(by_inputs, rows),
        finish="pointwise_finish.mve",
        packing=_SUMS,
    ),
    _mve("pointwise_finish", pack=packed(by_inputs, rows), packing=_SUMS),
)
