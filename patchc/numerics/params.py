"""A node of the Graph -> the constants of the kernel that computes it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from patchc.errors import PatchcError
from patchc.ir import (
    Add,
    AveragePool,
    Conv,
    GlobalAveragePool,
    Graph,
    Lut,
    MaxPool,
    Node,
    Tensor,
    Window,
)
from patchc.numerics.add import Addition, add_params
from patchc.numerics.average import average_params
from patchc.numerics.fold import INT32_MAX, fold_bias
from patchc.numerics.requant import conv_factors, global_factor, scale_of
from patchc.numerics.structs import (
    ConvParams,
    GlobalParams,
    LutParams,
    Params,
    PoolParams,
    WindowParams,
)

# Members of patchc_window are uint16_t.
MAX_WINDOW = 2**16 - 1

# A global pool sums inputs and zero point in int32.
MAX_POOLED_PIXELS = INT32_MAX // 256


def kernel_params(graph: Graph, node: Node, kernel_name: str) -> Params:
    """The constants that `kernel_name` (a name in targets.kernels.KERNELS) needs to compute
    `node`. Raises PatchcError where they do not exist: scales out of range, windows too large."""
    inputs = [graph.tensors[name] for name in node.inputs]
    output = graph.tensors[node.output]
    where = f"{node.op.kind} {node.name!r}"
    op = node.op
    if isinstance(op, Conv):
        return _conv(op, inputs[0], output, _PACKERS[kernel_name], where)
    if isinstance(op, Add):
        return _add(op, inputs, output, where)
    if isinstance(op, MaxPool):
        return PoolParams(_window(op.window, where), op.clamp.lo, op.clamp.hi)
    if isinstance(op, AveragePool):
        return average_params(op, _window(op.window, where), inputs[0], output, where)
    if isinstance(op, GlobalAveragePool):
        return _global(op, inputs[0], output, where)
    if isinstance(op, Lut):
        return LutParams(op.table)
    raise PatchcError(f"{where}: no kernel computes it")


def _conv(
    op: Conv, x: Tensor, y: Tensor, pack: Callable[[Conv], np.ndarray], where: str
) -> ConvParams:
    factors = conv_factors(x.quant.scale, op.weight_scales, y.quant.scale)
    return ConvParams(
        window=_window(op.window, where),
        groups=op.groups,
        weights=pack(op),
        bias=fold_bias(op, x.quant.zero_point),
        scale=tuple(
            scale_of(factor, f"{where}, output channel {c}") for c, factor in enumerate(factors)
        ),
        pad_value=x.quant.zero_point,
        zero_point=y.quant.zero_point,
        lo=op.clamp.lo,
        hi=op.clamp.hi,
    )


def _pack_fours(op: Conv) -> np.ndarray:
    """Group by group, output channels in blocks of four, interleaved; then those left over."""
    grouped = op.weights.reshape(op.groups, op.channels_out // op.groups, -1)
    parts = []
    for group in grouped:
        whole = len(group) // 4 * 4
        blocks = group[:whole].reshape(whole // 4, 4, group.shape[1])
        parts += [blocks.transpose(0, 2, 1).reshape(-1), group[whole:].reshape(-1)]
    return np.concatenate(parts)


def _pack_depthwise(op: Conv) -> np.ndarray:
    """[kernel_h][kernel_w][c_out]"""
    return op.weights[..., 0].transpose(1, 2, 0).reshape(-1)


_PACKERS: dict[str, Callable[[Conv], np.ndarray]] = {
    "conv2d": _pack_fours,
    "conv2d_pointwise": _pack_fours,
    "conv2d_depthwise": _pack_depthwise,
    "dense": _pack_fours,
}


def _add(op: Add, inputs: list[Tensor], output: Tensor, where: str) -> Params:
    a, b = inputs
    addition = Addition(
        a=a.quant,
        b=b.quant,
        out=output.quant,
        clamp=op.clamp,
        unsigned=op.unsigned,
    )
    return add_params(addition, where)


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
