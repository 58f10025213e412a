"""A transposed convolution as small convolutions side by side, which compute the same sums.

With stride s, output position q * s + p (its begin pad included) adds weights p, p + s, p + 2 * s
and so on of the kernel over inputs q, q - 1, q - 2 ... So each of the positions p of a block, whose
sides are the strides, is a small convolution of stride 1; together they are one with as many times
the channels, which DepthToSpace spreads. A crop drops the begin pad, and what the last block has
too much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class TransposedAxis:
    """Rows or columns."""

    size: int  # of the input
    kernel: int  # dilated
    stride: int
    begin: int  # pad
    output: int

    @property
    def taps(self) -> int:
        """Of the small convolutions."""
        return -(-self.kernel // self.stride)

    @property
    def skipped(self) -> int:
        """Whole blocks that lie in the begin pad."""
        return min(self.begin // self.stride, self.taps - 1)

    @property
    def crop(self) -> int:
        """Positions before the first of the output."""
        return self.begin - self.skipped * self.stride

    @property
    def pads(self) -> tuple[int, int]:
        """Of the small convolutions."""
        blocks = -(-(self.crop + self.output) // self.stride)
        before = self.taps - 1 - self.skipped
        return before, max(blocks + self.taps - 1 - self.size - before, 0)

    @property
    def made(self) -> int:
        """Positions before anything is dropped."""
        return (self.size + sum(self.pads) - self.taps + 1) * self.stride

    @property
    def is_cropped(self) -> bool:
        return self.made != self.output


def transposed_axes(
    given: Mapping[str, Any], sizes: Sequence[int], kernel: Sequence[int]
) -> tuple[TransposedAxis, ...] | None:
    """Of a ConvTranspose with the attributes `given`, per dimension; None where its pads are
    negative, or nothing is left.

    kernel: of the weights, as they are. auto_pad makes the output `strides` times the input.
    """
    rank, mode = len(sizes), given.get("auto_pad", b"NOTSET")
    strides, dilations = (given.get(name, [1] * rank) for name in ("strides", "dilations"))
    more, pads = given.get("output_padding", [0] * rank), given.get("pads", [0] * 2 * rank)
    upper, found = mode == b"SAME_UPPER", []
    for i, size in enumerate(sizes):
        extent = (kernel[i] - 1) * dilations[i] + 1
        whole = (size - 1) * strides[i] + extent + more[i]
        if "output_shape" in given:
            output = given["output_shape"][i - rank]
            total = max(whole - output, 0)
        elif mode in (b"SAME_UPPER", b"SAME_LOWER"):
            output = size * strides[i]
            total = whole - output
        else:
            total = 0 if mode == b"VALID" else pads[i] + pads[i + rank]
            output = whole - total
        begin = total // 2 if upper else total - total // 2
        if mode == b"NOTSET" and "output_shape" not in given:
            begin = pads[i]
        if begin < 0 or total < begin or output < 1 or size < 1:
            return None
        found.append(TransposedAxis(size, extent, strides[i], begin, output))
    return tuple(found)


def dilated(weights: np.ndarray, dilations: Sequence[int]) -> np.ndarray:
    """(c_in, c_out / groups, kernel_h, kernel_w) with zeros between its rows and columns, so that
    they lie side by side."""
    sizes = [(size - 1) * d + 1 for size, d in zip(weights.shape[2:], dilations, strict=True)]
    found = np.zeros((*weights.shape[:2], *sizes), weights.dtype)
    found[:, :, :: dilations[0], :: dilations[1]] = weights
    return found


def small_weights(
    weights: np.ndarray, groups: int, axes: tuple[TransposedAxis, TransposedAxis]
) -> np.ndarray:
    """Dilated (c_in, c_out / groups, kernel_h, kernel_w) -> those of the small convolutions,
    (c_out * positions, c_in / groups, taps_h, taps_w), positions innermost."""
    c_in, per_group = weights.shape[:2]
    rows, cols = axes
    shape = (c_in, per_group, rows.taps * rows.stride, cols.taps * cols.stride)
    full = np.zeros(shape, weights.dtype)
    full[:, :, : rows.kernel, : cols.kernel] = weights
    parts = full.reshape(
        *(groups, c_in // groups, per_group),
        *(rows.taps, rows.stride, cols.taps, cols.stride),
    )
    # Tap j of position p is weight j * stride + p, and reads the input j before: hence flipped.
    turned = parts[:, :, :, ::-1, :, ::-1].transpose(0, 2, 4, 6, 1, 3, 5)
    return turned.reshape(-1, c_in // groups, rows.taps, cols.taps)
