"""Element-wise operators of two operands, as their quantisation defines them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from patchc.ir import FULL_RANGE, Binary, Clamp, Graph, Node, Quantization, Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Pairing:
    """Operands `a` and `b` in the order of the formula."""

    a: Quantization
    b: Quantization
    out: Quantization
    clamp: Clamp = FULL_RANGE
    unsigned: bool = False  # rounds as on uint8
    swap: bool = False  # the kernel is given b first
    constant: NDArray[np.int8] | None = None  # (channels,): what the kernel has instead of a second

    @property
    def offset(self) -> int:
        """What onnxruntime's values exceed ours by."""
        return 128 if self.unsigned else 0


def pairing_of(graph: Graph, node: Node) -> Pairing:
    """What a node with such an operator computes."""
    op = node.op
    assert isinstance(op, Binary)
    return pairing_between(
        op, [graph.tensors[name] for name in node.inputs], graph.tensors[node.output].quant
    )


def pairing_between(op: Binary, inputs: Sequence[Tensor], out: Quantization) -> Pairing:
    """What `op` computes of its one or two inputs."""
    first = inputs[0]
    if op.constant is None:
        second, constant = inputs[1].quant, None
    else:
        second = op.constant.quant
        constant = np.broadcast_to(op.constant.values, first.shape[2:]).copy()
    a, b = (second, first.quant) if op.reverse else (first.quant, second)
    return Pairing(a, b, out, op.clamp, op.unsigned, op.reverse, constant)


def all_pairs() -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Every pair of int8, as two arrays that broadcast to (256, 256)."""
    values = np.arange(-128, 128).astype(np.int8)
    return values[:, None], values[None, :]
