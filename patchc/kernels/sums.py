"""Convolutions whose int32 sums are the output."""

from __future__ import annotations

from typing import cast

import numpy as np

from patchc.ir import ConvSums, Graph, Node
from patchc.kernels.kernel import Kernel
from patchc.kernels.portable import REQUANT_HEADERS, portable
from patchc.kernels.window import where_of, window_params
from patchc.numerics.structs import ConvSumsParams


def _conv_sums(graph: Graph, node: Node, group: int) -> ConvSumsParams:
    """The input's zero point is taken off every tap by the offsets, which wrap as sums do."""
    op = cast(ConvSums, node.op)
    zero_point = graph.tensors[node.inputs[0]].quant.zero_point
    total = op.weights.reshape(len(op.weights), -1).astype(np.int64).sum(axis=1)
    return ConvSumsParams(
        window=window_params(op.window, where_of(node)),
        groups=op.groups,
        weights=op.weights.reshape(-1),
        offsets=(op.bias - zero_point * total).astype(np.int32),
        pad_value=zero_point,
    )


SUMS_KERNELS: tuple[Kernel, ...] = (
    portable(
        "conv_sums",
        ConvSums,
        struct="patchc_conv_sums_params",
        pack=_conv_sums,
        headers=(*REQUANT_HEADERS, "patchc_dot.h"),
    ),
)
