"""Pools and means."""

from __future__ import annotations

from typing import cast

from patchc.errors import PatchcError
from patchc.ir import AveragePool, GlobalAveragePool, Graph, MaxPool, Node
from patchc.kernels.features import Counted, Extent, Features
from patchc.kernels.kernel import Kernel, Role, Site, Slicing
from patchc.kernels.portable import RARE_SOURCE, REQUANT_HEADERS, portable
from patchc.kernels.window import where_of, window_params
from patchc.numerics.average import average_params
from patchc.numerics.fold import INT32_MAX
from patchc.numerics.node_forms import pool_forms
from patchc.numerics.structs import AverageParams, GlobalParams, PoolParams

# A global pool sums inputs and zero point in int32.
MAX_POOLED_PIXELS = INT32_MAX // 256


MAX_SOURCE = "portable/patchc_max_of_four.c"
BYTES_SOURCE = "portable/patchc_add_bytes.c"


def _max_pool(graph: Graph, node: Node, group: int) -> PoolParams:
    op = cast(MaxPool, node.op)
    return PoolParams(window_params(op.window, where_of(node)), op.clamp.lo, op.clamp.hi)


def _average_pool(graph: Graph, node: Node, group: int) -> AverageParams:
    op, where = cast(AveragePool, node.op), where_of(node)
    x, y = graph.tensors[node.inputs[0]], graph.tensors[node.output]
    return average_params(op, window_params(op.window, where), x, y, where)


def _mean(graph: Graph, node: Node, group: int) -> GlobalParams:
    op, where = cast(GlobalAveragePool, node.op), where_of(node)
    x, y = graph.tensors[node.inputs[0]], graph.tensors[node.output]
    pixels = x.shape[0] * x.shape[1]
    if pixels > MAX_POOLED_PIXELS:
        raise PatchcError(
            f"{where}: {pixels} pixels could overflow its sum; at most {MAX_POOLED_PIXELS}"
        )
    forms = pool_forms(op, x, y, where)
    (form,) = forms.channels
    return GlobalParams(
        form=form,
        rare=forms.rare or None,
        zero_point=y.quant.zero_point,
        lo=op.clamp.lo,
        hi=op.clamp.hi,
    )


def _same_channels(site: Site) -> str | None:
    """A pool makes each channel of the same one."""
    return "it reads what it makes" if site.slicing is Slicing.OUTPUTS else None


def _mean_work(site: Site, extent: Extent) -> Features:
    """It adds up every pixel of its input."""
    (shape,) = (tensor.shape for tensor in site.inputs)
    rows, pixels = extent.pixels * shape[0], extent.pixels * shape[0] * shape[1]
    return Counted(extent.pieces, rows, pixels, pixels * shape[2])


POOLS: tuple[Kernel, ...] = (
    portable(
        "max_pool",
        MaxPool,
        struct="patchc_pool_params",
        pack=_max_pool,
        headers=("patchc_max.h",),
        shared=(MAX_SOURCE,),
        refuses=_same_channels,
    ),
    portable(
        "average_pool",
        AveragePool,
        struct="patchc_average_params",
        pack=_average_pool,
        headers=("patchc_softfloat.h",),
        refuses=_same_channels,
    ),
    portable(
        "global_average_pool",
        GlobalAveragePool,
        struct="patchc_global_params",
        pack=_mean,
        headers=REQUANT_HEADERS,
        shared=(RARE_SOURCE,),
        work=_mean_work,
    ),
    portable(
        "mean_add",
        GlobalAveragePool,
        role=Role.ACCUMULATE,
        struct=None,
        pack=None,
        headers=("patchc_add_bytes.h",),
        shared=(BYTES_SOURCE,),
        finish="mean_finish",
    ),
    portable(
        "mean_finish",
        GlobalAveragePool,
        role=Role.FINISH,
        struct="patchc_global_params",
        pack=_mean,
        headers=REQUANT_HEADERS,
        shared=(RARE_SOURCE,),
    ),
)
