"""Weights as the kernels in runtime_c/dsp read them (runtime_c/include/patchc_kernels_dsp.h)."""

from __future__ import annotations

import numpy as np


def plain(weights: np.ndarray) -> np.ndarray:
    """int8 weights (c_out, ...) as the portable kernels read them: blocks of four channels."""
    flat = weights.reshape(len(weights), -1)
    whole = len(flat) // 4 * 4
    blocks = flat[:whole].reshape(whole // 4, 4, flat.shape[1]).transpose(0, 2, 1)
    return np.concatenate([blocks.reshape(-1), flat[whole:].reshape(-1)])


def fours(weights: np.ndarray, lanes: int) -> np.ndarray:
    """int8 weights (c_out, rows, taps), a row's zeros behind its taps: blocks of `lanes` output
    channels, then the channels left over, one by one."""
    padded = np.pad(weights, ((0, 0), (0, 0), (0, -weights.shape[2] % 4)))
    words = padded.reshape(len(weights), -1, 4).copy()
    words[..., 0::2] ^= -128
    whole = len(words) // lanes * lanes
    blocks = words[:whole].reshape(-1, lanes, *words.shape[1:]).transpose(0, 2, 1, 3)
    return np.concatenate([blocks.reshape(-1), words[whole:].reshape(-1)])


def fours_shortfall(weights: np.ndarray) -> np.ndarray:
    """By how much a channel's sums are too small: 128 times the second and fourth of each four."""
    padded = np.pad(weights, ((0, 0), (0, 0), (0, -weights.shape[2] % 4))).astype(np.int64)
    return 128 * padded[..., 1::2].sum(axis=(1, 2))


def depthwise(weights: np.ndarray) -> np.ndarray:
    """int8 weights (c, side, side): two channels at a time, columns in pairs, but for one."""
    side = weights.shape[2]
    padded = np.pad(weights, ((0, len(weights) % 2), (0, 0), (0, 0)))
    both = padded.reshape(len(padded) // 2, 2, side, side).transpose(0, 2, 3, 1)
    pairs = [0, 2, 1, 3, 4, 6][: side - 1] if side > 3 else [0, 2]
    (single,) = set(range(side)) - set(pairs)
    parts = [both[:, :, columns].reshape(len(both), -1) for columns in (pairs, [single])]
    return np.pad(np.concatenate(parts, axis=1), ((0, 0), (0, -2 * side * side % 4))).reshape(-1)
