"""Weights as the kernels in runtime_c/dsp read them (runtime_c/include/patchc_kernels_dsp.h)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.int8]


def fours(weights: Weights, lanes: int) -> Weights:
    """int8 weights (c_out, rows, taps), a row's zeros behind its taps: blocks of `lanes` output
    channels, then the channels left over, one by one."""
    words = _padded(weights).reshape(len(weights), -1, 4).copy()
    words[..., 0::2] ^= -128
    whole = len(words) // lanes * lanes
    blocks = words[:whole].reshape(-1, lanes, *words.shape[1:]).transpose(0, 2, 1, 3)
    return np.concatenate([blocks.reshape(-1), words[whole:].reshape(-1)])


def fours_shortfall(weights: Weights) -> NDArray[np.int64]:
    """By how much a channel's sums are too small: 128 times the second and fourth of each four."""
    result: NDArray[np.int64] = 128 * _padded(weights).astype(np.int64)[..., 1::2].sum(axis=(1, 2))
    return result


def depthwise(weights: Weights) -> Weights:
    """int8 weights (c, side, side): two channels at a time, columns in pairs, but for one."""
    side = weights.shape[2]
    padded = np.pad(weights, ((0, len(weights) % 2), (0, 0), (0, 0)))
    both = padded.reshape(len(padded) // 2, 2, side, side).transpose(0, 2, 3, 1)
    pairs = [0, 2, 1, 3, 4, 6][: side - 1] if side > 3 else [0, 2]
    (single,) = set(range(side)) - set(pairs)
    parts = [both[:, :, columns].reshape(len(both), -1) for columns in (pairs, [single])]
    return np.pad(np.concatenate(parts, axis=1), ((0, 0), (0, -2 * side * side % 4))).reshape(-1)


def _padded(weights: Weights) -> Weights:
    """Zeros behind each row, to fours."""
    return np.pad(weights, ((0, 0), (0, 0), (0, -weights.shape[2] % 4)))
