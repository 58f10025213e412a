"""The integers of requantisation equal onnxruntime's float32 formula, for every sum there is.

Both never fall as the sum of inputs times weights rises, so they are equal if they take each step
at the same sum. Steps of the integers are found by bisection, and the formula is evaluated there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from patchc.certificate.claims import INT32, Json, NotProvedError, require
from patchc.ir import Conv, GlobalAveragePool, Graph, MatMul, Op
from patchc.kernels.kernel import Fours
from patchc.kernels.registry import KERNELS

Array = np.ndarray


def check_requantisation(found: Json, graph: Graph, arrays: Mapping[str, list[int]]) -> int:
    """How many channels are proved. `arrays`: constants of the C by name."""
    channels = 0
    named = {entry["node"] for entry in found["requantisation"]}
    for node in graph.nodes:
        if isinstance(node.op, Conv | GlobalAveragePool | MatMul):
            require(node.name in named, f"no constants of {node.name}")
    for entry in found["requantisation"]:
        try:
            channels += Channels(entry, graph).check(arrays)
        except NotProvedError as error:
            raise NotProvedError(f"{entry['node']}: {error}") from None
    return channels


def shortfall(op: Op, fours: Fours, group: int) -> Array:
    """By how much a kernel's sums are too small, as it promises."""
    found = np.zeros((len(op.weights) if isinstance(op, Conv) else 1, 1), np.int64)
    if not isinstance(op, Conv) or fours is Fours.NONE:
        return found
    parts = [op.weights.astype(np.int64)]
    if fours is Fours.ROUNDS and group:
        parts = np.split(parts[0], range(group, op.channels_in, group), axis=3)
    rows = op.weights.shape[1] if fours is Fours.ROWS else 1
    for part in parts:
        found[:, 0] += 128 * part.reshape(len(part), rows, -1)[..., 1::2].sum(axis=(1, 2))
    return found


class Channels:
    """The output channels of one layer; arrays [channels, 1]."""

    def __init__(self, entry: Json, graph: Graph) -> None:
        node = graph.node(entry["node"])
        op, x, y = node.op, graph.tensors[node.inputs[0]], graph.tensors[node.output]
        assert isinstance(op, Conv | GlobalAveragePool | MatMul)
        zero, scale = x.quant.zero_point, np.float32(x.quant.scale)
        with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
            if isinstance(op, Conv):
                weights = op.weights.reshape(len(op.weights), -1).astype(np.int64)
                factors = scale * op.weight_scales / np.float32(y.quant.scale)
                bias = op.bias.astype(np.int64) - zero * weights.sum(axis=1)
            elif isinstance(op, MatMul):
                # Sums of products of what is left of both operands without their zero points.
                other = graph.tensors[node.inputs[1]].quant
                factors = np.array([scale * np.float32(other.scale) / np.float32(y.quant.scale)])
                first, second = ((-128 - z, 127 - z) for z in (zero, other.zero_point))
                products = [x.shape[2] * one * two for one in first for two in second]
                bias = np.zeros(1, np.int64)
            else:
                weights = np.ones((1, x.shape[0] * x.shape[1]), np.int64)
                pixels = np.float32(weights.size)
                factors = np.array([scale / (np.float32(y.quant.scale) * pixels)], np.float32)
                bias = np.array([-zero * weights.size])
        if isinstance(op, MatMul):
            low, high = np.array([min(products)]), np.array([max(products)])
        else:
            sides = [np.where(weights > 0, weights * v, 0).sum(axis=1) for v in (-128, 127)]
            others = [np.where(weights < 0, weights * v, 0).sum(axis=1) for v in (127, -128)]
            low, high = sides[0] + others[0], sides[1] + others[1]
        self.entry, self.factors = entry, factors[:, None].astype(np.float32)
        require(entry["kernel"] in KERNELS, f"there is no kernel {entry['kernel']}")
        self.short = shortfall(op, KERNELS[entry["kernel"]].fours, entry["group"])
        self.bias = ((bias + INT32) % (2 * INT32) - INT32)[:, None]
        self.low, self.high = low[:, None], high[:, None]
        self.zero_point, self.lo, self.hi = y.quant.zero_point, op.clamp.lo, op.clamp.hi
        ends = self.low + self.bias, self.high + self.bias
        self.wraps = (ends[0] < -INT32) | (ends[1] >= INT32)
        self.least = np.where(self.wraps, -INT32, ends[0])
        self.most = np.where(self.wraps, INT32 - 1, ends[1])
        self.levels = np.arange(self.lo + 1, self.hi + 1)

    def formula(self, acc: Array, rows: Any = slice(None)) -> Array:
        """onnxruntime's, in float32."""
        with np.errstate(over="ignore", under="ignore"):
            scaled = np.rint(acc.astype(np.int32).astype(np.float32) * self.factors[rows])
        limited = np.clip(scaled, self.lo - self.zero_point, self.hi - self.zero_point)
        result: Array = limited.astype(np.int64) + self.zero_point
        return result

    def check(self, arrays: Mapping[str, list[int]]) -> int:
        entry = self.entry
        require(np.isfinite(self.factors).all() and (self.factors >= 0).all(), "a factor is wrong")
        for name, symbol in entry["symbols"].items():
            require(
                arrays.get(symbol) == list(flat(entry[name])), f"{symbol} is otherwise in the C"
            )
        require(entry["least_sum"] == self.low[:, 0].tolist(), "other least sums can come up")
        require(entry["largest_sum"] == self.high[:, 0].tolist(), "other largest sums can come up")
        if entry["word"] == "cmsis-nn":
            self._check_cmsis()
        else:
            self._check_lines()
        self._check_steps()
        return len(self.factors)

    def thresholds(
        self, steps: Callable[[Array], Array], low: Array, high: Array, n: Array
    ) -> Array:
        """The least argument of low .. high whose step is n or more; high + 1 where none is."""
        first = np.broadcast_to(low, np.broadcast_shapes(low.shape, n.shape)).copy()
        last = np.broadcast_to(high + 1, first.shape).copy()
        while (first < last).any():
            middle = (first + last) >> 1
            enough = steps(np.minimum(middle, high)) >= n
            last = np.where((first < last) & enough, middle, last)
            first = np.where((first < last) & ~enough, middle + 1, first)
        return first

    def _equal(self, steps: Callable[[Array], Array], low: Array, high: Array, f: Any) -> None:
        """Two functions that never fall are equal if they take each step at the same argument."""
        at = self.thresholds(steps, low, high, self.levels)
        after = (at > high) | (f(np.minimum(at, high)) >= self.levels)
        before = (at <= low) | (f(np.maximum(at - 1, low)) < self.levels)
        wrong = np.argwhere(~(after & before).all(axis=1))
        require(not len(wrong), f"channel {wrong[:1].tolist()} differs from onnxruntime's formula")

    def _check_lines(self) -> None:
        entry = self.entry
        lift, drop, pieces = entry["lift"], entry["drop"], entry["word"] == "pieces"
        forms = np.array(entry["form"], np.int64)
        require(len(forms) == len(self.factors), "not as many forms as channels")
        rows = np.flatnonzero(forms[:, 0] >= 0)
        factor, offset, bias = forms[rows, :1], forms[rows, 1:], (self.bias + self.short)[rows]
        low, high = (self.low - self.short)[rows], (self.high - self.short)[rows]

        def word(sums: Array) -> Array:
            return (sums * factor >> 16) + offset if pieces else (sums << lift) + offset

        offset = offset - (word(low) + INT32) // (2 * INT32) * (2 * INT32)  # modulo 2^32
        for end in (low, high):
            require((np.abs(word(end) + 0.5) < INT32).all(), "a word leaves 32 bits")

        def line(sums: Array) -> Array:
            found = word(sums) >> drop if pieces else word(sums) * factor >> (32 + drop)
            return np.clip(found, self.lo, self.hi)

        constant = self.formula(self.least) == self.formula(self.most)
        require((constant | ~self.wraps)[rows].all(), "a bias may wrap")
        self._equal(line, low, high, lambda sums: self.formula(sums + bias, rows))
        for channel in np.flatnonzero(forms[:, 0] < 0):
            self._check_rare(int(channel), entry["rare"][~forms[channel, 0]])

    def _check_rare(self, channel: int, numbers: Sequence[int]) -> None:
        """A product whose high word decides, but near ties, where float32 is emulated."""
        bias, mantissa, shift, lift, drop = numbers
        least, most = int(self.least[channel, 0]), int(self.most[channel, 0])
        wanted = self.bias[channel, 0] + self.short[channel, 0]
        require((bias - wanted) % (2 * INT32) == 0, f"channel {channel}: another bias")
        ends = self.formula(np.array([least, most]), channel)
        nothing = int(np.clip(self.zero_point, self.lo, self.hi))
        if mantissa == 0:
            require(ends.tolist() == [nothing] * 2, f"channel {channel}: its factor is not 0")
            require(shift == 127 and drop in (0, 30), f"channel {channel}: not the factor 0")
            return
        exact = np.ldexp(float(mantissa), -shift) == float(self.factors[channel, 0])
        require(exact and mantissa >> 23 == 1, f"channel {channel}: another factor")
        if drop == 0:
            return  # emulated altogether
        require(0 <= lift <= 7 and 0 < drop < 31, f"channel {channel}: shifts out of range")
        require(drop == shift + lift - 25, f"channel {channel}: another point")
        require(least << lift >= -INT32 and most << lift < INT32, f"channel {channel}: overflow")
        one = 1 << drop
        guard = one >> 15 | 1

        def scaled(acc: Array) -> Array:
            return ((acc << lift) * (mantissa << 7) >> 32) + one // 2

        ties, low, high = (self.levels - self.zero_point) * one, np.array([least]), np.array([most])
        for side, reaches in ((-guard, False), (guard, True)):
            at = self.thresholds(scaled, low, high, ties + side)
            acc, there = (at, at <= high) if reaches else (at - 1, at > low)
            level = self.formula(np.clip(acc, low, high), channel) >= self.levels
            require((level == reaches)[there].all(), f"channel {channel} differs beside its guard")

    def _check_cmsis(self) -> None:
        multiplier = np.array(self.entry["multiplier"], np.int64)[:, None]
        shift = np.array(self.entry["shift"], np.int64)[:, None]
        require((multiplier >= 0).all() and (shift <= 30).all(), "a multiplier is out of range")
        require(not self.wraps.any(), "a bias may wrap")

        def word(acc: Array) -> Array:
            return acc * multiplier >> (30 - shift)

        for end in (self.least, self.most):
            require((np.abs(word(end) + 1.5) < INT32).all(), "a word leaves 32 bits")
        self._equal(
            lambda acc: np.clip((word(acc) + 1 >> 1) + self.zero_point, self.lo, self.hi),
            self.least,
            self.most,
            self.formula,
        )

    def _check_steps(self) -> None:
        """The first and the last step that the certificate names."""
        bottom, top = (self.formula(end) for end in (self.least, self.most))
        none = self.wraps | (bottom == top)
        for name, level in (("first_step", bottom + 1), ("last_step", top)):
            at = self.thresholds(self.formula, self.least, self.most, level) - self.bias
            wanted = [
                None if skip else int(n) for skip, n in zip(none[:, 0], at[:, 0], strict=True)
            ]
            require(self.entry[name] == wanted, f"another {name.replace('_', ' ')}")


def flat(numbers: Any) -> Iterator[int]:
    for number in numbers:
        if isinstance(number, list):
            yield from flat(number)
        else:
            yield number
