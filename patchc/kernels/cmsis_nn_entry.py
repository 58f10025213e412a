"""What the kernels that call CMSIS-NN have in common: their flavours, their limits, their entry."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from patchc.choices import Rounding
from patchc.ir import Window
from patchc.kernels.dsp import DSP
from patchc.kernels.features import Count
from patchc.kernels.kernel import Kernel, Needs, Order, Site, Slicing
from patchc.kernels.mve import MVE

CMSIS_NN = "cmsis-nn"  # compiled as plain C
CMSIS_NN_DSP = "cmsis-nn-dsp"
CMSIS_NN_MVE = "cmsis-nn-mve"
# With the depthwise convolution that works in no memory, where the other one does.
BASIC = "{}-basic"
FLAVOURS = (
    CMSIS_NN,
    *(name for wide in (CMSIS_NN_DSP, CMSIS_NN_MVE) for name in (wide, BASIC.format(wide))),
)


@dataclass(frozen=True, slots=True)
class How:
    """How the library is compiled, and which layers it may compute."""

    flavour: str
    exact: bool  # only those that are proved to equal onnxruntime's
    rounding: Rounding


# Sizes and positions are int16_t somewhere in the library.
_MOST = 2**15 - 1


def flavours_for(flavours: Collection[str]) -> tuple[str, ...]:
    """Those for a core that runs such flavours: as a compiler for it compiles the library."""
    if MVE in flavours:
        return CMSIS_NN_MVE, BASIC.format(CMSIS_NN_MVE)
    if DSP in flavours:
        return CMSIS_NN_DSP, BASIC.format(CMSIS_NN_DSP)
    return (CMSIS_NN,)


def is_library_kernel(name: str) -> bool:
    """Does the kernel of that name call CMSIS-NN?"""
    return f".{CMSIS_NN}" in name


Refuses = Callable[[Site], str | None]


@dataclass(frozen=True, slots=True)
class First:
    """The first reason of several."""

    rules: tuple[Refuses, ...]

    def __call__(self, site: Site) -> str | None:
        for rule in self.rules:
            reason = rule(site)
            if reason is not None:
                return reason
        return None


def all_at_once(site: Site) -> str | None:
    """What every function of the library takes."""
    if site.slicing is not Slicing.ALL:
        return "it computes all channels at once"
    sizes = (*site.output.shape, *(size for x in site.inputs for size in x.shape))
    if max(sizes) > _MOST:
        return f"it takes sizes up to {_MOST}"
    return None


def limits(site: Site) -> str | None:
    """The same of operators with windows."""
    reason = all_at_once(site)
    if reason is not None:
        return reason
    window = cast(Any, site.op).window
    if min(window.pads.top, window.pads.left, window.pads.bottom, window.pads.right) < 0:
        return "its pads are negative"
    return None


def copy_bytes(window: Window, channels: int, site: Site) -> Count:
    """Of the columns whose windows reach beyond the right border, where a call makes only some of
    the map's columns, so that rows of what it reads are longer than its view."""
    (height, width) = window.extent
    if height == 1 or width == 1 or window.pads.right <= 0:
        return 0
    full = site.output.shape[1]
    return np.where(np.asarray(site.cols) < full, height * (width - 1) * channels, 0)


Work = Callable[[Any, str], int]  # (operator, flavour) -> bytes that the library works in


def no_work(op: Any, flavour: str) -> int:
    """None, in bytes."""
    return 0


def scratch_of(work: Work, flavour: str) -> Callable[[Site], Count]:
    """With the copies of columns."""

    def scratch(site: Site) -> Count:
        op, (x,) = cast(Any, site.op), site.inputs
        return work(op, flavour) + copy_bytes(op.window, x.shape[2], site)

    return scratch


def entry(kernel: Kernel, name: str, flavour: str, calls: str, **more: Any) -> Kernel:
    """patchc_NAME_cmsis_nn. `calls`: the library's function; `more`: further fields, or others."""
    fields: dict[str, Any] = {
        "name": f"{name}.{flavour}",
        "flavour": flavour,
        "order": Order.CALL,
        "function": f"patchc_{name}_cmsis_nn",
        "source": f"cmsis_nn/patchc_{name}_cmsis_nn.c",
        "header": "patchc_kernels_cmsis_nn.h",
        "headers": ("patchc_cmsis_nn.h", "patchc_cmsis_nn_port.h"),
        "shared": ("cmsis_nn/patchc_cmsis_nn.c",),
        "cmsis_nn": (calls,),
    }
    return replace(kernel, **(fields | more))


def in_memory(work: Work, flavour: str) -> dict[str, Any]:
    """Fields of what works in memory and reads its rows in order."""
    return {
        "scratch": scratch_of(work, flavour),
        "takes_scratch": True,
        "needs": Needs(contiguous=True),
    }
