"""Single nodes for the tests of patchc.numerics."""

from __future__ import annotations

import numpy as np

from patchc.ir import Binary, Conv, Graph, Node, Op, Quantization, Tensor, Window, output_shape
from patchc.numerics.structs import Params
from tests.plans import chosen, kernel_params


def single(op: Op, shape: tuple[int, int, int], scales: tuple[float, float] = (0.5, 0.25)) -> Graph:
    """A graph of one node with as many inputs as it takes, all of `shape`, zero points 3 and -4."""
    count = 2 if isinstance(op, Binary) else 1
    names = tuple(f"x{i}" for i in range(count))
    tensors = {name: Tensor(name, shape, Quantization(scales[0], 3)) for name in names}
    out = output_shape(op, *[shape] * count)
    tensors["y"] = Tensor("y", out, Quantization(scales[1], -4))
    return Graph("one", names, ("y",), tensors, (Node("node", op, names, "y"),))


def conv(
    window: Window, groups: int = 1, depth: int = 1, per_group: int = 1, **changes: object
) -> Conv:
    random = np.random.default_rng(0)
    c_out = groups * per_group
    return Conv(
        window=window,
        groups=groups,
        weights=changes.get("weights", random.integers(-128, 128, (c_out, *window.kernel, depth))),
        weight_scales=changes.get("weight_scales", random.uniform(0.01, 0.02, c_out)),
        bias=changes.get("bias", random.integers(-999, 999, c_out)),
    )


def params(graph: Graph, kernel: str | None = None) -> Params:
    node = graph.nodes[0]
    return kernel_params(graph, node, kernel or chosen(graph, node))
