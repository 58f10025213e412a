"""Columns that somebody reads, one by one: no plan computes fewer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from patchc.geometry.axis import axis_maps
from patchc.ir import GlobalAveragePool, Graph, Node, needs_whole


def needed_columns(graph: Graph, order: Sequence[Node]) -> dict[str, int]:
    """Tensor -> how many of its columns the outputs depend on. `order`: all nodes, as they run.

    Stripes demand the hull of what their own columns read, so they may skip what lies between two
    of them; but whatever the stripes are, each of these columns is in one of them.
    """
    width = {name: tensor.shape[1] for name, tensor in graph.tensors.items()}
    read = {name: np.zeros(columns, dtype=bool) for name, columns in width.items()}
    for name in graph.outputs:
        read[name][:] = True
    for node in reversed(order):
        for name in dict.fromkeys(node.inputs):
            if isinstance(node.op, GlobalAveragePool) or needs_whole(graph, node, name):
                read[name][:] = True
            else:
                read[name] |= _behind(node, read[node.output], width[name])
    return {name: int(np.count_nonzero(mask)) for name, mask in read.items()}


def _behind(node: Node, out: np.ndarray, width: int) -> np.ndarray:
    """The columns of an operand that the columns `out` of the output read: bool (width,)."""
    _, across = axis_maps(node.op)
    columns = np.flatnonzero(out)
    start = np.clip((columns * across.stride + across.first) // across.up, 0, width)
    stop = np.clip((columns * across.stride + across.last) // across.up + 1, start, width)
    edges = np.zeros(width + 1, dtype=np.int64)
    np.add.at(edges, start, 1)
    np.add.at(edges, stop, -1)
    return np.cumsum(edges[:-1]) > 0
