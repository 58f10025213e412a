"""Copies and resizes: values that change their place."""

from __future__ import annotations

from typing import cast

from patchc.errors import PatchcError
from patchc.ir import (
    DepthToSpace,
    Enlargement,
    Graph,
    Node,
    Permute,
    Rearrange,
    ResizeLinear,
    ResizeNearest,
    Upsample,
)
from patchc.kernels.kernel import Kernel
from patchc.kernels.portable import portable
from patchc.kernels.window import where_of, window_params
from patchc.numerics.permute import permute_params
from patchc.numerics.rearrange import rearrange_params
from patchc.numerics.resize import linear_params, nearest_params
from patchc.numerics.structs import (
    DepthToSpaceParams,
    PermuteParams,
    RearrangeParams,
    ResizeLinearParams,
    ResizeNearestParams,
    UpsampleParams,
)

# Members of patchc_upsample_params are uint16_t.
MAX_FACTOR = 2**16 - 1


def _enlargement(node: Node) -> UpsampleParams:
    """Raises PatchcError for a factor that does not fit the kernel's type."""
    factor = cast(Enlargement, node.op).factor
    if max(factor) > MAX_FACTOR:
        raise PatchcError(f"{where_of(node)}: {max(factor)} times as large; at most {MAX_FACTOR}")
    return UpsampleParams(*factor)


def _upsample(graph: Graph, node: Node, group: int) -> UpsampleParams:
    return _enlargement(node)


def _depth_to_space(graph: Graph, node: Node, group: int) -> DepthToSpaceParams:
    op = cast(DepthToSpace, node.op)
    steps = (1, op.positions) if op.interleaved else (graph.tensors[node.output].shape[2], 1)
    return DepthToSpaceParams(_enlargement(node), *steps)


def _resize_nearest(graph: Graph, node: Node, group: int) -> ResizeNearestParams:
    return nearest_params(cast(ResizeNearest, node.op), where_of(node))


def _resize_linear(graph: Graph, node: Node, group: int) -> ResizeLinearParams:
    x, y = graph.tensors[node.inputs[0]], graph.tensors[node.output]
    return linear_params(cast(ResizeLinear, node.op), x, y, where_of(node))


def _rearrange(graph: Graph, node: Node, group: int) -> RearrangeParams:
    op, where = cast(Rearrange, node.op), where_of(node)
    window = window_params(op.window, where)
    return rearrange_params(op, window, graph.tensors[node.inputs[0]], where)


def _permute(graph: Graph, node: Node, group: int) -> PermuteParams:
    return permute_params(cast(Permute, node.op))


MOVES: tuple[Kernel, ...] = (
    portable("upsample", Upsample, struct="patchc_upsample_params", pack=_upsample),
    portable(
        "resize_nearest",
        ResizeNearest,
        struct="patchc_resize_nearest_params",
        pack=_resize_nearest,
    ),
    portable(
        "resize_linear",
        ResizeLinear,
        struct="patchc_resize_linear_params",
        pack=_resize_linear,
        headers=("patchc_pairs.h", "patchc_requant.h", "patchc_softfloat.h"),
    ),
    portable(
        "depth_to_space",
        DepthToSpace,
        struct="patchc_depth_to_space_params",
        pack=_depth_to_space,
    ),
    portable("permute", Permute, struct="patchc_permute_params", pack=_permute),
    portable("rearrange", Rearrange, struct="patchc_rearrange_params", pack=_rearrange),
)
