"""Which portable kernel computes a node: the one place that decides."""

from __future__ import annotations

from functools import singledispatch

from patchc.ir import (
    AveragePool,
    Binary,
    Concat,
    Conv,
    DepthToSpace,
    GlobalAveragePool,
    Graph,
    Lut,
    MaxPool,
    Node,
    Op,
    Padding,
    Rearrange,
    ResizeLinear,
    ResizeNearest,
    Softmax,
    Upsample,
)
from patchc.ir.graph import Shape


def choose_kernel(graph: Graph, node: Node) -> str:
    """A name in targets.kernels.KERNELS."""
    return _choose(node.op, graph.tensors[node.inputs[0]].shape)


@singledispatch
def _choose(op: Op, shape: Shape) -> str:
    raise NotImplementedError(f"no kernel for {op.kind}")


@_choose.register
def _(op: Conv, shape: Shape) -> str:
    window = op.window
    whole_map = (
        window.kernel == shape[:2] and window.extent == shape[:2] and window.pads == Padding()
    )
    if op.groups == 1 and whole_map:
        return "dense"
    if op.is_pointwise:
        return "conv2d_pointwise"
    return "conv2d_depthwise" if op.is_depthwise else "conv2d"


@_choose.register
def _(op: Binary, shape: Shape) -> str:
    return op.kind.lower()


@_choose.register
def _(op: Concat, shape: Shape) -> str:
    return "concat"


@_choose.register
def _(op: MaxPool, shape: Shape) -> str:
    return "max_pool"


@_choose.register
def _(op: AveragePool, shape: Shape) -> str:
    return "average_pool"


@_choose.register
def _(op: GlobalAveragePool, shape: Shape) -> str:
    return "global_average_pool"


@_choose.register
def _(op: Lut, shape: Shape) -> str:
    return "lut_channels" if op.per_channel else "lut"


@_choose.register
def _(op: Upsample, shape: Shape) -> str:
    return "upsample"


@_choose.register
def _(op: ResizeNearest, shape: Shape) -> str:
    return "resize_nearest"


@_choose.register
def _(op: ResizeLinear, shape: Shape) -> str:
    return "resize_linear"


@_choose.register
def _(op: DepthToSpace, shape: Shape) -> str:
    return "depth_to_space"


@_choose.register
def _(op: Rearrange, shape: Shape) -> str:
    return "rearrange"


@_choose.register
def _(op: Softmax, shape: Shape) -> str:
    return "softmax"
