"""A Pad of rows and columns that no reader takes in, as a node of its own.

It is a depthwise convolution of 1 x 1 whose weights are one: its scales cancel, so that it copies,
and its pads are zeros.
"""

from __future__ import annotations

import numpy as np

from patchc.frontend.axes import Axis, Layout
from patchc.frontend.values import Quantized
from patchc.ir import Conv, Padding, Window


def padded_layout(value: Quantized) -> Layout:
    """The layout of `value` with its pads in it."""
    pads = value.pads
    more = {"h": pads.top + pads.bottom, "w": pads.left + pads.right, "c": 0}
    return tuple(
        tuple(Axis(axis.name, axis.size + more[axis.name], axis.step) for axis in axes)
        for axes in value.layout
    )


def pad_operator(pads: Padding, channels: int) -> Conv:
    """Its output's scale and zero point are those of its input."""
    return Conv(
        Window((1, 1), pads=pads),
        channels,
        np.ones((channels, 1, 1, 1), np.int8),
        np.ones(channels, np.float32),
        np.zeros(channels, np.int32),
    )
