"""Convolutions for cores without a long multiply: the portable kernels with another store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from patchc.kernels.convolutions import (
    CHANNELS_SOURCE,
    CONVOLUTIONS,
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

HEADERS = ("patchc_dot.h",)  # that patchc_narrow.h includes
NARROW = "narrow"  # C99 without products of 32 x 32 -> 64 bits

_PORTABLE = {kernel.name: kernel for kernel in CONVOLUTIONS}


def _packed(parts: Callable[..., Any], layout: Callable[..., Any]) -> Pack:
    return packed(parts, layout, PIECES_SHAPES)


def _narrow_source(portable: str) -> str:
    """Of the file that includes a portable one."""
    return portable.replace(PORTABLE, NARROW, 1).replace(".c", f"_{NARROW}.c")


def _narrow(name: str, pack: Pack, **more: Any) -> Kernel:
    """The portable kernel's file, read with another store. `more`: further fields of `Kernel`."""
    kernel = _PORTABLE[name]
    shared = [source for source in kernel.shared if source in (RARE_SOURCE, CHANNELS_SOURCE)]
    return replace(
        kernel,
        name=f"{name}.narrow",
        flavour=NARROW,
        supersedes=PORTABLE,
        function=f"{kernel.function}_narrow",
        source=_narrow_source(kernel.source),
        header="patchc_narrow.h",
        headers=tuple(dict.fromkeys((*kernel.headers, *HEADERS))),
        shared=tuple(_narrow_source(source) for source in shared),
        included=(kernel.source, *shared),
        pack=pack,
        **more,
    )


NARROW_KERNELS: tuple[Kernel, ...] = (
    _narrow("dense", _packed(whole, fours)),
    _narrow("conv2d_pointwise", _packed(whole, fours)),
    _narrow("conv2d_depthwise", _packed(whole, fours)),
    _narrow("conv2d", _packed(by_group, fours)),
    _narrow(
        "pointwise_add",
        _packed(by_inputs, fours),
        finish="pointwise_finish.narrow",
        packing="pointwise_sums.narrow",
    ),
    _narrow("pointwise_finish", _packed(by_inputs, fours), packing="pointwise_sums.narrow"),
)
