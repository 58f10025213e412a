"""Normalisations as int64 operators of ONNX: the formulas of patchc/numerics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from onnx import TensorProto

from patchc.ir import LayerNormalization, LocalResponseNormalization, Node
from patchc.numerics.layer_norm import NORMAL_BITS, ROOT_BITS, layer_norm_params
from patchc.numerics.local_response import local_response_params, octaves

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


@dataclass(frozen=True)
class _Integers:
    """int64 operators between the operand of a node and its output."""

    writer: Writer
    node: Node

    def made(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = self.writer.fresh(f"{self.node.output}_{kind.lower()}")
        self.writer.node(kind, list(inputs), name, **attributes)
        return name

    def number(self, value: int | list[int] | np.ndarray) -> str:
        return self.writer.constant(np.asarray(value, np.int64), f"{self.node.output}_number")

    def shifted(self, value: str, bits: int, above: int) -> str:
        """Divided by 2^bits and rounded down. above: see ABOVE_PRODUCT."""
        raised = self.made("Add", value, self.number(2**above))
        divided = self.made("Div", raised, self.number(2**bits))
        return self.made("Sub", divided, self.number(2 ** (above - bits)))

    def values(self, zero_point: int) -> str:
        """The operand less its zero point."""
        wide = self.made("Cast", self.node.inputs[0], to=TensorProto.INT64)
        return self.made("Sub", wide, self.number(zero_point))

    def finish(self, found: str, output: str) -> None:
        """`found` as int8."""
        clipped = self.made("Clip", found, self.number(-128), self.number(127))
        self.writer.node("Cast", [clipped], output, to=TensorProto.INT8)


def write_normalization(op: LayerNormalization, writer: Writer, node: Node, output: str) -> None:
    """Its nodes, from the operand of `node` to `output`, not clipped by the operator's range."""
    x, y = (writer.graph.tensors[name] for name in (node.inputs[0], node.output))
    numbers = layer_norm_params(op, x, y, node.name)
    part = _Integers(writer, node)
    made, number = part.made, part.number
    channels, axes = number(x.shape[2]), number([1])
    values = part.values(numbers.in_zero_point)
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
    normal = part.shifted(made("Mul", above, inverse), numbers.drop, ABOVE_PRODUCT)
    factors, offsets = (
        number(array.reshape(-1, 1, 1)) for array in (numbers.factors, numbers.offsets)
    )
    scaled = part.shifted(made("Mul", normal, factors), NORMAL_BITS, ABOVE_SCALED)
    part.finish(part.shifted(made("Add", scaled, offsets), numbers.places, ABOVE_RESULT), output)


def write_local_response(
    op: LocalResponseNormalization, writer: Writer, node: Node, output: str
) -> None:
    """The same, for this operator."""
    x, y = (writer.graph.tensors[name] for name in (node.inputs[0], node.output))
    numbers = local_response_params(op, x, y, node.name)
    part = _Integers(writer, node)
    made, number = part.made, part.number
    values = part.values(numbers.in_zero_point)
    pads = number([0, numbers.behind, 0, 0, 0, numbers.ahead, 0, 0])
    around = made("Pad", made("Mul", values, values), pads)
    total = _window(part, around, 0, x.shape[2])
    for start in range(1, op.size):
        total = made("Add", total, _window(part, around, start, x.shape[2]))
    above = made("Add", total, number(2**numbers.bits))
    most = min(op.size, x.shape[2]) * 255**2
    begins = [2 ** (e + numbers.bits) for e in range(1, octaves(most, numbers.bits))]
    reached = made("GreaterOrEqual", made("Unsqueeze", above, number([4])), number(begins))
    counted = made("Cast", reached, to=TensorProto.INT64)
    power = made("ReduceSum", counted, number([4]), keepdims=0)
    step = made("Gather", number([2**e for e in range(len(begins) + 1)]), power)
    whole = made("Div", above, step)
    first = made("Mul", made("Sub", power, number(1)), number(2**numbers.bits))
    index = made("Add", first, whole)
    rest = made("Sub", above, made("Mul", whole, step))
    low = made("Gather", number(numbers.table), index)
    high = made("Gather", number(numbers.table), made("Add", index, number(1)))
    risen = made("Mul", made("Sub", high, low), rest)
    # 2^60 is a multiple of each step, so that the division rounds down.
    lifted = made("Div", made("Add", risen, number(2**ABOVE_RESULT)), step)
    lift = made("Div", number(2**ABOVE_RESULT), step)
    factor = made("Add", low, made("Sub", lifted, lift))
    product = made("Add", made("Mul", values, factor), number(2 ** (numbers.places - 1)))
    found = part.shifted(product, numbers.places, ABOVE_RESULT)
    part.finish(made("Add", found, number(numbers.zero_point)), output)


def _window(part: _Integers, around: str, start: int, channels: int) -> str:
    """So many channels from `start` on."""
    ends = (part.number([n]) for n in (start, start + channels, 1))
    return part.made("Slice", around, *ends)
