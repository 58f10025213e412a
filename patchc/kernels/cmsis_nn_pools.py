"""Pools that CMSIS-NN computes: maxima, and means that are proved to round as onnxruntime's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from patchc.ir import AveragePool, GlobalAveragePool, Graph, Node, Window
from patchc.kernels.cmsis_nn_entry import (
    CMSIS_NN_DSP,
    First,
    How,
    Refuses,
    all_at_once,
    copy_bytes,
    entry,
    in_memory,
    limits,
    no_work,
)
from patchc.kernels.features import Count
from patchc.kernels.kernel import Kernel, Needs, Site
from patchc.kernels.pools import POOLS
from patchc.kernels.window import where_of, window_params
from patchc.libraries.cmsis_nn import AVERAGE_POOL, MAX_POOL
from patchc.numerics.cmsis_mean import mean_refused, mean_unproved
from patchc.numerics.structs import PoolCmsisNNParams

_BY_NAME = {kernel.name: kernel for kernel in POOLS}


def pool_kernels(how: How) -> tuple[Kernel, ...]:
    """One flavour's."""
    pool = {"struct": "patchc_pool_cmsis_nn_params"}
    mean = {"struct": "patchc_pool_cmsis_nn_params", "pack": _pack(how.flavour, _mean_work)}
    mean |= {"takes_scratch": True, "needs": Needs(contiguous=True)}
    proof = (_as_proved,) if how.exact else (_as_defined,)
    return (
        entry(
            _BY_NAME["max_pool"],
            "max_pool",
            how.flavour,
            MAX_POOL,
            pack=_pack(how.flavour, _none),
            refuses=First((limits, _no_dilation)),
            **in_memory(no_work, how.flavour),
            **pool,
        ),
        entry(
            _BY_NAME["average_pool"],
            "average_pool",
            how.flavour,
            AVERAGE_POOL,
            refuses=First((limits, _no_dilation, *proof)),
            scratch=_mean_scratch(how.flavour),
            **mean,
        ),
        _global(how.flavour, First((all_at_once, *proof)), **mean),
    )


def _global(flavour: str, refuses: Refuses, **more: Any) -> Kernel:
    """A mean of all pixels is one of a window as large as the map."""
    return entry(
        _BY_NAME["global_average_pool"],
        "global_average_pool",
        flavour,
        AVERAGE_POOL,
        function="patchc_average_pool_cmsis_nn",
        source="cmsis_nn/patchc_average_pool_cmsis_nn.c",
        refuses=refuses,
        scratch=lambda site: _mean_work(site.inputs[0].shape[2], flavour),
        **more,
    )


def _none(channels: int, flavour: str) -> int:
    return 0


def _mean_work(channels: int, flavour: str) -> int:
    """Of arm_avgpool_s8: a sum per channel."""
    return 4 * channels if flavour == CMSIS_NN_DSP else 0


def _mean_scratch(flavour: str) -> Callable[[Site], Count]:
    def scratch(site: Site) -> Count:
        channels = site.inputs[0].shape[2]
        window = cast(AveragePool, site.op).window
        return _mean_work(channels, flavour) + copy_bytes(window, channels, site)

    return scratch


def _pack(flavour: str, work: Callable[[int, str], int]) -> Any:
    def pack(graph: Graph, node: Node, group: int) -> PoolCmsisNNParams:
        op, (height, width, channels) = cast(Any, node.op), graph.tensors[node.inputs[0]].shape
        window = Window((height, width)) if isinstance(op, GlobalAveragePool) else op.window
        return PoolCmsisNNParams(
            window_params(window, where_of(node)), work(channels, flavour), op.clamp.lo, op.clamp.hi
        )

    return pack


def _no_dilation(site: Site) -> str | None:
    dilated = cast(Any, site.op).window.dilation != (1, 1)
    return "its window is dilated" if dilated else None


def _as_defined(site: Site) -> str | None:
    return mean_refused(cast(Any, site.op), site.inputs[0], site.output)


def _as_proved(site: Site) -> str | None:
    op, (x,) = cast(Any, site.op), site.inputs
    return mean_refused(op, x, site.output) or mean_unproved(op, x, site.output)
