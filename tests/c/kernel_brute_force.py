"""Every operator once more, a pixel and a tap at a time: what the kernels are compared with.

Written from docs/exactness.md alone. Integers are int64, floats float32; nothing is shared with
the compiler's own numerics or reference.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from patchc.ir import (
    AveragePool,
    Binary,
    Concat,
    Conv,
    ConvSums,
    DepthToSpace,
    Extremum,
    GlobalAveragePool,
    Graph,
    LayerNormalization,
    LocalResponseNormalization,
    Lut,
    MatMul,
    MaxPool,
    Min,
    Mul,
    Node,
    Permute,
    Quantization,
    Rearrange,
    ResizeLinear,
    ResizeNearest,
    Softmax,
    Sub,
    Upsample,
    Window,
)
from patchc.ir.graph import Digits
from patchc.numerics.layer_norm import layer_norm_params
from patchc.numerics.local_response import local_response_params

f32 = np.float32


def brute_force(graph: Graph, node: Node, inputs: tuple[np.ndarray, ...]) -> np.ndarray:
    """int8 (h, w, c)"""
    x, y = graph.tensors[node.inputs[0]].quant, graph.tensors[node.output].quant
    shape = graph.tensors[node.output].shape
    op = node.op
    wide = [values.astype(np.int64) for values in inputs]
    if isinstance(op, Lut) and op.per_channel:
        channels = list(range(shape[2])) * (shape[0] * shape[1])
        values = zip(channels, wide[0].ravel(), strict=True)
        return np.array([op.table[c, value + 128] for c, value in values]).reshape(shape)
    if isinstance(op, Lut):
        return np.array([op.table[value + 128] for value in wide[0].ravel()]).reshape(shape)
    if isinstance(op, Upsample):
        pixels = [(i // op.factor[0], j // op.factor[1]) for i, j in _pixels(shape)]
        return np.array([inputs[0][pixel] for pixel in pixels]).reshape(shape)
    if isinstance(op, ResizeNearest):
        rows, cols = op.between
        pixels = [(rows.first[i], cols.first[j]) for i, j in _pixels(shape)]
        return np.array([inputs[0][pixel] for pixel in pixels]).reshape(shape)
    if isinstance(op, DepthToSpace):
        return _depth_to_space(op, inputs[0], shape)
    if isinstance(op, Rearrange):
        return _rearrange(op, inputs[0], shape)
    if isinstance(op, Permute):
        flat = inputs[0].ravel()
        axes = (op.rows, op.cols, op.channels)
        return np.array([flat[_place(at, axes)] for at in np.ndindex(shape)]).reshape(shape)
    if isinstance(op, ConvSums):
        acc = np.array([_accumulators(op, wide[0] - x.zero_point, at) for at in _pixels(shape)])
        return np.array([[_bytes(sum_) for sum_ in pixel] for pixel in acc]).reshape(shape)
    if isinstance(op, Binary):
        real = _binary(graph, node, wide)
    elif isinstance(op, MatMul):
        other = graph.tensors[node.inputs[1]].quant
        acc = np.array([_products(op, wide, (x, other), at) for at in np.ndindex(shape)])
        factor = f32(x.scale) * f32(other.scale) / f32(y.scale)
        real = np.rint(acc.astype(f32) * factor).astype(np.float64) + y.zero_point
    elif isinstance(op, Softmax):
        real = np.array([_softmax(graph, node, wide[0][at]) for at in _pixels(shape)])
    elif isinstance(op, LayerNormalization):
        real = np.array([_normalized(graph, node, wide[0][at]) for at in _pixels(shape)])
    elif isinstance(op, LocalResponseNormalization):
        real = np.array([_responses(graph, node, wide[0][at]) for at in _pixels(shape)])
    elif isinstance(op, ResizeLinear):
        real = np.array([_interpolated(graph, node, wide[0], at) for at in _pixels(shape)])
    elif isinstance(op, Concat):
        real = _concat(graph, node, wide)
    elif isinstance(op, GlobalAveragePool):
        pixels = wide[0].shape[0] * wide[0].shape[1]
        factor = f32(x.scale) / (f32(y.scale) * f32(pixels))
        total = (wide[0] - x.zero_point).sum(axis=(0, 1), keepdims=True)
        real = np.rint(total.astype(f32) * factor).astype(np.float64) + y.zero_point
    elif isinstance(op, Conv):
        acc = np.array([_accumulators(op, wide[0] - x.zero_point, at) for at in _pixels(shape)])
        acc = acc.astype(np.int32).astype(f32)  # wraps, then rounds to 24 bits
        factor = f32(x.scale) * op.weight_scales / f32(y.scale)
        real = np.rint(acc * factor).astype(np.float64) + y.zero_point
    elif isinstance(op, MaxPool):
        real = np.array([_maximum(op.window, wide[0], at) for at in _pixels(shape)])
    elif isinstance(op, AveragePool):
        real = np.array([_mean(graph, node, wide[0], at) for at in _pixels(shape)])
    return np.clip(real, op.clamp.lo, op.clamp.hi).astype(np.int8).reshape(shape)


def _pixels(shape: tuple[int, int, int]) -> Iterator[tuple[int, int]]:
    return ((i, j) for i in range(shape[0]) for j in range(shape[1]))


def taps(window: Window, shape: tuple[int, ...], at: tuple[int, int]) -> Iterator[tuple]:
    """((tap), (row, column)) of the taps inside a map, in raster order."""
    for y in range(window.kernel[0]):
        for x in range(window.kernel[1]):
            row = at[0] * window.stride[0] + y * window.dilation[0] - window.pads.top
            col = at[1] * window.stride[1] + x * window.dilation[1] - window.pads.left
            if 0 <= row < shape[0] and 0 <= col < shape[1]:
                yield (y, x), (row, col)


def _depth_to_space(op: DepthToSpace, x: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    found = np.empty(shape, np.int8)
    rows, cols = op.factor
    for i, j in _pixels(shape):
        position = i % rows * cols + j % cols
        for k in range(shape[2]):
            channel = k * rows * cols + position if op.interleaved else position * shape[2] + k
            found[i, j, k] = x[i // rows, j // cols, channel]
    return found


def _place(at: tuple[int, ...], axes: tuple[Digits, ...]) -> int:
    """Of the value that a Permute puts at a row, column and channel."""
    found = 0
    for number, digits in zip(at, axes, strict=True):
        for count, step in reversed(digits):
            number, digit = divmod(number, count)
            found += digit * step
    return found


def _products(
    op: MatMul,
    wide: list[np.ndarray],
    quants: tuple[Quantization, Quantization],
    at: tuple[int, ...],
) -> int:
    row, col, channel = at
    a, b = wide[0][row, col], wide[1][row if len(wide[1]) > 1 else 0]
    column = b[channel] if op.transposed else b[:, channel]
    return int(((a - quants[0].zero_point) * (column - quants[1].zero_point)).sum())


def _rearrange(op: Rearrange, x: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    found = np.empty(shape, np.int8)
    for at in _pixels(shape):
        values = [x[position] for _, position in taps(op.window, x.shape, at)]
        found[at] = np.concatenate(values)[op.source]
    return found


def _softmax(graph: Graph, node: Node, values: np.ndarray) -> np.ndarray:
    x, y = graph.tensors[node.inputs[0]].quant, graph.tensors[node.output].quant
    room = f32(math.log(np.finfo(f32).max / f32(len(values))))
    shift = (float(room) - 5) / x.scale
    terms = [f32(math.exp((v - values.max() + shift) * x.scale)) for v in values.tolist()]
    total = f32(0)
    for term in terms:
        total = f32(total + term)
    steps = np.floor(f32(1) / f32(y.scale))
    found = [round(Fraction(float(term)) * int(steps) / Fraction(float(total))) for term in terms]
    return np.array(found) + y.zero_point


def _normalized(graph: Graph, node: Node, values: np.ndarray) -> list[int]:
    op = node.op
    assert isinstance(op, LayerNormalization)
    x, y = graph.tensors[node.inputs[0]], graph.tensors[node.output]
    numbers = layer_norm_params(op, x, y, "n")
    held = [int(v) - x.quant.zero_point for v in values]
    total = sum(held) if op.centered else 0
    spread = len(held) * sum(v * v for v in held) - total**2
    root = math.isqrt((spread << numbers.widening) + numbers.epsilon)
    inverse = 2**52 // max(root, 1)
    normal = [(len(held) * v - total) * inverse >> numbers.drop for v in held]
    constants = zip(normal, numbers.factors.tolist(), numbers.offsets.tolist(), strict=True)
    return [((n * factor >> 20) + offset) >> numbers.places for n, factor, offset in constants]


def _responses(graph: Graph, node: Node, values: np.ndarray) -> list[int]:
    op = node.op
    assert isinstance(op, LocalResponseNormalization)
    x, y = graph.tensors[node.inputs[0]], graph.tensors[node.output]
    numbers = local_response_params(op, x, y, "n")
    held, table = [int(v) - x.quant.zero_point for v in values], numbers.table.tolist()
    found = []
    for c, value in enumerate(held):
        window = held[max(0, c - (op.size - 1) // 2) : c + op.size // 2 + 1]
        above = sum(v * v for v in window) + 2**numbers.bits
        power = above.bit_length() - 1 - numbers.bits
        index = (power - 1) * 2**numbers.bits + (above >> power)
        risen = (table[index + 1] - table[index]) * (above % 2**power)
        factor = table[index] + (risen >> power)
        found.append((value * factor * 2 + 2**numbers.places) >> (numbers.places + 1))
    return [one + y.quant.zero_point for one in found]


def _interpolated(graph: Graph, node: Node, x: np.ndarray, at: tuple[int, int]) -> np.ndarray:
    op, xq, yq = node.op, graph.tensors[node.inputs[0]].quant, graph.tensors[node.output].quant
    assert isinstance(op, ResizeLinear)
    rows, cols = op.between
    found = []
    for c in range(x.shape[2]):
        last = op.signal and c == x.shape[2] - 1
        total = f32(0)
        for _ in range(2 if last else 1):
            for k, row in enumerate((rows.first[at[0]], rows.second[at[0]])):
                for n, col in enumerate((cols.first[at[1]], cols.second[at[1]])):
                    share = (
                        rows.weights[at[0], k] * cols.weights[at[1], n] * f32(0.5 if last else 1)
                    )
                    real = f32(x[row, col, c] - xq.zero_point) * f32(xq.scale)
                    total = f32(total + f32(share * real))
        found.append(np.rint(total / f32(yq.scale)) + yq.zero_point)
    return np.array(found, np.float64)


def _bytes(total: int) -> list[np.int8]:
    """The lower 32 bits of a sum, the lowest byte first."""
    return [np.uint8(int(total) >> 8 * k & 0xFF).astype(np.int8) for k in range(4)]


def _accumulators(op: Conv | ConvSums, x: np.ndarray, at: tuple[int, int]) -> np.ndarray:
    weights = op.weights.astype(np.int64)
    depth, per_group = weights.shape[3], len(weights) // op.groups
    acc = op.bias.astype(np.int64).copy()
    for (ky, kx), (row, col) in taps(op.window, x.shape, at):
        for c in range(len(acc)):
            first = c // per_group * depth
            acc[c] += x[row, col, first : first + depth] @ weights[c, ky, kx]
    return acc


def _maximum(window: Window, x: np.ndarray, at: tuple[int, int]) -> np.ndarray:
    best = np.full(x.shape[2], -128)
    for _, position in taps(window, x.shape, at):
        best = np.maximum(best, x[position])
    return best


def _mean(graph: Graph, node: Node, x: np.ndarray, at: tuple[int, int]) -> np.ndarray:
    op = node.op
    assert isinstance(op, AveragePool)
    xq, yq = graph.tensors[node.inputs[0]].quant, graph.tensors[node.output].quant
    total = np.zeros(x.shape[2], f32)
    positions = [position for _, position in taps(op.window, x.shape, at)]
    for position in positions:
        total = total + (x[position] - xq.zero_point).astype(f32) * f32(xq.scale)
    count = len(positions)
    if op.count_include_pad:
        count = op.window.kernel[0] * op.window.kernel[1]
    shift = 128 if op.unsigned else 0  # onnxruntime's values are that much higher
    return np.rint(total / f32(count) / f32(yq.scale) + f32(yq.zero_point + shift)) - shift


def _concat(graph: Graph, node: Node, inputs: list[np.ndarray]) -> np.ndarray:
    op, y = node.op, graph.tensors[node.output]
    assert isinstance(op, Concat)
    real = np.empty(y.shape, f32)
    real[:] = op.background
    for name, start, x in zip(node.inputs, op.starts, inputs, strict=True):
        quant = graph.tensors[name].quant
        for c in range(x.shape[2]):
            real[..., start + c] = (x[..., c] - quant.zero_point).astype(f32) * f32(quant.scale)
    return np.rint(real / f32(y.quant.scale)).astype(np.float64) + y.quant.zero_point


def _binary(graph: Graph, node: Node, inputs: list[np.ndarray]) -> np.ndarray:
    """Of any two operands that numpy broadcasts."""
    op, y = node.op, graph.tensors[node.output].quant
    assert isinstance(op, Binary)
    quants = [graph.tensors[name].quant for name in node.inputs]
    values = list(inputs)
    if op.constant is not None:
        quants.append(op.constant.quant)
        values.append(op.constant.values.astype(np.int64))
    if op.reverse:
        quants, values = quants[::-1], values[::-1]
    (qa, qb), (a, b) = quants, values
    if isinstance(op, Extremum):
        x = (a - qa.zero_point).astype(f32) * f32(qa.scale)
        other = (b - qb.zero_point).astype(f32) * f32(qb.scale)
        found = np.where((other < x) == isinstance(op, Min), other, x)
        return np.rint(found / f32(y.scale)).astype(np.float64) + y.zero_point
    if isinstance(op, Sub):
        x = (a - qa.zero_point).astype(f32) * f32(qa.scale)
        difference = x - (b - qb.zero_point).astype(f32) * f32(qb.scale)
        return np.rint(difference / f32(y.scale)).astype(np.float64) + y.zero_point
    shift = 128 if op.unsigned else 0  # onnxruntime's values are that much higher
    if isinstance(op, Mul):
        factor = f32(qa.scale) * f32(qb.scale) / f32(y.scale)
        product = ((a - qa.zero_point) * (b - qb.zero_point)).astype(f32) * factor
        return np.rint(product + f32(y.zero_point + shift)) - shift
    ra, rb = f32(qa.scale) / f32(y.scale), f32(qb.scale) / f32(y.scale)
    za, zb, zy = (f32(quant.zero_point + shift) for quant in (qa, qb, y))
    constant = zy - fma(ra, za, rb * zb)
    inner = fma((b + shift).astype(f32), rb, constant)
    return np.rint(fma((a + shift).astype(f32), ra, inner)) - shift


# The C library's: exactly rounded, and not ours.
_fmaf = ctypes.CDLL(ctypes.util.find_library("m")).fmaf
_fmaf.restype = ctypes.c_float
_fmaf.argtypes = [ctypes.c_float] * 3

fma = np.vectorize(_fmaf, otypes=[f32])
