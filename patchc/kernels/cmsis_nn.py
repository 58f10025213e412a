"""Kernels that call CMSIS-NN, a flavour for each of the ways in which the library is compiled.

Which layer may go to it is a matter of its numbers: where its multiplier and shift are not proved
to give onnxruntime's byte for every sum that can come up, it is refused. The arguments that the
library takes: runtime_c/include/patchc_kernels_cmsis_nn.h.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from patchc.ir import Conv, Graph, MaxPool, Node, Padding, Tensor, Window
from patchc.kernels.convolutions import BY_NAME
from patchc.kernels.dsp import DSP
from patchc.kernels.features import Count
from patchc.kernels.kernel import Kernel, Needs, Order, Site, Slicing
from patchc.kernels.mve import MVE
from patchc.kernels.pools import POOLS
from patchc.kernels.window import where_of, window_params
from patchc.libraries.cmsis_nn import (
    CONVOLVE,
    DEPTHWISE,
    DEPTHWISE_BASIC,
    MAX_POOL,
)
from patchc.numerics.cmsis import CmsisForm, Rounding, conv_cmsis_form
from patchc.numerics.structs import ConvCmsisNNParams, PoolCmsisNNParams

CMSIS_NN = "cmsis-nn"  # compiled as plain C
CMSIS_NN_DSP = "cmsis-nn-dsp"
CMSIS_NN_MVE = "cmsis-nn-mve"
# With the depthwise convolution that works in no memory, where the other one does.
_BASIC = "{}-basic"
FLAVOURS = (
    CMSIS_NN,
    *(name for wide in (CMSIS_NN_DSP, CMSIS_NN_MVE) for name in (wide, _BASIC.format(wide))),
)

# Sizes and positions are int16_t somewhere in the library.
_MOST = 2**15 - 1

_BLOCK = 124  # channels that its depthwise convolution for MVE takes at a time


def flavours_for(flavours: Collection[str]) -> tuple[str, ...]:
    """Those for a core that runs such flavours: as a compiler for it compiles the library."""
    if MVE in flavours:
        return CMSIS_NN_MVE, _BASIC.format(CMSIS_NN_MVE)
    if DSP in flavours:
        return CMSIS_NN_DSP, _BASIC.format(CMSIS_NN_DSP)
    return (CMSIS_NN,)


def is_library_kernel(name: str) -> bool:
    """Does the kernel of that name call CMSIS-NN?"""
    return f".{CMSIS_NN}" in name


# ---- what they work in ----


def _align4(count: int) -> int:
    return -(-count // 4) * 4


def _conv_work(op: Conv, flavour: str) -> int:
    """Of arm_convolve_s8, in the version that takes most. 1x1 convolutions need none."""
    if op.window.kernel == (1, 1) and op.window.pads == Padding():
        return 0
    taps = op.weights[0].size
    return 64 * -(-taps // 16) if flavour == CMSIS_NN_MVE else 4 * _align4(taps)


def _depthwise_work(op: Conv, flavour: str) -> int:
    """Of arm_depthwise_conv_wrapper_s8."""
    window, (height, width) = op.window, op.window.kernel
    if op.channels_in != op.channels_out or window.dilation != (1, 1) or flavour == CMSIS_NN:
        return 0
    if flavour == CMSIS_NN_MVE:
        return 4 * _BLOCK * height * width
    small = (height, width) == (3, 3) and max(window.pads.top, window.pads.left) <= 1
    return 0 if small else _align4(2 * op.channels_out * height * width)


def _no_work(op: Any, flavour: str) -> int:
    return 0


def _copy_bytes(window: Window, channels: int, site: Site) -> Count:
    """Of the columns whose windows reach beyond the right border, where a call makes only some of
    the map's columns, so that rows of what it reads are longer than its view."""
    (height, width) = window.extent
    if height == 1 or width == 1 or window.pads.right <= 0:
        return 0
    full = site.output.shape[1]
    return np.where(np.asarray(site.cols) < full, height * (width - 1) * channels, 0)


Work = Callable[[Any, str], int]


def _scratch(work: Work, flavour: str) -> Callable[[Site], Count]:
    def scratch(site: Site) -> Count:
        op, (x,) = cast(Any, site.op), site.inputs
        return work(op, flavour) + _copy_bytes(op.window, x.shape[2], site)

    return scratch


# ---- constants ----


def form_of(op: Conv, x: Tensor, y: Tensor, where: str) -> CmsisForm:
    """The multipliers and shifts of a layer's channels."""
    return conv_cmsis_form(op, x, y, Rounding.SINGLE, where)


def _fours(values: Any) -> np.ndarray:
    """With zeros behind them: code for MVE reads four channels where fewer are left."""
    array = np.asarray(values)
    return np.pad(array, (0, -len(array) % 4))


def _packed(layout: Callable[[np.ndarray], np.ndarray], work: Work, flavour: str) -> Any:
    def pack(graph: Graph, node: Node, group: int) -> ConvCmsisNNParams:
        op, where = cast(Conv, node.op), where_of(node)
        x, y = graph.tensors[node.inputs[0]], graph.tensors[node.output]
        form = form_of(op, x, y, where)
        return ConvCmsisNNParams(
            window=window_params(op.window, where),
            weights=_fours(layout(op.weights)),
            bias=_fours(op.bias),
            multiplier=_fours(np.array(form.multipliers, np.int32)),
            shift=_fours(np.array(form.shifts, np.int32)),
            work_bytes=work(op, flavour),
            pad_value=x.quant.zero_point,
            zero_point=y.quant.zero_point,
            lo=op.clamp.lo,
            hi=op.clamp.hi,
        )

    return pack


def _channels_first(weights: np.ndarray) -> np.ndarray:
    return weights.reshape(-1)


def _channels_last(weights: np.ndarray) -> np.ndarray:
    return weights[..., 0].transpose(1, 2, 0).reshape(-1)


def _max_pool(flavour: str) -> Any:
    def pack(graph: Graph, node: Node, group: int) -> PoolCmsisNNParams:
        op = cast(MaxPool, node.op)
        return PoolCmsisNNParams(
            window_params(op.window, where_of(node)), 0, op.clamp.lo, op.clamp.hi
        )

    return pack


# ---- where they can run ----


def _limits(site: Site) -> str | None:
    if site.slicing is not Slicing.ALL:
        return "it computes all channels at once"
    sizes = (*site.output.shape, *(size for x in site.inputs for size in x.shape))
    if max(sizes) > _MOST:
        return f"it takes sizes up to {_MOST}"
    window = cast(Any, site.op).window
    if min(window.pads.top, window.pads.left, window.pads.bottom, window.pads.right) < 0:
        return "its pads are negative"
    return None


def _unproved(site: Site) -> str | None:
    op, (x,) = cast(Conv, site.op), site.inputs
    form = form_of(op, x, site.output, f"{op.kind} of {site.output.name!r}")
    if not form.unproved:
        return None
    return (
        f"no multiplier of CMSIS-NN is proved to give onnxruntime's bytes for "
        f"{len(form.unproved)} of its {op.channels_out} channels"
    )


Refuses = Callable[[Site], str | None]


@dataclass(frozen=True, slots=True)
class _First:
    """The first reason of several."""

    rules: tuple[Refuses, ...]

    def __call__(self, site: Site) -> str | None:
        for rule in self.rules:
            reason = rule(site)
            if reason is not None:
                return reason
        return None


def _one_by_one(site: Site) -> str | None:
    op = cast(Conv, site.op)
    one = op.groups == 1 and op.window.kernel == (1, 1) and op.window.pads == Padding()
    return None if one else "it is not 1x1, or has pads"


def _depthwise(site: Site) -> str | None:
    return None if cast(Conv, site.op).is_depthwise else "it is not depthwise"


def _near_border(site: Site) -> str | None:
    """Its function for 3x3 windows counts on their middle column to be inside."""
    op = cast(Conv, site.op)
    window = op.window
    taken = window.dilation == (1, 1) and op.channels_in == op.channels_out
    if taken and window.kernel == (3, 3) and window.pads.right > 1:
        return "its 3x3 windows reach two columns beyond the right border"
    return None


def _one_group(site: Site) -> str | None:
    op = cast(Conv, site.op)
    if op.groups > 1:
        return "it has groups"
    (height, width), pads = op.window.kernel, op.window.pads
    if height == 1 and max(pads.left, pads.right) >= width:
        # Of 1x1 windows the library sees no padding at the right and bottom.
        return "it has windows of one row that lie in the padding"
    if (height, width) == (1, 1) and pads != Padding():
        return "it is 1x1 and has pads"
    return None


def _needs_work(flavour: str) -> Refuses:
    """The depthwise convolution without memory is there for layers where the other takes some."""

    def refuses(site: Site) -> str | None:
        needed = _depthwise_work(cast(Conv, site.op), flavour)
        return None if needed else "the library's other function takes no memory either"

    return refuses


# ---- entries ----


def _entry(kernel: Kernel, name: str, flavour: str, function: str, **more: Any) -> Kernel:
    """patchc_NAME_cmsis_nn. `more`: further fields."""
    return replace(
        kernel,
        name=f"{name}.{flavour}",
        flavour=flavour,
        order=Order.CALL,
        function=f"patchc_{name}_cmsis_nn",
        source=f"cmsis_nn/patchc_{name}_cmsis_nn.c",
        header="patchc_kernels_cmsis_nn.h",
        headers=("patchc_cmsis_nn.h", "patchc_cmsis_nn_port.h"),
        shared=("cmsis_nn/patchc_cmsis_nn.c",),
        cmsis_nn=(function,),
        **more,
    )


def _conv(name: str, flavour: str, function: str, refuses: tuple[Refuses, ...], **more: Any) -> Any:
    return _entry(
        BY_NAME[more.pop("of", name)],
        name,
        flavour,
        function,
        struct="patchc_conv_cmsis_nn_params",
        refuses=_First(refuses),
        **more,
    )


def _in_memory(work: Work, flavour: str) -> dict[str, Any]:
    """Fields of what works in memory and reads its rows in order."""
    return {
        "scratch": _scratch(work, flavour),
        "takes_scratch": True,
        "needs": Needs(contiguous=True),
    }


def _of(flavour: str, proofs: tuple[Refuses, ...]) -> tuple[Kernel, ...]:
    """One flavour's kernels. `proofs`: what layers with multipliers have to pass besides."""
    pool = {kernel.name: kernel for kernel in POOLS}["max_pool"]
    return (
        _conv(
            "dense",
            flavour,
            CONVOLVE,
            (_limits, BY_NAME["dense"].refuses, *proofs),
            pack=_packed(_channels_first, _no_work, flavour),
            needs=Needs(contiguous=True),
        ),
        _conv(
            "conv2d_pointwise",
            flavour,
            CONVOLVE,
            (_limits, _one_by_one, *proofs),
            pack=_packed(_channels_first, _no_work, flavour),
        ),
        _conv(
            "conv2d_depthwise",
            flavour,
            DEPTHWISE,
            (_limits, _depthwise, _near_border, *proofs),
            pack=_packed(_channels_last, _depthwise_work, flavour),
            **_in_memory(_depthwise_work, flavour),
        ),
        _conv(
            "conv2d",
            flavour,
            CONVOLVE,
            (_limits, _one_group, *proofs),
            pack=_packed(_channels_first, _conv_work, flavour),
            **_in_memory(_conv_work, flavour),
        ),
        _entry(
            pool,
            "max_pool",
            flavour,
            MAX_POOL,
            struct="patchc_pool_cmsis_nn_params",
            pack=_max_pool(flavour),
            refuses=_First((_limits, _no_dilation)),
            **_in_memory(_no_work, flavour),
        ),
    )


def _no_dilation(site: Site) -> str | None:
    dilated = cast(Any, site.op).window.dilation != (1, 1)
    return "its window is dilated" if dilated else None


def _basic(flavour: str, proofs: tuple[Refuses, ...]) -> Kernel:
    """The depthwise convolution without memory, beside that of a flavour."""
    return _conv(
        "conv2d_depthwise_basic",
        _BASIC.format(flavour),
        DEPTHWISE_BASIC,
        (_limits, _depthwise, _needs_work(flavour), *proofs),
        of="conv2d_depthwise",
        pack=_packed(_channels_last, _no_work, flavour),
        **_in_memory(_no_work, flavour),
    )


def cmsis_nn_kernels(exact: bool) -> tuple[Kernel, ...]:
    """Of all flavours. `exact`: only layers that are proved to equal onnxruntime's."""
    proofs: tuple[Refuses, ...] = (_unproved,) if exact else ()
    wide = (CMSIS_NN_DSP, CMSIS_NN_MVE)
    return (
        *(kernel for flavour in (CMSIS_NN, *wide) for kernel in _of(flavour, proofs)),
        *(_basic(flavour, proofs) for flavour in wide),
    )


CMSIS_NN_KERNELS = cmsis_nn_kernels(exact=True)
