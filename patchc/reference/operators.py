"""Each operator in numpy, by the float32 formulas of onnxruntime's integer kernels.

`kernel(op, inputs, output)` prepares an operator once and returns a function from patches of its
inputs to the rectangle of its output that they cover, so a whole map and a stripe of a few rows go
through the same code. The formulas are those of docs/exactness.md; they are written with float32
arithmetic here, on purpose apart from the integer forms that the emitted C uses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from patchc.ir import (
    RESIZES,
    Add,
    AveragePool,
    Between,
    Binary,
    Clamp,
    Concat,
    Conv,
    ConvSums,
    DepthToSpace,
    Enlargement,
    GlobalAveragePool,
    LayerNormalization,
    LocalResponseNormalization,
    Lut,
    MatMul,
    Max,
    MaxPool,
    Min,
    Mul,
    Op,
    Padding,
    Permute,
    Quantization,
    Rearrange,
    ResizeLinear,
    ResizeNearest,
    Softmax,
    Sub,
    Tensor,
    Upsample,
    Window,
)
from patchc.ir.graph import digit_places
from patchc.numerics.cmsis import conv_cmsis_form, requantize
from patchc.numerics.cmsis_mean import mean_bytes
from patchc.numerics.cmsis_pairs import product_bytes, product_form, sum_bytes, sum_form
from patchc.numerics.float32 import fma32
from patchc.numerics.layer_norm import NORMAL_BITS, ROOT_BITS, layer_norm_params
from patchc.numerics.local_response import between, local_response_params
from patchc.numerics.pairing import pairing_between
from patchc.numerics.softmax import exponentials, whole_steps
from patchc.reference.geometry import AnyAxis, Axis, Picked, Whole, axes

# The columns of one im2col matrix take at most this many bytes: large maps are cut by rows.
IM2COL_BYTES = 1 << 22

NO_PADS = Padding()

# A float32 sum of integers is exact while no partial sum can reach 2^24.
FLOAT32_EXACT = 1 << 24


@dataclass(frozen=True, slots=True)
class Patch:
    """A rectangle of a map: the part inside the map, and how far it reaches beyond."""

    values: np.ndarray  # int8 (rows, columns, channels), possibly of no rows or columns
    pads: Padding = NO_PADS

    def padded(self, value: int) -> np.ndarray:
        """int8 (rows, columns, channels) of the whole rectangle, `value` outside the map."""
        pads = self.pads
        if pads == NO_PADS:
            return self.values
        widths = ((pads.top, pads.bottom), (pads.left, pads.right), (0, 0))
        return np.pad(self.values, widths, constant_values=value)

    def inside(self) -> np.ndarray:
        """bool (rows, columns, 1): true where the rectangle lies inside the map."""
        mask = np.ones((*self.values.shape[:2], 1), dtype=np.int8)
        return Patch(mask, self.pads).padded(0).astype(bool)


Kernel = Callable[..., np.ndarray]  # (*patches) -> int8 (rows, columns, channels)


@singledispatch
def kernel(op: Op, inputs: Sequence[Tensor], output: Tensor) -> Kernel:
    """The function that computes `op`: one Patch per input -> int8 rectangle of the output.

    Each patch must be exactly what the rectangle's windows span, padding included. Raises
    NotImplementedError for an operator without a formula here.
    """
    raise NotImplementedError(f"no reference formula for {op.kind}")


def reading_axes(
    op: Op, source: Tensor, output: Tensor, operand: int = 0
) -> tuple[AnyAxis, AnyAxis]:
    """The window through which `op` reads `source`, its operand of that number, along rows and
    columns: 1x1 for element-wise operators, one that stays where it is over a map that is
    broadcast, the whole map for a global operator; or the positions that a Resize picks."""
    height, width, _ = source.shape
    if isinstance(op, Permute):
        return Whole(height, output.shape[0]), Whole(width, output.shape[1])
    if isinstance(op, MatMul) and operand == 1:
        one = Window((1, 1), stride=(0 if height == 1 else 1, 0))
        return axes(one, height, width)[0], Whole(width, output.shape[1])
    if isinstance(op, RESIZES):
        rows, cols = (
            Picked(tuple(at.first.tolist()), tuple(at.second.tolist())) for at in op.between
        )
        return rows, cols
    if isinstance(op, Enlargement):
        return Axis(1, 1, 1, 0, height, op.factor[0]), Axis(1, 1, 1, 0, width, op.factor[1])
    if isinstance(op, GlobalAveragePool):
        return axes(Window(kernel=(height, width)), height, width)
    if isinstance(op, Binary) and source.shape[:2] != output.shape[:2]:
        return axes(Window(kernel=(1, 1), stride=(0, 0)), height, width)
    return axes(getattr(op, "window", Window(kernel=(1, 1))), height, width)


@kernel.register
def _(op: Conv, inputs: Sequence[Tensor], output: Tensor) -> Kernel:
    x = inputs[0].quant
    # The order of the scale product is onnxruntime's: (x * w) / y.
    factor = np.float32(x.scale) * op.weight_scales / np.float32(output.quant.scale)
    accumulate = _depthwise(op) if op.is_depthwise else _matrix_product(op)
    if op.library is not None:
        return _library_conv(op, accumulate, inputs[0], output)

    def run(patch: Patch) -> np.ndarray:
        sums = accumulate(patch.padded(x.zero_point), x.zero_point)
        return _requantize(sums + op.bias, factor, output.quant, op.clamp)

    return run


Accumulate = Callable[[np.ndarray, int], np.ndarray]


def _library_conv(op: Conv, accumulate: Accumulate, x: Tensor, y: Tensor) -> Kernel:
    """Sums scaled as CMSIS-NN scales them, with the multipliers that the layer gets."""
    assert op.library is not None
    rounding, zero_point = op.library, x.quant.zero_point
    form = conv_cmsis_form(op, x, y, rounding, f"{op.kind} of {y.name!r}")
    multipliers, shifts = np.array(form.multipliers), np.array(form.shifts)

    def run(patch: Patch) -> np.ndarray:
        sums = accumulate(patch.padded(zero_point), zero_point) + op.bias
        scaled = requantize(sums, multipliers, shifts, rounding).astype(np.int64)
        return _saturate(scaled + y.quant.zero_point, op.clamp)

    return run


@kernel.register
def _(op: ConvSums, inputs: Sequence[Tensor], output: Tensor) -> Kernel:
    zero_point = inputs[0].quant.zero_point
    accumulate = _matrix_product(op)

    def run(patch: Patch) -> np.ndarray:
        sums = accumulate(patch.padded(zero_point), zero_point) + op.bias
        return np.ascontiguousarray(sums, "<i4").view(np.int8)

    return run


def _depthwise(op: Conv) -> Callable[[np.ndarray, int], np.ndarray]:
    """int8 (rows, cols, c_in) -> int32 sums (rows, cols, c_out), a tap at a time."""
    multiplier = op.channels_out // op.groups
    weights = op.weights[..., 0].transpose(1, 2, 0).astype(np.int32)

    def run(values: np.ndarray, zero_point: int) -> np.ndarray:
        x = values.astype(np.int32) - np.int32(zero_point)
        if multiplier > 1:
            x = np.repeat(x, multiplier, axis=2)
        taps = _taps(x, op.window)
        sums = next(taps) * weights[0, 0]
        for tap, weight in zip(taps, weights.reshape(-1, op.channels_out)[1:], strict=True):
            sums += tap * weight
        return sums

    return run


def _matrix_product(op: Conv | ConvSums) -> Callable[[np.ndarray, int], np.ndarray]:
    """int8 (rows, cols, c_in) -> int32 sums (rows, cols, c_out), as matrix products in floating
    point that are exact because every partial sum fits the significand."""
    bound = 255 * int(np.abs(op.weights.astype(np.int64)).sum(axis=(1, 2, 3)).max(initial=0))
    dtype = np.dtype(np.float32 if bound < FLOAT32_EXACT else np.float64)
    depth, per_group = op.weights.shape[3], op.channels_out // op.groups
    matrices = [
        op.weights[g * per_group : (g + 1) * per_group].reshape(per_group, -1).T.astype(dtype)
        for g in range(op.groups)
    ]

    def run(values: np.ndarray, zero_point: int) -> np.ndarray:
        x = values.astype(dtype)
        x -= zero_point
        windows = _windows(x, op.window)  # (rows, cols, kernel_h, kernel_w, c_in)
        rows, cols = windows.shape[:2]
        sums = np.empty((rows, cols, op.channels_out), dtype=np.int32)
        row_bytes = cols * matrices[0].shape[0] * x.itemsize
        step = max(1, IM2COL_BYTES // max(1, row_bytes))
        for g, matrix in enumerate(matrices):
            part = windows[..., g * depth : (g + 1) * depth]
            out = sums[..., g * per_group : (g + 1) * per_group]
            for r in range(0, rows, step):
                columns = part[r : r + step].reshape(-1, matrix.shape[0])
                # BLAS may raise a flag over the unused end of a vector register.
                with np.errstate(invalid="ignore"):
                    product = columns @ matrix
                # Through int64: onnxruntime's int32 sums wrap.
                product = product.astype(np.int64).astype(np.int32)
                out[r : r + step] = product.reshape(-1, cols, per_group)
        return sums

    return run


def _requantize(
    sums: np.ndarray, factor: np.ndarray | np.float32, quant: Quantization, clamp: Clamp
) -> np.ndarray:
    """clip(rint(float32(sum) * factor) + zero_point): int32 -> int8."""
    scaled = sums.astype(np.float32)
    scaled *= factor
    np.rint(scaled, out=scaled)
    # A sum beyond 2^24 rounds, and saturates all the same.
    scaled += np.float32(quant.zero_point)
    return _saturate(scaled, clamp)


def _saturate(values: np.ndarray, clamp: Clamp) -> np.ndarray:
    return np.clip(values, clamp.lo, clamp.hi).astype(np.int8)


@kernel.register
def _(op: Binary, inputs: Sequence[Tensor], output: Tensor) -> Kernel:
    quants = [tensor.quant for tensor in inputs]
    if op.constant is not None:
        quants.append(op.constant.quant)
    a, b = reversed(quants) if op.reverse else quants
    if op.library is not None:
        combine = _library_pair(op, inputs, output)
    else:
        combine = _FORMULAS[type(op)](op, a, b, output.quant)

    def run(*patches: Patch) -> np.ndarray:
        values = [patch.values for patch in patches]
        if op.constant is not None:
            values.append(op.constant.values)
        return combine(*(reversed(values) if op.reverse else values))

    return run


Combine = Callable[[np.ndarray, np.ndarray], np.ndarray]  # int8 operands of the formula -> int8


def _library_pair(op: Binary, inputs: Sequence[Tensor], output: Tensor) -> Combine:
    """As CMSIS-NN adds and multiplies."""
    assert op.library is not None
    pairing, rounding = pairing_between(op, inputs, output.quant), op.library
    adds = isinstance(op, Add)
    form = (sum_form if adds else product_form)(pairing, rounding)
    assert form is not None
    compute = sum_bytes if adds else product_bytes
    return lambda first, second: compute(pairing, form, first, second, rounding)


def _sum(op: Binary, a: Quantization, b: Quantization, y: Quantization) -> Combine:
    shift = np.float32(_unsigned_shift(op))
    ra = np.float32(a.scale) / np.float32(y.scale)
    rb = np.float32(b.scale) / np.float32(y.scale)
    za, zb, zy = (np.float32(quant.zero_point) + shift for quant in (a, b, y))
    constant = zy - fma32(ra, za, rb * zb)

    def run(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        p, q = (values.astype(np.float32) + shift for values in (first, second))
        total = np.rint(fma32(p, ra, fma32(q, rb, constant)))
        return _saturate(total - shift, op.clamp)

    return run


def _product(op: Binary, a: Quantization, b: Quantization, y: Quantization) -> Combine:
    shift = np.float32(_unsigned_shift(op))
    factor = np.float32(a.scale) * np.float32(b.scale) / np.float32(y.scale)

    def run(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        p = first.astype(np.float32) - np.float32(a.zero_point)
        q = second.astype(np.float32) - np.float32(b.zero_point)
        # The product of two integers is exact. The zero point is added before rounding.
        total = np.rint(p * q * factor + (np.float32(y.zero_point) + shift))
        return _saturate(total - shift, op.clamp)

    return run


def _difference(op: Binary, a: Quantization, b: Quantization, y: Quantization) -> Combine:
    def run(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        p = (first.astype(np.float32) - np.float32(a.zero_point)) * np.float32(a.scale)
        q = (second.astype(np.float32) - np.float32(b.zero_point)) * np.float32(b.scale)
        steps = np.rint((p - q) / np.float32(y.scale))
        return _saturate(steps + np.float32(y.zero_point), op.clamp)

    return run


def _extremum(op: Binary, a: Quantization, b: Quantization, y: Quantization) -> Combine:
    choose = np.minimum if isinstance(op, Min) else np.maximum

    def run(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        p = (first.astype(np.float32) - np.float32(a.zero_point)) * np.float32(a.scale)
        q = (second.astype(np.float32) - np.float32(b.zero_point)) * np.float32(b.scale)
        steps = np.rint(choose(p, q) / np.float32(y.scale))
        return _saturate(steps + np.float32(y.zero_point), op.clamp)

    return run


_FORMULAS = {Add: _sum, Mul: _product, Sub: _difference, Max: _extremum, Min: _extremum}


@kernel.register
def _(op: Concat, inputs: Sequence[Tensor], output: Tensor) -> Kernel:
    y = output.quant

    def quantize(reals: np.ndarray) -> np.ndarray:
        steps = np.rint(reals / np.float32(y.scale))
        return _saturate(steps + np.float32(y.zero_point), op.clamp)

    def run(*patches: Patch) -> np.ndarray:
        pixels = patches[0].values.shape[:2]
        found = np.broadcast_to(quantize(op.background), (*pixels, op.channels_out)).copy()
        for start, tensor, patch in zip(op.starts, inputs, patches, strict=True):
            centred = patch.values.astype(np.float32) - np.float32(tensor.quant.zero_point)
            part = quantize(centred * np.float32(tensor.quant.scale))
            found[..., start : start + part.shape[2]] = part
        return found

    return run


@kernel.register
def _(op: MaxPool, inputs: Sequence[Tensor], output: Tensor) -> Kernel:
    def run(patch: Patch) -> np.ndarray:
        taps = _taps(patch.padded(-128), op.window)
        best = next(taps)
        for tap in taps:
            best = np.maximum(best, tap)
        return np.clip(best, op.clamp.lo, op.clamp.hi).astype(np.int8)

    return run


@kernel.register
def _(op: AveragePool, inputs: Sequence[Tensor], output: Tensor) -> Kernel:
    x, y = inputs[0].quant, output.quant
    shift = _unsigned_shift(op)
    all_taps = np.float32(op.window.kernel[0] * op.window.kernel[1])
    if op.library is not None:
        return _library_average(op)

    def run(patch: Patch) -> np.ndarray:
        centred = patch.padded(x.zero_point).astype(np.float32) - np.float32(x.zero_point)
        # One float32 addition per tap in row-major order; padding adds 0, which changes nothing.
        taps = _taps(centred * np.float32(x.scale), op.window)
        total = next(taps).copy()
        for tap in taps:
            total += tap
        inside = sum(tap.astype(np.float32) for tap in _taps(patch.inside(), op.window))
        mean = total / (all_taps if op.count_include_pad else inside)
        # Unlike everywhere else the zero point is added before rounding.
        scaled = np.rint(mean / np.float32(y.scale) + np.float32(y.zero_point + shift))
        return _saturate(scaled - np.float32(shift), op.clamp)

    return run


def _library_average(op: AveragePool) -> Kernel:
    """The mean of the taps inside the map, as CMSIS-NN rounds it."""

    def run(patch: Patch) -> np.ndarray:
        total, inside = (
            np.sum([tap.astype(np.int64) for tap in _taps(values, op.window)], axis=0)
            for values in (patch.padded(0), patch.inside())
        )
        return _saturate(mean_bytes(total, inside), op.clamp)

    return run


@kernel.register
def _(op: GlobalAveragePool, inputs: Sequence[Tensor], output: Tensor) -> Kernel:
    x, y = inputs[0].quant, output.quant
    pixels = inputs[0].shape[0] * inputs[0].shape[1]
    factor = np.float32(x.scale) / (np.float32(y.scale) * np.float32(pixels))

    def run(patch: Patch) -> np.ndarray:
        total = patch.values.sum(axis=(0, 1), keepdims=True, dtype=np.int32)
        if op.library is not None:
            return _saturate(mean_bytes(total, pixels), op.clamp)
        return _requantize(total - np.int32(x.zero_point * pixels), factor, y, op.clamp)

    return run


@kernel.register
def _(op: Upsample, inputs: Sequence[Tensor], output: Tensor) -> Kernel:
    def run(patch: Patch) -> np.ndarray:
        large = patch.values.repeat(op.factor[0], axis=0).repeat(op.factor[1], axis=1)
        return _asked_for(large, patch.pads)

    return run


@kernel.register
def _(op: ResizeNearest, inputs: Sequence[Tensor], output: Tensor) -> Kernel:
    def run(patch: Patch) -> np.ndarray:
        rows, cols = _picked(op, patch.pads)
        return patch.values[rows.first[:, None], cols.first]

    return run


@kernel.register
def _(op: ResizeLinear, inputs: Sequence[Tensor], output: Tensor) -> Kernel:
    x, y = inputs[0].quant, output.quant

    def run(patch: Patch) -> np.ndarray:
        reals = (patch.values.astype(np.float32) - np.float32(x.zero_point)) * np.float32(x.scale)
        rows, cols = _picked(op, patch.pads)
        # The four neighbours in onnxruntime's order, each times the product of its weights.
        corners = [(0, 0), (0, 1), (1, 0), (1, 1)]
        terms = []
        for down, across in corners:
            at = (rows.first, rows.second)[down][:, None], (cols.first, cols.second)[across]
            weights = rows.weights[:, None, down] * cols.weights[:, across]
            terms.append(weights[..., None] * reals[at])
        total = _in_turn(terms)
        if op.signal:
            half = [term[..., -1] * np.float32(0.5) for term in terms]
            total[..., -1] = _in_turn(half + half)
        steps = np.rint(total / np.float32(y.scale))
        return _saturate(steps + np.float32(y.zero_point), op.clamp)

    return run


def _in_turn(terms: Sequence[np.ndarray]) -> np.ndarray:
    """Their float32 sum, one after the other."""
    total = terms[0].copy()
    for term in terms[1:]:
        total += term
    return total


def _picked(op: ResizeNearest | ResizeLinear, pads: Padding) -> tuple[Between, Between]:
    """Of the rows and columns asked for, which are all but `pads` fewer than none: where they lie
    in a patch that begins with the first one read."""
    found = []
    for at, before, after in zip(
        op.between, (pads.top, pads.left), (pads.bottom, pads.right), strict=True
    ):
        own = slice(-before, len(at.first) + after)
        start = at.first[own][0]
        found.append(Between(at.first[own] - start, at.second[own] - start, at.weights[own]))
    rows, cols = found
    return rows, cols


@kernel.register
def _(op: DepthToSpace, inputs: Sequence[Tensor], output: Tensor) -> Kernel:
    (up_h, up_w), channels = op.factor, output.shape[2]

    def run(patch: Patch) -> np.ndarray:
        rows, cols, _ = patch.values.shape
        if op.interleaved:
            blocks = patch.values.reshape(rows, cols, channels, up_h, up_w)
            blocks = blocks.transpose(0, 3, 1, 4, 2)
        else:
            blocks = patch.values.reshape(rows, cols, up_h, up_w, channels)
            blocks = blocks.transpose(0, 2, 1, 3, 4)
        return _asked_for(blocks.reshape(rows * up_h, cols * up_w, channels), patch.pads)

    return run


def _asked_for(large: np.ndarray, pads: Padding) -> np.ndarray:
    """Whole blocks without the rows and columns that are not asked for: pads fewer than none."""
    height, width, _ = large.shape
    return large[-pads.top : height + pads.bottom, -pads.left : width + pads.right]


@kernel.register
def _(op: Rearrange, inputs: Sequence[Tensor], output: Tensor) -> Kernel:
    def run(patch: Patch) -> np.ndarray:
        # The patch spans the windows exactly: what the operator leaves out is not in it.
        windows = _windows(patch.values, op.window)
        rows, cols = windows.shape[:2]
        return windows.reshape(rows, cols, -1)[..., op.source]

    return run


@kernel.register
def _(op: Permute, inputs: Sequence[Tensor], output: Tensor) -> Kernel:
    rows, cols, channels = map(digit_places, (op.rows, op.cols, op.channels))

    def run(patch: Patch) -> np.ndarray:
        pads = patch.pads
        own_rows = rows[-pads.top : len(rows) + pads.bottom]
        own_cols = cols[-pads.left : len(cols) + pads.right]
        places = (own_rows[:, None] + own_cols)[..., None] + channels
        return patch.values.reshape(-1)[places]

    return run


@kernel.register
def _(op: MatMul, inputs: Sequence[Tensor], output: Tensor) -> Kernel:
    a, b = (tensor.quant for tensor in inputs)
    # The order of the scale product is onnxruntime's: (a * b) / y.
    factor = np.float32(a.scale) * np.float32(b.scale) / np.float32(output.quant.scale)

    def run(first: Patch, second: Patch) -> np.ndarray:
        # Exact: a float64 holds every sum of so many products.
        pixels = first.values.astype(np.float64) - a.zero_point
        matrices = second.values.astype(np.float64) - b.zero_point
        if op.transposed:
            matrices = matrices.transpose(0, 2, 1)
        # BLAS may raise a flag over the unused end of a vector register.
        with np.errstate(invalid="ignore"):
            sums = pixels @ matrices
        return _requantize(sums.astype(np.int32), factor, output.quant, op.clamp)

    return run


@kernel.register
def _(op: Softmax, inputs: Sequence[Tensor], output: Tensor) -> Kernel:
    table = exponentials(inputs[0].quant.scale, inputs[0].shape[2])
    steps, zero_point = whole_steps(output.quant.scale), output.quant.zero_point

    def run(patch: Patch) -> np.ndarray:
        values = patch.values.astype(np.int32)
        found = table[255 + values - values.max(axis=2, keepdims=True)]
        # One float32 addition per channel, in their order.
        total = np.add.accumulate(found, axis=2, dtype=np.float32)[..., -1:]
        # The rest is float64.
        scaled = found.astype(np.float64) * np.float64(steps) / total
        return _saturate(np.rint(scaled) + zero_point, op.clamp)

    return run


@kernel.register
def _(op: LayerNormalization, inputs: Sequence[Tensor], output: Tensor) -> Kernel:
    numbers = layer_norm_params(op, inputs[0], output, op.kind)
    channels = inputs[0].shape[2]
    factors, offsets = (a.astype(np.int64) for a in (numbers.factors, numbers.offsets))

    def run(patch: Patch) -> np.ndarray:
        x = patch.values.astype(np.int64) - numbers.in_zero_point
        total = x.sum(axis=2, keepdims=True) * int(op.centered)
        spread = channels * (x * x).sum(axis=2, keepdims=True) - total * total
        # A float64 holds the operand, and its root is rounded once: the floor is that of the root.
        operand = (spread << numbers.widening) + numbers.epsilon
        root = np.maximum(np.floor(np.sqrt(operand.astype(np.float64))).astype(np.int64), 1)
        normal = ((channels * x - total) * (2**ROOT_BITS // root)) >> numbers.drop
        found = (((normal * factors) >> NORMAL_BITS) + offsets) >> numbers.places
        return _saturate(found, op.clamp)

    return run


@kernel.register
def _(op: LocalResponseNormalization, inputs: Sequence[Tensor], output: Tensor) -> Kernel:
    numbers = local_response_params(op, inputs[0], output, op.kind)
    around = ((0, 0), (0, 0), (numbers.behind, numbers.ahead))

    def run(patch: Patch) -> np.ndarray:
        x = patch.values.astype(np.int64) - numbers.in_zero_point
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(x * x, around), op.size, axis=2)
        factors = between(numbers.table, windows.sum(axis=3), numbers.bits)
        found = (x * factors + (1 << numbers.places - 1)) >> numbers.places
        return _saturate(found + numbers.zero_point, op.clamp)

    return run


@kernel.register
def _(op: Lut, inputs: Sequence[Tensor], output: Tensor) -> Kernel:
    # Indexed by the value's bits, so that no arithmetic is needed to look one up.
    by_bits = np.roll(op.table, -128, axis=-1)
    if op.per_channel:
        channels = np.arange(len(by_bits))
        return lambda patch: by_bits[channels, patch.values.view(np.uint8)]
    return lambda patch: by_bits[patch.values.view(np.uint8)]


def _unsigned_shift(op: AveragePool | Binary) -> int:
    """What the values that onnxruntime works on exceed ours by, where its zero points enter a
    rounding: 128 for an operator that the file computes on uint8."""
    return 128 if op.unsigned else 0


def _windows(x: np.ndarray, window: Window) -> np.ndarray:
    """(H, W, C) -> a view (rows, cols, kernel_h, kernel_w, C) of every window inside it."""
    (eh, ew), (sh, sw), (dh, dw) = window.extent, window.stride, window.dilation
    views = np.lib.stride_tricks.sliding_window_view(x, (eh, ew), axis=(0, 1))
    return views[::sh, ::sw, :, ::dh, ::dw].transpose(0, 1, 3, 4, 2)


def _taps(x: np.ndarray, window: Window) -> Iterator[np.ndarray]:
    """(H, W, C) -> for each tap in row-major order, the (rows, cols, C) that it sees."""
    views = _windows(x, window)
    for i in range(window.kernel[0]):
        for j in range(window.kernel[1]):
            yield views[:, :, i, j]
