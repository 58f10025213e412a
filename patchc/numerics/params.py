"""A node of the Graph -> the constants of the kernel that computes it."""

from __future__ import annotations

import numpy as np

from patchc.errors import PatchcError
from patchc.ir import (
    Add,
    AveragePool,
    Binary,
    Concat,
    Conv,
    DepthToSpace,
    Enlargement,
    GlobalAveragePool,
    Graph,
    Lut,
    MaxPool,
    Mul,
    Node,
    Rearrange,
    ResizeLinear,
    ResizeNearest,
    Softmax,
    Tensor,
    Upsample,
    Window,
)
from patchc.numerics.add import add_params
from patchc.numerics.average import average_params
from patchc.numerics.concat import concat_params
from patchc.numerics.fold import INT32_MAX, fold_bias
from patchc.numerics.mul import mul_params
from patchc.numerics.pairing import pairing_of
from patchc.numerics.rearrange import rearrange_params
from patchc.numerics.requant import conv_factors, global_factor, scale_of
from patchc.numerics.resize import linear_params, nearest_params
from patchc.numerics.softmax import softmax_params
from patchc.numerics.structs import (
    ConvParams,
    DepthToSpaceParams,
    GlobalParams,
    LutParams,
    Params,
    PoolParams,
    UpsampleParams,
    WindowParams,
)
from patchc.numerics.sub import sub_params

# Members of patchc_window are uint16_t.
MAX_WINDOW = 2**16 - 1

# Members of patchc_upsample_params are uint16_t.
MAX_FACTOR = 2**16 - 1

# A global pool sums inputs and zero point in int32.
MAX_POOLED_PIXELS = INT32_MAX // 256


def kernel_params(graph: Graph, node: Node, kernel_name: str, group: int = 0) -> Params:
    """The constants that `kernel_name` (a name in targets.kernels.KERNELS) needs to compute `node`.

    `group`: the kernel runs once per so many channels, the last time perhaps on fewer, and the
    weights of each time lie one after the other: of its input channels for "pointwise_add", of its
    output channels for any other. 0: all at once. Raises PatchcError where there are no such
    constants: scales out of range, windows or factors too large, a convolution that has no such
    groups.
    """
    inputs = [graph.tensors[name] for name in node.inputs]
    output = graph.tensors[node.output]
    where = f"{node.op.kind} {node.name!r}"
    op = node.op
    if isinstance(op, Conv):
        return _conv(op, inputs[0], output, _packed(op, kernel_name, group, where), where)
    if isinstance(op, Binary):
        return _binary(graph, node, where)
    if isinstance(op, Concat):
        return concat_params(op, inputs, output)
    if isinstance(op, MaxPool):
        return PoolParams(_window(op.window, where), op.clamp.lo, op.clamp.hi)
    if isinstance(op, AveragePool):
        return average_params(op, _window(op.window, where), inputs[0], output, where)
    if isinstance(op, GlobalAveragePool):
        return _global(op, inputs[0], output, where)
    if isinstance(op, Upsample):
        return _enlargement(op, where)
    if isinstance(op, DepthToSpace):
        steps = (1, op.positions) if op.interleaved else (output.shape[2], 1)
        return DepthToSpaceParams(_enlargement(op, where), *steps)
    if isinstance(op, ResizeNearest):
        return nearest_params(op, where)
    if isinstance(op, ResizeLinear):
        return linear_params(op, inputs[0], output, where)
    if isinstance(op, Rearrange):
        return rearrange_params(op, _window(op.window, where), inputs[0], where)
    if isinstance(op, Softmax):
        return softmax_params(op, inputs[0], output, where)
    if isinstance(op, Lut):
        return LutParams(op.table.reshape(-1))
    raise PatchcError(f"{where}: no kernel computes it")


def _conv(op: Conv, x: Tensor, y: Tensor, weights: np.ndarray, where: str) -> ConvParams:
    factors = conv_factors(x.quant.scale, op.weight_scales, y.quant.scale)
    return ConvParams(
        window=_window(op.window, where),
        groups=op.groups,
        weights=weights,
        bias=fold_bias(op, x.quant.zero_point),
        scale=tuple(
            scale_of(factor, f"{where}, output channel {c}") for c, factor in enumerate(factors)
        ),
        pad_value=x.quant.zero_point,
        zero_point=y.quant.zero_point,
        lo=op.clamp.lo,
        hi=op.clamp.hi,
    )


def _enlargement(op: Enlargement, where: str) -> UpsampleParams:
    """Raises PatchcError for a factor that does not fit the kernel's type."""
    if max(op.factor) > MAX_FACTOR:
        raise PatchcError(f"{where}: {max(op.factor)} times as large; at most {MAX_FACTOR}")
    return UpsampleParams(*op.factor)


def _packed(op: Conv, kernel_name: str, group: int, where: str) -> np.ndarray:
    """All weights as the kernel reads them, group after group."""
    if not group:
        parts = np.split(op.weights, op.groups) if kernel_name == "conv2d" else [op.weights]
    elif kernel_name == "pointwise_add":
        parts = np.split(op.weights, range(group, op.channels_in, group), axis=3)
    elif op.groups == 1 or (op.is_depthwise and op.channels_in == op.channels_out):
        parts = np.split(op.weights, range(group, op.channels_out, group))
    else:
        raise PatchcError(f"{where} cannot run in groups of {group} channels: change the plan")
    pack = _depthwise if kernel_name == "conv2d_depthwise" else _fours
    return np.concatenate([pack(part) for part in parts])


def _fours(weights: np.ndarray) -> np.ndarray:
    """Output channels in blocks of four, interleaved; then those left over."""
    flat = weights.reshape(len(weights), -1)
    whole = len(flat) // 4 * 4
    blocks = flat[:whole].reshape(whole // 4, 4, flat.shape[1])
    return np.concatenate([blocks.transpose(0, 2, 1).reshape(-1), flat[whole:].reshape(-1)])


def _depthwise(weights: np.ndarray) -> np.ndarray:
    """[kernel_h][kernel_w][c_out]"""
    return weights[..., 0].transpose(1, 2, 0).reshape(-1)


def _binary(graph: Graph, node: Node, where: str) -> Params:
    pairing = pairing_of(graph, node)
    if isinstance(node.op, Add):
        return add_params(pairing, where)
    if isinstance(node.op, Mul):
        return mul_params(pairing, where)
    return sub_params(pairing, where)


def _global(op: GlobalAveragePool, x: Tensor, y: Tensor, where: str) -> GlobalParams:
    pixels = x.shape[0] * x.shape[1]
    if pixels > MAX_POOLED_PIXELS:
        raise PatchcError(
            f"{where}: {pixels} pixels could overflow its sum; at most {MAX_POOLED_PIXELS}"
        )
    return GlobalParams(
        scale=scale_of(global_factor(x.quant.scale, y.quant.scale, pixels), where),
        offset=-x.quant.zero_point * pixels,
        zero_point=y.quant.zero_point,
        lo=op.clamp.lo,
        hi=op.clamp.hi,
    )


def _window(window: Window, where: str) -> WindowParams:
    """Checked against the members' type. The dilation of a single tap means nothing: 1."""
    (kernel_h, kernel_w), (stride_h, stride_w) = window.kernel, window.stride
    dilation_h, dilation_w = (
        dilation if taps > 1 else 1
        for taps, dilation in zip(window.kernel, window.dilation, strict=True)
    )
    params = WindowParams(kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w)
    largest = max(*window.kernel, *window.stride, dilation_h, dilation_w)
    if largest > MAX_WINDOW:
        raise PatchcError(f"{where}: window of {largest}; at most {MAX_WINDOW}")
    return params
