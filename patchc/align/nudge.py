"""The least change of a weight scale with which kernels of two kinds compute onnxruntime's bytes.

A layer's requantisation depends on its weight scales through r = (x_scale * w_scale) / y_scale, all
in float32, so each channel has as many functions to choose from as there are float32 numbers near
its scale. Those are tried by distance: where the function has a multiplier of CMSIS-NN with a
single rounding (numerics/cmsis.py) and a line of ours (numerics/forms.py), or else the first only,
because ours have a form for every function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from patchc.choices import Rounding
from patchc.ir import Conv, Tensor
from patchc.numerics.cmsis import cmsis_form
from patchc.numerics.forms import HIGH, has_line, may_have_line
from patchc.numerics.requant import conv_factors
from patchc.numerics.thresholds import Channels, conv_channels

MOST = 1e-4  # relative change of a scale
_AT_ONCE = 32  # candidates of one channel
_FEW = 8  # batches of those that a whole layer is tried with


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One layer that a scale belongs to."""

    node: str
    op: Conv
    x: Tensor
    y: Tensor
    float_bias: NDArray[np.generic] | None = None  # that the scales make an int32

    @property
    def channels(self) -> Channels:
        """Requantisation as the Graph has it."""
        return conv_channels(self.op, self.x, self.y)

    def with_scales(
        self, base: Channels, index: NDArray[np.integer], scales: NDArray[np.float32]
    ) -> Channels:
        """Some channels of `base` with other weight scales."""
        part = base.part(index)
        factors = conv_factors(self.x.quant.scale, scales, self.y.quant.scale)
        part = replace(part, factors=factors)
        if self.float_bias is None:
            return part
        real = np.broadcast_to(self.float_bias, (len(base),))[index]
        step = np.float32(self.x.quant.scale) * scales
        bias = np.rint(real / step).astype(np.int64)
        return replace(part, bias=part.bias - self.op.bias[index] + bias)


def may_have_both(channels: Channels, where: str) -> NDArray[np.bool_]:
    """Channels that need not be tried otherwise are left out."""
    return may_have_line(channels, HIGH, where)


def has_multiplier(channels: Channels, where: str) -> NDArray[np.bool_]:
    """Channels that CMSIS-NN, compiled with a single rounding, computes as onnxruntime does."""
    form = cmsis_form(channels, Rounding.SINGLE, where)
    result = np.ones(len(channels), bool)
    result[list(form.unproved)] = False
    return result


def has_both(channels: Channels, where: str) -> NDArray[np.bool_]:
    """And that have a line beside."""
    result = has_line(channels, HIGH, where)
    index = np.flatnonzero(result)
    result[index] = has_multiplier(channels.part(index), where)
    return result


Holds = Callable[[Channels, str], NDArray[np.bool_]]


def nudge(layers: Sequence[Layer], scales: NDArray[np.float32], lines: bool) -> NDArray[np.float32]:
    """One scale per channel, of layers with as many output channels; the old one where none
    has a multiplier. `lines`: channels that have a multiplier but no line are to get one."""
    bases = [layer.channels for layer in layers]
    chosen = scales.copy()

    def holds_at(
        index: NDArray[np.integer], tried: NDArray[np.float32], holds: Holds
    ) -> NDArray[np.bool_]:
        result = np.ones(len(index), bool)
        for layer, base in zip(layers, bases, strict=True):
            left = np.flatnonzero(result)
            if len(left):
                part = layer.with_scales(base, index[left], tried[left])
                result[left] = holds(part, layer.node)
        return result

    def search(todo: NDArray[np.integer], holds: Holds) -> NDArray[np.integer]:
        """Those of `todo` for which nothing is found."""
        for steps in _distances():
            if not len(todo):
                break
            tried = _neighbours(scales[todo], steps)  # [channels, steps]
            index = np.repeat(todo, len(steps))
            found = holds_at(index, tried.reshape(-1), holds).reshape(tried.shape)
            found &= np.abs(tried.astype(np.float64) / scales[todo, None] - 1) <= MOST
            first = found.argmax(axis=1)
            some = found.any(axis=1)
            chosen[todo[some]] = tried[some, first[some]]
            todo = todo[~some]
        return todo

    everything = np.arange(len(scales))
    if not lines:
        here = holds_at(everything, scales, has_multiplier)
        everything = everything[~here]
    able = holds_at(everything, scales[everything], may_have_both)
    without = search(everything[able], has_both)
    without = np.sort(np.concatenate([without, everything[~able]]))
    search(without, has_multiplier)
    return chosen


def nudge_one(layers: Sequence[Layer], scale: np.float32, lines: bool) -> np.float32 | None:
    """One scale for all channels; None: there is none among the nearest."""
    bases = [layer.channels for layer in layers]

    def holds(tried: np.float32, kind: Holds) -> bool:
        return all(
            kind(
                layer.with_scales(
                    base, np.arange(len(base)), np.full(len(base), tried, np.float32)
                ),
                layer.node,
            ).all()
            for layer, base in zip(layers, bases, strict=True)
        )

    if not lines and holds(scale, has_multiplier):
        return scale
    for kind in (has_both, has_multiplier):
        for steps in list(_distances())[:_FEW]:
            for tried in _neighbours(np.array([scale]), steps)[0]:
                if holds(tried, kind):
                    return np.float32(tried)
    return None


def _distances() -> Iterator[NDArray[np.int64]]:
    """Distances in units of the last place, by size and the smaller scale first: a few at first,
    then many at once."""
    last = int(MOST * 2**24) + 1
    yield np.array([0])
    start, count = 1, 1
    while start <= last:
        stop = min(start + count, last + 1)
        steps = np.arange(start, stop)
        yield np.stack([-steps, steps], axis=1).reshape(-1)
        start, count = stop, min(2 * count, _AT_ONCE // 2)


def _neighbours(scales: NDArray[np.float32], steps: NDArray[np.int64]) -> NDArray[np.float32]:
    """Positive float32 numbers so many places away: [scales, steps]."""
    bits = scales.view(np.int32)[:, None] + steps[None, :].astype(np.int32)
    result: NDArray[np.float32] = bits.view(np.float32)
    return result
