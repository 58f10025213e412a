"""Weights with a zero point, as onnxruntime's quantiser writes them by default for uint8.

Less their zero point they need nine bits. Kernels have int8 weights; so one that does not fit is
the sum of two or three that do, each times the same value of the input: channels that need it are
there more than once. Sums are those of the file, to the last bit, whatever the kernel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from patchc.ir.graph import INT8_MAX, INT8_MIN


class Widened(NamedTuple):
    """Weights that fit, over an input with some channels more than once."""

    weights: np.ndarray  # int8 (c_out, kernel_h, kernel_w, depth of a group)
    source: np.ndarray  # int64, for each channel of that input: the channel of the map


def widened(weights: np.ndarray, groups: int) -> Widened | None:
    """Integers (c_out, kernel_h, kernel_w, depth of a group) as sums of int8; None: they are."""
    parts = _parts(weights)
    if len(parts) == 1:
        return None
    depth, per_group = weights.shape[3], len(weights) // groups
    chosen: list[list[tuple[int, int]]] = []  # per group: (part, channel) of each of its channels
    for group in range(groups):
        own = slice(group * per_group, (group + 1) * per_group)
        chosen.append([
            (index, channel)
            for index, part in enumerate(parts)
            for channel in range(depth)
            if index == 0 or part[own, :, :, channel].any()
        ])  # fmt: skip
    width = max(map(len, chosen))  # all groups are equally deep
    found = np.zeros((*weights.shape[:3], width), np.int8)
    source = np.zeros((groups, width), np.int64)
    for group, channels in enumerate(chosen):
        own = slice(group * per_group, (group + 1) * per_group)
        source[group] = group * depth
        for place, (index, channel) in enumerate(channels):
            found[own, :, :, place] = parts[index][own, :, :, channel]
            source[group, place] += channel
    return Widened(found, source.reshape(-1))


def _parts(values: np.ndarray) -> list[np.ndarray]:
    """int8 arrays whose sum is `values`: as much as fits in each."""
    parts = [np.clip(values, INT8_MIN, INT8_MAX)]
    while (rest := values - sum(part.astype(np.int32) for part in parts)).any():
        parts.append(np.clip(rest, INT8_MIN, INT8_MAX))
    return [part.astype(np.int8) for part in parts]
