"""Functions of one value as tables of 256, computed by onnxruntime itself.

Between a DequantizeLinear and a QuantizeLinear stands a float subgraph that makes one value of one
value. Its nodes, with their constants, become a model of their own; what onnxruntime makes of all
256 values is the table. So its fusions, its own exp and its rounding are in the table by
construction, not by imitation.

Some of its float functions compute an element in a vector register otherwise than one in the
remainder behind the last full vector. So every value is tried in both places.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from patchc.frontend.axes import Layout, dims
from patchc.frontend.linear import ALL_VALUES
from patchc.frontend.refusal import RefusalError
from patchc.frontend.runtime import open_session
from patchc.frontend.values import (
    ChannelConstants,
    Constant,
    Dequantized,
    Function,
    Quantized,
    QuantizedConstant,
)
from patchc.ir import Lut, Quantization
from patchc.numerics.linear import dequantize

# Elements in a tensor that ends before the first vector is full, whatever the instruction set.
REMAINDER = 3

# Operators that one function of one value is nested of. Real ones have about ten.
MAX_DEPTH = 100

_Opsets = Sequence[onnx.OperatorSetIdProto]


def _parts(function: Function) -> tuple[Function, ...]:
    """`function` and what it is made of, each once, in an order in which they can be computed.

    Raises RefusalError where operators are nested deeper than Python's own stack is safe for."""
    found: dict[str, Function] = {}

    def visit(current: Function, depth: int) -> None:
        if current.node.output[0] in found:
            return
        if depth > MAX_DEPTH:
            raise RefusalError(
                f"more than {MAX_DEPTH} operators in a row without a pair between them"
            )
        for operand in current.operands:
            if isinstance(operand, Dequantized) and operand.function is not None:
                visit(operand.function, depth + 1)
        found[current.node.output[0]] = current

    visit(function, 1)
    return tuple(found.values())


def function_table(
    value: Dequantized, source: Quantization, target: Quantization, unsigned: bool, opsets: _Opsets
) -> Lut:
    """`value` quantised, for each value of its source. unsigned: as uint8.

    Raises RefusalError where onnxruntime cannot compute it, or where no table can be equal to it.
    """
    assert value.function is not None
    kinds = "+".join(function.node.op_type for function in _parts(value.function))
    return Lut(_entries(value, source, (target, unsigned), opsets), kinds)


def _entries(
    value: Dequantized,
    source: Quantization,
    target: tuple[Quantization, bool] | None,
    opsets: _Opsets,
) -> np.ndarray:
    """(256,), or (channels, 256) where that matters: int8, or float32 where `target` is None."""
    assert value.function is not None
    channels = {
        len(operand.array)
        for function in _parts(value.function)
        for operand in function.operands
        if isinstance(operand, ChannelConstants)
    }
    tables = [
        _channel_table(value, channel, source, target, opsets)
        for channel in range(max(channels, default=1))
    ]
    return np.stack(tables) if channels else tables[0]


def _channel_table(
    value: Dequantized,
    channel: int,
    source: Quantization,
    target: tuple[Quantization, bool] | None,
    opsets: _Opsets,
) -> np.ndarray:
    """(256,): the table of one channel, as `_entries` has it."""
    assert value.function is not None
    part = _Part(channel)
    stored = value.source.unsigned
    part.node("DequantizeLinear", ["x", *part.parameters(source, stored)], "dequantized")
    for function in _parts(value.function):
        part.function(function)
    result = part.names[value.function.node.output[0]]
    if target is None:
        part.node("Identity", [result], "y")
    else:
        part.node("QuantizeLinear", [result, *part.parameters(*target)], "y")
    layout = value.source.layout
    return _table(part.session(layout, stored, opsets), layout, stored)


def table_without_rounding(value: Dequantized, source: Quantization, opsets: _Opsets) -> Lut | None:
    """`value` for each value of its source where all of them are values of that scale and zero
    point, so that to quantise it is to change nothing; None where not, or where it cannot be
    computed."""
    try:
        table = function_table(value, source, source, value.source.unsigned, opsets)
        real = _entries(value, source, None, opsets)
    except RefusalError:
        return None
    return table if np.array_equal(dequantize(table.table, source), real) else None


def integer_table(
    node: onnx.NodeProto,
    constants: Sequence[np.ndarray | None],
    operand: int,
    source: Quantized,
    opsets: _Opsets,
) -> Lut:
    """What an integer operator makes of each value of its input `operand`, which is `source`.

    constants: its other inputs; None where they are left out. Raises RefusalError as function_table
    does.
    """
    part = _Part()
    names = [part.constant(array) if array is not None else "" for array in constants]
    names[operand] = "x"
    part.copy(node, names, "y")
    session = part.session(source.layout, source.unsigned, opsets)
    return Lut(
        _table(session, source.layout, source.unsigned), node.op_type.removeprefix("QLinear")
    )


@dataclass(slots=True)
class _Part:
    """A model from "x" to "y", with names of its own."""

    channel: int = 0  # that operands of one number per channel are taken for
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)  # of a tensor in the file -> here

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def copy(self, node: onnx.NodeProto, inputs: list[str], output: str) -> None:
        """A node of the file between other tensors."""
        copied = onnx.NodeProto()
        copied.CopyFrom(node)
        del copied.input[:], copied.output[:]
        copied.input.extend(inputs)
        copied.output.append(output)
        self.nodes.append(copied)

    def constant(self, array: np.ndarray | np.generic) -> str:
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def parameters(self, quant: Quantization, unsigned: bool) -> list[str]:
        """Scale and zero point of an activation, the latter in the type of the file."""
        zero_point = np.uint8(quant.zero_point + 128) if unsigned else np.int8(quant.zero_point)
        return [self.constant(np.float32(quant.scale)), self.constant(zero_point)]

    def function(self, function: Function) -> None:
        """A node of the file over what its operands are here."""
        inputs = []
        for operand in function.operands:
            if operand is None:
                inputs.append("")
            elif isinstance(operand, Constant):
                inputs.append(self.constant(operand.array))
            elif isinstance(operand, ChannelConstants):
                inputs.append(self.constant(operand.array[self.channel]))
            elif isinstance(operand, QuantizedConstant):
                inputs.append(self.weights(operand))
            elif operand.function is None:
                inputs.append("dequantized")
            else:
                inputs.append(self.names[operand.function.node.output[0]])
        output = f"value{len(self.names)}"
        self.names[function.node.output[0]] = output
        self.copy(function.node, inputs, output)

    def weights(self, operand: QuantizedConstant) -> str:
        arrays = (operand.values, operand.scales, operand.zero_points)
        inputs = [self.constant(array) for array in arrays]
        axis = {"axis": operand.axis} if operand.scales.ndim else {}
        return self.node("DequantizeLinear", inputs, f"{inputs[0]}_dequantized", **axis)

    def session(
        self, layout: Layout, unsigned: bool, opsets: _Opsets
    ) -> onnxruntime.InferenceSession:
        shape: list[int | str] = [1] * (len(layout) - 1)
        shape.append("length")
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(np.uint8 if unsigned else np.int8))
        value = helper.make_tensor_value_info("x", kind, shape)
        return open_session(self.nodes, [value], ["y"], self.constants, opsets)


def _table(session: onnxruntime.InferenceSession, layout: Layout, unsigned: bool) -> np.ndarray:
    """(256,): what the session makes of all values, in either place. Raises RefusalError."""
    stored: np.ndarray = ALL_VALUES.astype(np.int8)
    if unsigned:
        stored = stored.view(np.uint8) ^ np.uint8(0x80)

    def run(values: np.ndarray) -> np.ndarray:
        shaped = values.reshape([1] * (len(layout) - 1) + [-1])
        try:
            (result,) = session.run(None, {"x": shaped})
        except Exception as error:  # onnxruntime raises a dozen types without a common base
            raise RefusalError(f"onnxruntime cannot compute it: {error}") from error
        return _signed(result.reshape(-1))

    if math.prod(dims(layout)) == 1:  # a lone element: onnxruntime takes some for a scalar
        return np.concatenate([run(stored[i : i + 1]) for i in range(len(stored))])
    entries = run(stored)  # 256 is a multiple of every vector's length
    behind = np.array([run(np.repeat(value, REMAINDER)) for value in stored])
    differ = np.count_nonzero((behind != entries[:, None]).any(axis=1))
    if differ:
        raise RefusalError(
            f"onnxruntime computes {differ} of 256 values otherwise at the end of a tensor than "
            "inside it, so no table can equal it: quantise its result with another scale"
        )
    return entries


def _signed(values: np.ndarray) -> np.ndarray:
    """uint8 as int8, 128 less."""
    return (values ^ np.uint8(0x80)).view(np.int8) if values.dtype == np.uint8 else values
