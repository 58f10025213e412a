"""Calls of the convolutions of each flavour, and what they must give."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from patchc.kernels import dsp_packing, mve
from patchc.kernels.convolutions import fours
from tests.c.kernel_host import PLAIN, Layout, offsets

KERNELS = (
    "conv2d_pointwise",
    "conv2d",
    "dense",
    "conv2d_depthwise",
    "pointwise_parts",
)  # as in conv_driver.c
FLAVOURS = ("portable", "dsp", "mve")
POISON = 0x55
LIFT, DROP = 8, 10  # as in patchc_kernels_dsp.h


@dataclass(frozen=True, slots=True)
class Call:
    """A convolution of one group, or depthwise, and how its views lie in memory."""

    kernel: str
    x: np.ndarray  # int8 (rows, cols, c_in): the view
    weights: np.ndarray  # int8 (c_out, kernel_h, kernel_w, c_in); depthwise: c_in is 1
    bias: np.ndarray  # int64 (c_out,): of x without its zero point taken off
    line: np.ndarray  # bool (c_out,): has the channel one? Else it is guarded or emulated
    form: np.ndarray  # int64 (c_out, 2): factor and offset of the lines
    scale: np.ndarray  # int64 (c_out, 2): mantissa and shift of the exact factor
    pad_value: int
    zero_point: int
    lo: int
    hi: int
    out_size: tuple[int, int]
    pads: tuple[int, int] = (0, 0)  # above, on the left
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pixels: int = 3
    in_layout: Layout = PLAIN
    out_layout: Layout = PLAIN
    skew: tuple[int, int] = (0, 0)  # of input and output
    part: int = 0  # input channels of a part
    flavour: str = "dsp"  # of FLAVOURS
    shared: bool = False  # both in one block of memory, each so far into it as `skew` says

    @property
    def out_shape(self) -> tuple[int, int, int]:
        return (*self.out_size, len(self.weights))

    @property
    def macs(self) -> int:
        return self.out_size[0] * self.out_size[1] * self.weights.size

    @property
    def scratch_bytes(self) -> int:
        """As patchc_kernels_dsp.h and patchc_kernels_mve.h say."""
        return self._mve_scratch() if self.flavour == "mve" else self._dsp_scratch()

    def _mve_scratch(self) -> int:
        height, width, depth = self.weights.shape[1:]
        taps, channels = height * width * depth, len(self.weights)
        if self.kernel == "conv2d_depthwise":
            if channels % 8 == 0:
                return channels
            return (channels + 3) // 4 * 4 + 80 + 8 * height * (width + self.stride[1])
        if self.kernel in ("conv2d_pointwise", "conv2d"):
            rows, cols = self.out_size
            if taps <= 16:
                return 16 * min(cols, 8)
            return taps * min(cols if self.kernel == "conv2d" else rows * cols, 3)
        return 0

    def _dsp_scratch(self) -> int:
        height, width, depth = self.weights.shape[1:]
        if self.kernel == "dense":
            return 0
        if self.kernel == "pointwise_parts":
            return 6 * ((self.part + 3) // 4 * 4)
        if self.kernel == "conv2d_depthwise":
            room = (len(self.weights) + 3) // 4 * 4
            return room + 8 * height * (width + self.stride[1])
        taps = (height * width * depth + 3) // 4 * 4
        staged = taps if self.kernel == "conv2d" and depth % 4 else 0
        pixels = min(self.pixels, self.out_size[0] * self.out_size[1])
        return 2 * pixels * taps + staged

    def of(self, flavour: str) -> Call:
        """The same by a kernel of another flavour."""
        return replace(self, flavour=flavour)

    def _split(self, values: np.ndarray) -> list[np.ndarray]:
        """By input channels, the last axis."""
        return np.split(values, range(self.part, values.shape[-1], self.part), axis=-1)

    def packed(self) -> tuple[np.ndarray, np.ndarray]:
        """Weights as the kernel wants them, and by how much its sums are too small: (c_out,)."""
        count, height = self.weights.shape[:2]
        none = np.zeros(count, np.int64)
        if self.flavour != "dsp":
            return self._packed_in_order(), none
        if self.kernel == "conv2d_depthwise":
            return dsp_packing.depthwise(self.weights[..., 0]), none
        if self.kernel == "pointwise_parts":
            parts = [part[:, 0] for part in self._split(self.weights)]
            packed = np.concatenate([dsp_packing.fours(part, 2) for part in parts])
            return packed, sum(map(dsp_packing.fours_shortfall, parts), none)
        rows = height if self.kernel == "dense" else 1
        flat = self.weights.reshape(count, rows, -1)
        lanes = 4 if self.kernel == "dense" else 2
        return dsp_packing.fours(flat, lanes), dsp_packing.fours_shortfall(flat)

    def _packed_in_order(self) -> np.ndarray:
        """For kernels whose sums are exact."""
        portable = self.flavour == "portable"
        if self.kernel == "conv2d_depthwise" and not portable:
            return mve.eights(self.weights)
        layout = fours if portable else mve.rows
        parts = self._split(self.weights) if self.part else [self.weights]
        return np.concatenate([layout(part) for part in parts])

    def record(self) -> bytes:
        """For the driver."""
        weights, short = self.packed()
        rare = np.flatnonzero(~self.line)
        form = np.stack([self.form[:, 0], self.form[:, 1] + (short << LIFT)], axis=1)
        form[rare] = np.stack([~np.arange(len(rare)), np.zeros(len(rare), np.int64)], axis=1)
        rares = np.hstack(
            [(self.bias + short)[rare, None], self.scale[rare], self._shifts()[rare, None]]
        )
        source = self.in_layout.view(self.x.shape, 0)
        target = self.out_layout.view(self.out_shape, 0)
        where = offsets(source)
        in_bytes = int(where.max(initial=-1)) + 1
        out_bytes = int(offsets(target).max()) + 1
        if self.shared:
            in_bytes = max(in_bytes, self.skew[1] + out_bytes - self.skew[0])
        memory = np.full(in_bytes, POISON, np.int8)
        memory[where] = self.x
        if self.part:
            memory = np.concatenate([part.reshape(-1) for part in self._split(self.x)])
        numbers = [FLAVOURS.index(self.flavour), KERNELS.index(self.kernel)]
        header = [*numbers, self.part, int(self.shared), in_bytes, out_bytes, *self.skew]
        for view in (source, target):
            header += [view.pitch, view.slots, view.slot, view.rows, view.cols, view.channels]
        header += [*self.pads, 0, 0, *self.weights.shape[1:3], *self.stride, *self.dilation]
        header += [self.pixels, self.pad_value, self.zero_point, self.lo, self.hi]
        header += [len(weights), len(form), len(rare), self.scratch_bytes]
        parts = [struct.pack(f"<{len(header)}i", *header), memory.tobytes(), weights.tobytes()]
        parts += [wrap(values).tobytes() for values in (form, rares)]
        return b"".join(parts)

    def _shifts(self) -> np.ndarray:
        """lift and drop of rare channels as they lie in a word, (c_out,): every other one is
        guarded, where its sums permit; the rest is emulated (patchc_rare.h)."""
        lift = 7
        drop = self.scale[:, 1] + lift - 25
        largest = 128 * np.abs(self.weights.astype(np.int64)).sum(axis=(1, 2, 3))
        fits = largest + np.abs(self.bias) < 2 ** (31 - lift)
        guarded = fits & (drop > 0) & (drop <= 17) & (np.arange(len(drop)) % 2 == 0)
        return np.where(guarded, lift | drop << 8, 0)

    def in_place(self, earlier: int) -> Call:
        """The output begins as late in the input's memory as Order.PIXEL permits, or so many bytes
        earlier: no byte of a pixel lies in what that pixel or a later one reads."""
        reads = offsets(self.in_layout.view(self.x.shape, 0))
        writes = offsets(self.out_layout.view(self.out_shape, 0)).reshape(-1, len(self.weights))
        first_read = []
        for index in range(len(writes)):
            span = []
            for axis, position in enumerate(divmod(index, self.out_size[1])):
                first = position * self.stride[axis] - self.pads[axis]
                taps = first + np.arange(self.weights.shape[1 + axis]) * self.dilation[axis]
                span.append(taps[(taps >= 0) & (taps < self.x.shape[axis])])
            first_read.append(reads[np.ix_(*span)].min(initial=reads.max() + 1))
        from_here_on = np.minimum.accumulate(first_read[::-1])[::-1]
        distance = int((writes.max(axis=1) + 1 - from_here_on).max()) + earlier
        return replace(self, shared=True, skew=(max(distance, 0), max(-distance, 0)))

    def expected(self) -> np.ndarray:
        """int8 out_shape, one tap at a time, in int64."""
        count, height, width, _ = self.weights.shape
        rows, cols = self.out_size
        (top, left), (sh, sw), (dh, dw) = self.pads, self.stride, self.dilation
        # A frame of padding wide enough for every tap.
        below = max((rows - 1) * sh + (height - 1) * dh - top + 1 - self.x.shape[0], 0)
        right = max((cols - 1) * sw + (width - 1) * dw - left + 1 - self.x.shape[1], 0)
        frame = ((top, below), (left, right), (0, 0))
        x = np.pad(self.x.astype(np.int64), frame, constant_values=self.pad_value)
        acc = np.zeros((rows, cols, count), np.int64)
        for i in range(height):
            for j in range(width):
                at = x[i * dh :: sh, j * dw :: sw][:rows, :cols]
                tap = self.weights[:, i, j, :].astype(np.int64)
                acc += at * tap[:, 0] if self.kernel == "conv2d_depthwise" else at @ tap.T
        return self._requantized(acc)

    def _requantized(self, acc: np.ndarray) -> np.ndarray:
        """From sums without bias."""
        factor, offset = self.form.T
        by_line = wrap((acc << LIFT) + offset).astype(np.int64) * factor >> (32 + DROP)
        mantissa, shift = self.scale.T
        ratio = np.ldexp(mantissa.astype(np.float32), -shift.astype(np.int32))
        exact = np.rint(wrap(acc + self.bias).astype(np.float32) * ratio).astype(np.float64)
        found = np.where(self.line, by_line, exact + self.zero_point)
        return np.clip(found, self.lo, self.hi).astype(np.int8)

    def check(self, memory: np.ndarray) -> None:
        """`memory`: int8, the output's, after the call. Nothing else of it was written."""
        target = self.out_layout.view(self.out_shape, 0)
        where = offsets(target)
        np.testing.assert_array_equal(memory[where], self.expected(), err_msg=self.describe())
        if not self.shared:
            rest = np.ones(len(memory), bool)
            rest[where] = False
            assert (memory[rest] == POISON).all(), f"{self.describe()} wrote beside its output"

    def describe(self) -> str:
        return (
            f"{self.kernel}.{self.flavour} {self.x.shape} -> {self.out_shape}, "
            f"kernel {self.weights.shape[1:3]}, stride {self.stride}, "
            f"dilation {self.dilation}, pads {self.pads}, pixels {self.pixels}, skew {self.skew}"
        )


def wrap(values: np.ndarray) -> np.ndarray:
    """int32, modulo 2^32"""
    return values.astype(np.int64).astype(np.uint32).view(np.int32)


def call(
    kernel: str,
    size: tuple[int, int],
    c_in: int,
    c_out: int,
    window: tuple[int, int] = (1, 1),
    seed: int = 0,
    *,
    lines: float = 0.8,
    **options: object,
) -> Call:
    """Random constants and inputs for a view of that size. `lines`: share of channels with a line.
    One in five has extreme values only; one in five a narrow range."""
    random = np.random.default_rng(seed)
    stride = options.get("stride", (1, 1))
    dilation = options.get("dilation", (1, 1))
    pads = options.pop("pads", (0, 0, 0, 0))  # above, left, below, right
    depth = 1 if kernel == "conv2d_depthwise" else c_in
    c_out = c_in if kernel == "conv2d_depthwise" else c_out
    values = [-128, 127] if random.random() < 0.2 else np.arange(-128, 128)
    weights = random.choice(values, (c_out, *window, depth)).astype(np.int8)
    x = random.choice(values, (*size, c_in)).astype(np.int8)
    spread = 128 * 74 * np.sqrt(weights[0].size)
    bias = random.integers(-int(spread), int(spread), c_out)
    # About 128 where the sum is `spread`.
    largest = 128 * 2.0 ** (32 + DROP - LIFT) / spread
    slope = np.maximum(random.uniform(0.3, 1, c_out) * min(largest, 2.0**31 - 1), 1)
    offset = wrap((bias << LIFT) + random.integers(-(2**20), 2**20, c_out))
    factor = np.float32(128 / spread * random.uniform(0.3, 1, c_out))
    mantissa, exponent = np.frexp(factor)
    lo, hi = np.sort(random.integers(-128, 128, 2)) if random.random() < 0.2 else (-128, 127)
    out_size = tuple(
        (n + before_ + behind - (k - 1) * d - 1) // s + 1
        for n, before_, behind, k, d, s in zip(
            size, pads[:2], pads[2:], window, dilation, stride, strict=True
        )
    )
    return Call(
        kernel,
        x,
        weights,
        bias,
        random.random(c_out) < lines,
        np.stack([slope.astype(np.int64), offset.astype(np.int64)], axis=1),
        np.stack([mantissa * 2**24, 24 - exponent], axis=1).astype(np.int64),
        int(random.integers(-128, 128)),
        int(random.integers(-128, 128)),
        int(lo),
        int(hi),
        out_size,
        pads[:2],
        **options,
    )


def write_calls(path: Path, calls: Sequence[Call]) -> None:
    path.write_bytes(b"".join(one.record() for one in calls))


def check_outputs(path: Path, calls: Sequence[Call]) -> None:
    """What the driver wrote is what the calls must give."""
    found, start = np.frombuffer(path.read_bytes(), np.int8), 0
    for one in calls:
        size = int(offsets(one.out_layout.view(one.out_shape, 0)).max()) + 1
        one.check(found[start : start + size])
        start += size
    assert start == len(found)
