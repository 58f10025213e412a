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
    """int8 weights (c, kernel_h, kernel_w): four channels at a time, taps two by two."""
    height, width = weights.shape[1:]
    padded = np.pad(weights, ((0, -len(weights) % 4), (0, 0), (0, 0)))
    # [block][half][channel of the half][y][x]
    count = len(padded) // 4
    quads = padded.reshape(count, 2, 2, height, width)
    pairs = quads[..., : height // 2 * 2, :].reshape(count, 2, 2, height // 2, 2, width)
    # [block][pair of rows][x][half][row of the pair][channel of the half]
    parts = [pairs.transpose(0, 3, 5, 1, 4, 2).reshape(count, height // 2 * width * 8)]
    if height % 2:
        last = quads[:, :, :, -1, :]
        two = last[..., : width // 2 * 2].reshape(count, 2, 2, width // 2, 2)
        # [block][pair of columns][half][column of the pair][channel of the half]
        parts.append(two.transpose(0, 3, 1, 4, 2).reshape(count, width // 2 * 8))
        if width % 2:
            parts.append(last[..., -1].reshape(count, 4))
    return np.concatenate(parts, axis=1).reshape(-1)
