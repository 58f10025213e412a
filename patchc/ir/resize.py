"""Resize along one axis: where the positions of the output lie between those of the input.

The float32 operations are those of onnxruntime, position by position (docs/exactness.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

# onnxruntime takes a fraction this near to one half for one half, where it rounds.
TIE = 1e-6

COORDINATES = ("half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners")
ROUNDINGS = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")

_HALF = np.float32(0.5)


@dataclass(frozen=True, slots=True)
class Scaling:
    """One axis of a Resize, in the terms of ONNX."""

    size: int  # positions of the input
    target: int  # positions of the output
    scale: float  # a float32: about target / size
    coordinates: str  # one of COORDINATES
    rounding: str = ROUNDINGS[0]  # one of ROUNDINGS; to the nearest pixel only

    @property
    def by_size(self) -> bool:
        """Is the scale what onnxruntime makes of the two sizes?"""
        return float(np.float32(self.target) / np.float32(self.size)) == self.scale


@dataclass(frozen=True, slots=True, eq=False)
class Between:
    """Two neighbours for every position of the output. Positions ascend."""

    first: np.ndarray  # int32 (target,)
    second: np.ndarray  # int32 (target,): the position behind the first one, or the same
    weights: np.ndarray  # float32 (target, 2): of the first and of the second


@lru_cache(maxsize=1024)
def nearest(scaling: Scaling) -> np.ndarray:
    """The position that each position of the output takes: int32 (target,), read-only."""
    where = _coordinates(scaling)
    floor = np.floor(where)
    fraction = where - floor
    tie = np.abs(fraction - _HALF) <= TIE
    up = fraction > _HALF
    found = {
        "round_prefer_floor": floor + np.where(tie, 0, up),
        "round_prefer_ceil": floor + np.where(tie, 1, up),
        "floor": floor,
        "ceil": np.ceil(where),
    }[scaling.rounding]
    return _frozen(np.clip(found, 0, scaling.size - 1).astype(np.int32))


@lru_cache(maxsize=1024)
def between(scaling: Scaling) -> Between:
    """What linear interpolation adds up, read-only. Behind the last position there is that one
    again, and both count one half. A second one that counts nothing is not read."""
    last = scaling.size - 1
    where = np.clip(_coordinates(scaling), np.float32(0), np.float32(last))
    first = where.astype(np.int32)
    second = np.minimum(first + 1, last)
    distances = [np.abs(where - at.astype(np.float32)) for at in (second, first)]
    weights = np.stack(distances, axis=1)
    weights[first == second] = _HALF
    second = np.where(weights[:, 1] == 0, first, second)
    return Between(_frozen(first), _frozen(second), _frozen(weights))


def _coordinates(scaling: Scaling) -> np.ndarray:
    """Where the output's positions lie on the input: float32 (target,), unclipped."""
    at = np.arange(scaling.target, dtype=np.float32)
    scale = np.float32(scaling.scale)
    if scale == 1:
        return at
    if scaling.coordinates == "asymmetric":
        return at / scale
    if scaling.coordinates == "align_corners":
        return at * np.float32(scaling.size - 1) / np.float32(max(scaling.target - 1, 1))
    if scaling.coordinates == "pytorch_half_pixel" and scaling.target == 1:
        return np.zeros(1, np.float32)
    return (at + _HALF) / scale - _HALF


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
