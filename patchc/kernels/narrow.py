"""Convolutions for cores without a long multiply: the portable kernels with another store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from patchc.kernels.convolutions import (
    BY_NAME,
    CHANNELS_SOURCE,
    Pack,
    by_group,
    by_inputs,
    fours,
    packed,
    whole,
)
from patchc.kernels.kernel import Kernel
from patchc.kernels.portable import PORTABLE, RARE_SOURCE
from patchc.numerics.forms import PIECES_SHAPES

_HEADERS = ("patchc_dot.h",)  # that patchc_narrow.h includes
NARROW = "narrow"  # C99 without products of 32 x 32 -> 64 bits


def _packed(parts: Callable[..., Any]) -> Pack:
    """As the portable kernels want their constants, with lines of another shape."""
    return packed(parts, fours, PIECES_SHAPES)


def _narrow_source(portable: str) -> str:
    """Of the file that includes a portable one."""
    return portable.replace(PORTABLE, NARROW, 1).replace(".c", f"_{NARROW}.c")


def _narrow(name: str, pack: Pack, **more: Any) -> Kernel:
    """The portable kernel's file, read with another store. `more`: further fields of `Kernel`."""
    kernel = BY_NAME[name]
    shared = [source for source in kernel.shared if source in (RARE_SOURCE, CHANNELS_SOURCE)]
    return replace(
        kernel,
        name=f"{name}.narrow",
        flavour=NARROW,
        supersedes=PORTABLE,
        function=f"{kernel.function}_narrow",
        source=_narrow_source(kernel.source),
        header="patchc_narrow.h",
        headers=tuple(dict.fromkeys((*kernel.headers, *_HEADERS))),
        shared=tuple(_narrow_source(source) for source in shared),
        included=(kernel.source, *shared),
        pack=pack,
        **more,
    )


NARROW_KERNELS: tuple[Kernel, ...] = (
    _narrow("dense", _packed(whole)),
    _narrow("conv2d_pointwise", _packed(whole)),
    _narrow("conv2d_depthwise", _packed(whole)),
    _narrow("conv2d", _packed(by_group)),
    _narrow(
        "pointwise_add",
        _packed(by_inputs),
        finish="pointwise_finish.narrow",
        packing="pointwise_sums.narrow",
    ),
    _narrow("pointwise_finish", _packed(by_inputs), packing="pointwise_sums.narrow"),
)
