"""Convolution, pointwise, depthwise and dense: entries, and how they want their weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np

from patchc.ir import Conv, Graph, Node, Padding
from patchc.kernels.kernel import Kernel, Role, Site, Slicing
from patchc.kernels.portable import RARE_SOURCE, REQUANT_HEADERS, portable
from patchc.kernels.window import where_of, window_params
from patchc.numerics.forms import HIGH, Shape
from patchc.numerics.node_forms import conv_forms
from patchc.numerics.structs import ConvParams

Pack = Callable[[Graph, Node, int], ConvParams]

# ---- how weights are packed ----


def fours(weights: np.ndarray) -> np.ndarray:
    """Output channels in blocks of four, interleaved; then those left over. int8 (n,), from
    (c_out, kernel_h, kernel_w, c_in)."""
    flat = weights.reshape(len(weights), -1)
    whole = len(flat) // 4 * 4
    blocks = flat[:whole].reshape(whole // 4, 4, flat.shape[1])
    return np.concatenate([blocks.transpose(0, 2, 1).reshape(-1), flat[whole:].reshape(-1)])


def whole(op: Conv, group: int) -> Sequence[np.ndarray]:
    """All weights at once, or those of each round's output channels."""
    if not group:
        return [op.weights]
    return np.split(op.weights, range(group, op.channels_out, group))


def by_group(op: Conv, group: int) -> Sequence[np.ndarray]:
    """The weights of each group of the convolution, or of each round's output channels."""
    return whole(op, group) if group else np.split(op.weights, op.groups)


def by_inputs(op: Conv, group: int) -> Sequence[np.ndarray]:
    """The weights of each round's input channels."""
    if not group:
        return [op.weights]
    return np.split(op.weights, range(group, op.channels_in, group), axis=3)


def packed(
    parts: Callable[[Conv, int], Sequence[np.ndarray]],
    layout: Callable[[np.ndarray], np.ndarray],
    shapes: tuple[Shape, ...] = (HIGH,),
) -> Pack:
    """The packing that lays out each of `parts` of the weights, one behind the other. `shapes`:
    those of the lines that the kernel's store can compute."""

    def pack(graph: Graph, node: Node, group: int) -> ConvParams:
        op = cast(Conv, node.op)
        x, y = graph.tensors[node.inputs[0]], graph.tensors[node.output]
        where = where_of(node)
        forms = conv_forms(op, x, y, shapes, where)
        return ConvParams(
            window=window_params(op.window, where),
            groups=op.groups,
            weights=np.concatenate([layout(part) for part in parts(op, group)]),
            form=forms.channels,
            rare=forms.rare or None,
            pad_value=x.quant.zero_point,
            zero_point=y.quant.zero_point,
            lo=op.clamp.lo,
            hi=op.clamp.hi,
            drop=forms.shape.drop,
        )

    return pack


# ---- where they can run ----


def _rounds(site: Site) -> str | None:
    """A convolution reads all channels or, depthwise, those that it makes."""
    op = cast(Conv, site.op)
    if site.slicing is Slicing.OUTPUTS and op.groups > 1:
        return "it has groups, so a few of its channels do not read all of the input's"
    if site.slicing is Slicing.CHANNELS:
        return "it reads all channels to make one"
    return None


def _dense(site: Site) -> str | None:
    op = cast(Conv, site.op)
    (shape,) = (tensor.shape for tensor in site.inputs)
    window = op.window
    whole_map = window.kernel == window.extent == shape[:2] and window.pads == Padding()
    if op.groups > 1 or not whole_map:
        return "its window is not the whole map"
    return _rounds(site)


def _pointwise(site: Site) -> str | None:
    return _rounds(site) if cast(Conv, site.op).is_pointwise else "it is not 1x1, or has a stride"


def _depthwise(site: Site) -> str | None:
    op = cast(Conv, site.op)
    if not op.is_depthwise:
        return "it is not depthwise"
    if site.slicing is Slicing.OUTPUTS:
        return _rounds(site)
    if site.slicing is Slicing.CHANNELS and op.channels_in != op.channels_out:
        return "it makes several channels of one"
    return None


def _sums(site: Site) -> str | None:
    """Rounds of input channels, or all at once."""
    return None if cast(Conv, site.op).is_pointwise else "it is not 1x1, or has a stride"


_SUMS = "pointwise_sums"  # the packing that both halves read

_HEADERS = (*REQUANT_HEADERS, "patchc_dot.h")
_DOT_SOURCE = "portable/patchc_dot.c"
CHANNELS_SOURCE = "portable/patchc_channels.c"

# Of one flavour the first that does not refuse is taken, so the general one comes last.
CONVOLUTIONS: tuple[Kernel, ...] = (
    portable(
        "dense",
        Conv,
        struct="patchc_conv_params",
        pack=packed(whole, fours),
        headers=_HEADERS,
        shared=(RARE_SOURCE,),
        refuses=_dense,
    ),
    portable(
        "conv2d_pointwise",
        Conv,
        struct="patchc_conv_params",
        pack=packed(whole, fours),
        headers=_HEADERS,
        shared=(RARE_SOURCE, _DOT_SOURCE, CHANNELS_SOURCE),
        refuses=_pointwise,
    ),
    portable(
        "conv2d_depthwise",
        Conv,
        struct="patchc_conv_params",
        pack=packed(whole, fours),
        headers=_HEADERS,
        shared=(RARE_SOURCE,),
        refuses=_depthwise,
    ),
    portable(
        "conv2d",
        Conv,
        struct="patchc_conv_params",
        pack=packed(by_group, fours),
        headers=_HEADERS,
        shared=(RARE_SOURCE, _DOT_SOURCE, CHANNELS_SOURCE),
        refuses=_rounds,
    ),
    portable(
        "pointwise_add",
        Conv,
        role=Role.ACCUMULATE,
        struct="patchc_conv_params",
        pack=packed(by_inputs, fours),
        headers=("patchc_requant.h", "patchc_dot.h"),
        shared=(_DOT_SOURCE,),
        refuses=_sums,
        finish="pointwise_finish",
        packing=_SUMS,
    ),
    portable(
        "pointwise_finish",
        Conv,
        role=Role.FINISH,
        struct="patchc_conv_params",
        pack=packed(by_inputs, fours),
        headers=REQUANT_HEADERS,
        shared=(RARE_SOURCE,),
        refuses=_sums,
        packing=_SUMS,
    ),
)

# ---- what other flavours begin with ----

BY_NAME = {kernel.name: kernel for kernel in CONVOLUTIONS}


def one_group(name: str) -> Callable[[Site], str | None]:
    """What the portable kernel takes, of one group."""

    def refuses(site: Site) -> str | None:
        if cast(Conv, site.op).groups > 1:
            return "it has groups"
        return BY_NAME[name].refuses(site)

    return refuses


def square_depthwise(channels: int, word: str) -> Callable[[Site], str | None]:
    """What the portable kernel takes, of windows up to 7x7 that are computed for `channels` (as a
    `word`) at a time."""

    def refuses(site: Site) -> str | None:
        op = cast(Conv, site.op)
        window = op.window
        if not op.is_depthwise or op.channels_in != op.channels_out:
            return "it does not make one channel of each"
        if window.kernel not in ((3, 3), (5, 5), (7, 7)) or window.dilation != (1, 1):
            return "its window is none of 3x3, 5x5 and 7x7, or is dilated"
        if window.stride[1] > 2:
            return "its columns have a stride of more than 2"
        if site.slicing is Slicing.CHANNELS and site.group % channels:
            return f"it computes {word} channels at a time"
        return BY_NAME["conv2d_depthwise"].refuses(site)

    return refuses
