"""A Pad of rows and columns that no reader takes in, as a node of its own.

It is a depthwise convolution of 1 x 1 whose weights are one: its scales cancel, so that it copies,
and its pads are zeros.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from patchc.frontend.axes import Axis, Layout
from patchc.frontend.values import NO_PADS, Quantized
from patchc.ir import Conv, Padding, Window

if TYPE_CHECKING:
    from patchc.frontend.builder import GraphBuilder


def padded_layout(value: Quantized) -> Layout:
    """The layout of `value` with its pads in it."""
    pads = value.pads
    more = {"h": pads.top + pads.bottom, "w": pads.left + pads.right, "c": 0}
    return tuple(
        tuple(Axis(axis.name, axis.size + more[axis.name], axis.step) for axis in axes)
        for axes in value.layout
    )


def padded(builder: GraphBuilder, value: Quantized) -> Quantized:
    """`value` without pads that wait for a reader."""
    if value.pads == NO_PADS:
        return value
    channels = builder.tensors[value.tensor].shape[2]
    op = Conv(
        Window((1, 1), pads=value.pads),
        channels,
        np.ones((channels, 1, 1, 1), np.int8),
        np.ones(channels, np.float32),
        np.zeros(channels, np.int32),
    )
    layout = padded_layout(value)
    return replace(builder.copied(value, op, layout, _word(value.pads)), pads=NO_PADS)


def _word(pads: Padding) -> str:
    return f"padded_{pads.top}_{pads.left}_{pads.bottom}_{pads.right}"
