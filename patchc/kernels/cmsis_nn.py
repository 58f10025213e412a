"""Kernels that call CMSIS-NN, a flavour for each of the ways in which the library is compiled.

Which layer may go to it is a matter of its numbers: where its multiplier and shift are not proved
to give onnxruntime's byte for every sum that can come up, it is refused. The arguments that the
library takes: runtime_c/include/patchc_kernels_cmsis_nn.h.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np

from patchc.choices import Rounding
from patchc.ir import Conv, Graph, Node, Padding, Tensor
from patchc.kernels.cmsis_nn_entry import (
    BASIC,
    CMSIS_NN,
    CMSIS_NN_DSP,
    CMSIS_NN_MVE,
    FLAVOURS,
    First,
    How,
    Refuses,
    Work,
    entry,
    flavours_for,
    in_memory,
    is_library_kernel,
    limits,
    no_work,
)
from patchc.kernels.cmsis_nn_pairs import pair_kernels
from patchc.kernels.cmsis_nn_pools import pool_kernels
from patchc.kernels.convolutions import BY_NAME
from patchc.kernels.kernel import Kernel, Needs, Site
from patchc.kernels.window import where_of, window_params
from patchc.libraries.cmsis_nn import CONVOLVE, DEPTHWISE, DEPTHWISE_BASIC
from patchc.numerics.cmsis import CmsisForm, conv_cmsis_form
from patchc.numerics.cmsis_range import conv_fits
from patchc.numerics.structs import ConvCmsisNNParams

__all__ = [
    "CMSIS_NN",
    "CMSIS_NN_DSP",
    "CMSIS_NN_KERNELS",
    "FLAVOURS",
    "cmsis_nn_kernels",
    "flavours_for",
    "form_of",
    "is_library_kernel",
]

Layout = Callable[[np.ndarray], np.ndarray]  # of weights

_BLOCK = 124  # channels that its depthwise convolution for MVE takes at a time


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


# ---- constants ----


def form_of(
    op: Conv, x: Tensor, y: Tensor, where: str, rounding: Rounding = Rounding.SINGLE
) -> CmsisForm:
    """The multipliers and shifts of a layer's channels."""
    return conv_cmsis_form(op, x, y, rounding, where)


def _fours(values: Any) -> np.ndarray:
    """With zeros behind them: code for MVE reads four channels where fewer are left."""
    array = np.asarray(values)
    return np.pad(array, (0, -len(array) % 4))


def _packed(layout: Layout, work: Work, how: How) -> Any:
    def pack(graph: Graph, node: Node, group: int) -> ConvCmsisNNParams:
        op, where = cast(Conv, node.op), where_of(node)
        x, y = graph.tensors[node.inputs[0]], graph.tensors[node.output]
        form = form_of(op, x, y, where, how.rounding)
        return ConvCmsisNNParams(
            window=window_params(op.window, where),
            weights=_fours(layout(op.weights)),
            bias=_fours(op.bias),
            multiplier=_fours(np.array(form.multipliers, np.int32)),
            shift=_fours(np.array(form.shifts, np.int32)),
            work_bytes=work(op, how.flavour),
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


# ---- where they can run ----


def _unproved(site: Site) -> str | None:
    op, (x,) = cast(Conv, site.op), site.inputs
    form = form_of(op, x, site.output, f"{op.kind} of {site.output.name!r}")
    if not form.unproved:
        return None
    return (
        f"no multiplier of CMSIS-NN is proved to give onnxruntime's bytes for "
        f"{len(form.unproved)} of its {op.channels_out} channels"
    )


def _in_words(rounding: Rounding) -> Refuses:
    """Where nothing is proved, no word of the library's may overflow all the same: what comes of
    it then is another thing on every core."""

    def refuses(site: Site) -> str | None:
        op, (x,) = cast(Conv, site.op), site.inputs
        if conv_fits(op, x, site.output, f"{op.kind} of {site.output.name!r}", rounding):
            return None
        return "words of CMSIS-NN could overflow"

    return refuses


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


def _conv(name: str, flavour: str, function: str, refuses: tuple[Refuses, ...], **more: Any) -> Any:
    return entry(
        BY_NAME[more.pop("of", name)],
        name,
        flavour,
        function,
        struct="patchc_conv_cmsis_nn_params",
        refuses=First(refuses),
        **more,
    )


def _of(how: How) -> tuple[Kernel, ...]:
    """One flavour's kernels."""
    flavour, proof = how.flavour, _proof(how)
    return (
        _conv(
            "dense",
            flavour,
            CONVOLVE,
            (limits, BY_NAME["dense"].refuses, proof),
            pack=_packed(_channels_first, no_work, how),
            needs=Needs(contiguous=True),
        ),
        _conv(
            "conv2d_pointwise",
            flavour,
            CONVOLVE,
            (limits, _one_by_one, proof),
            pack=_packed(_channels_first, no_work, how),
        ),
        _conv(
            "conv2d_depthwise",
            flavour,
            DEPTHWISE,
            (limits, _depthwise, _near_border, proof),
            pack=_packed(_channels_last, _depthwise_work, how),
            **in_memory(_depthwise_work, flavour),
        ),
        _conv(
            "conv2d",
            flavour,
            CONVOLVE,
            (limits, _one_group, proof),
            pack=_packed(_channels_first, _conv_work, how),
            **in_memory(_conv_work, flavour),
        ),
        *pool_kernels(how),
        *pair_kernels(how),
    )


def _proof(how: How) -> Refuses:
    return _unproved if how.exact else _in_words(how.rounding)


def _basic(how: How) -> Kernel:
    """The depthwise convolution without memory, beside that of a flavour."""
    return _conv(
        "conv2d_depthwise_basic",
        BASIC.format(how.flavour),
        DEPTHWISE_BASIC,
        (limits, _depthwise, _needs_work(how.flavour), _proof(how)),
        of="conv2d_depthwise",
        pack=_packed(_channels_last, no_work, how),
        **in_memory(no_work, how.flavour),
    )


def cmsis_nn_kernels(exact: bool, rounding: Rounding = Rounding.SINGLE) -> tuple[Kernel, ...]:
    """Of all flavours. `exact`: only layers that are proved to equal onnxruntime's; `rounding`: as
    the library is compiled."""
    wide = (CMSIS_NN_DSP, CMSIS_NN_MVE)
    hows = [How(flavour, exact, rounding) for flavour in (CMSIS_NN, *wide)]
    return (
        *(kernel for how in hows for kernel in _of(how)),
        *(_basic(how) for how in hows if how.flavour in wide),
    )


CMSIS_NN_KERNELS = cmsis_nn_kernels(exact=True)
