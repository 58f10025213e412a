"""A normalisation as int64 operators of ONNX: the formula of patchc/numerics/layer_norm.py."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from onnx import TensorProto

from patchc.ir import LayerNormalization, Node
from patchc.numerics.layer_norm import NORMAL_BITS, ROOT_BITS, layer_norm_params

# Multiples of all divisors, larger than what is divided, so that a division rounds down.
ABOVE_PRODUCT, ABOVE_SCALED, ABOVE_RESULT = 61, 60, 60


class Writer(Protocol):
    """What is asked of the ONNX graph as it grows."""

    graph: Any

    def fresh(self, wanted: str) -> str: ...

    def constant(self, array: np.ndarray | np.generic, what: str) -> str: ...

    def node(
        self, kind: str, inputs: list[str], output: str, domain: str = "", **attributes: Any
    ) -> None: ...


def write_normalization(op: LayerNormalization, writer: Writer, node: Node, output: str) -> None:
    """Its nodes, from the operand of `node` to `output`, not clipped by the operator's range."""
    x, y = (writer.graph.tensors[name] for name in (node.inputs[0], node.output))
    numbers = layer_norm_params(op, x, y, node.name)

    def made(kind: str, *inputs: str, **attributes: Any) -> str:
        name = writer.fresh(f"{node.output}_{kind.lower()}")
        writer.node(kind, list(inputs), name, **attributes)
        return name

    def number(value: int | np.ndarray) -> str:
        return writer.constant(np.asarray(value, np.int64), f"{node.output}_number")

    def shifted(value: str, bits: int, above: int) -> str:
        """Divided by 2^bits and rounded down."""
        raised = made("Add", value, number(2**above))
        return made("Sub", made("Div", raised, number(2**bits)), number(2 ** (above - bits)))

    channels, axes = number(x.shape[2]), number(np.array([1]))
    wide = made("Cast", node.inputs[0], to=TensorProto.INT64)
    values = made("Sub", wide, number(numbers.in_zero_point))
    squares = made("ReduceSum", made("Mul", values, values), axes, keepdims=1)
    spread, above = made("Mul", squares, channels), made("Mul", values, channels)
    if op.centered:
        total = made("ReduceSum", values, axes, keepdims=1)
        spread = made("Sub", spread, made("Mul", total, total))
        above = made("Sub", above, total)
    operand = made("Mul", spread, number(2**numbers.widening))
    operand = made("Add", operand, number(numbers.epsilon))
    root = made("Sqrt", made("Cast", operand, to=TensorProto.DOUBLE))
    root = made("Cast", made("Floor", root), to=TensorProto.INT64)
    inverse = made("Div", number(2**ROOT_BITS), made("Max", root, number(1)))
    normal = shifted(made("Mul", above, inverse), numbers.drop, ABOVE_PRODUCT)
    factors, offsets = (
        number(array.reshape(-1, 1, 1)) for array in (numbers.factors, numbers.offsets)
    )
    scaled = shifted(made("Mul", normal, factors), NORMAL_BITS, ABOVE_SCALED)
    found = shifted(made("Add", scaled, offsets), numbers.places, ABOVE_RESULT)
    clipped = made("Clip", found, number(-128), number(127))
    writer.node("Cast", [clipped], output, to=TensorProto.INT8)
