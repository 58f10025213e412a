"""Max and Min: of maps, or of maps and constants, in a QDQ file and directly on integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf, prod

import numpy as np

from patchc.frontend.axes import dims
from patchc.frontend.broadcasts import spread
from patchc.frontend.builder import Result
from patchc.frontend.call import Call
from patchc.frontend.ops.binary import (
    Operand,
    by_channel,
    channel_constant,
    check_maps,
    float_constant,
    real_operand,
)
from patchc.frontend.ops.functions import function, is_function, is_scalar
from patchc.frontend.refusal import RefusalError
from patchc.frontend.registry import onnx_op
from patchc.frontend.values import (
    Bounds,
    Constant,
    Link,
    Pending,
    Quantized,
    QuantizedConstant,
    Value,
)
from patchc.ir import Lut, Max, Min, Quantization
from patchc.ir.graph import Extremum

OPERATORS: dict[str, type[Extremum]] = {"Max": Max, "Min": Min}

_LIMITS = (
    "other broadcasts than of one value, one per channel or a map of one pixel; constants with a "
    "scale per channel"
)


@onnx_op("Max", "Min", makes=(Max, Min, Lut), limits=_LIMITS)
def extremum(call: Call) -> Value:
    """In a QDQ file, or directly on integers of one scale and zero point: a function of one value,
    or of two operands; of more, one after the other."""
    if any(isinstance(value, Quantized) for value in call.inputs):
        return _of_integers(call)
    if is_function(call):
        return function(call)
    numbers = [value for value in call.inputs if isinstance(value, Constant)]
    chain = _chain(
        call,
        [
            real_operand(call, index)
            for index, value in enumerate(call.inputs)
            if not isinstance(value, Constant)
        ],
    )
    return replace(chain, clips=tuple(_bounds(call, number, chain) for number in numbers))


def _of_integers(call: Call) -> Quantized:
    """Raises RefusalError."""
    known = next(value for value in call.inputs if isinstance(value, Quantized))
    quant = call.builder.tensors[known.tensor].quant
    operands = [
        _integer_operand(call, index, quant, known.unsigned) for index in range(len(call.inputs))
    ]
    if len(operands) == 1:
        return known
    chain = _chain(call, operands)
    return call.builder.finish(chain, Result(call.output, chain.layout, quant, known.unsigned))


def _integer_operand(call: Call, index: int, quant: Quantization, unsigned: bool) -> Operand:
    """An operand that is stored with `quant`. Raises RefusalError."""
    value = call.input(index)
    if not isinstance(value, Constant):
        return call.integers(index, quant, unsigned, as_seen=True)
    zero_point = np.asarray(quant.zero_point + (128 if unsigned else 0), value.array.dtype)
    return QuantizedConstant(value.array, np.asarray(quant.scale, np.float32), zero_point, 0)


def _chain(call: Call, operands: Sequence[Operand]) -> Pending:
    """The first map of the output's shape with one further operand after the other: all of them are
    quantised alike, so that their order does not matter. Raises RefusalError."""
    maps = [operand for operand in operands if isinstance(operand, Quantized)]
    if not maps:
        raise RefusalError("none of its operands is an activation")
    map_ = max(maps, key=lambda operand: prod(dims(operand.layout)))
    others = list(operands)
    others.remove(map_)
    for other in others:
        if isinstance(other, QuantizedConstant):
            map_ = by_channel(call, other.values.shape, map_)
    for index, other in enumerate(others):
        if isinstance(other, Quantized):
            map_, others[index] = spread(call.builder, map_, other)
    first, *links = [_link(call, map_, other) for other in others]
    inputs = (map_.tensor, *first.inputs)
    return Pending(call.name, call.output, first.op, inputs, map_.layout, links=tuple(links))


def _link(call: Call, map_: Quantized, other: Operand) -> Link:
    """Raises RefusalError for an operand that does not meet each pixel of the map."""
    kind = OPERATORS[call.node.op_type]
    if isinstance(other, QuantizedConstant):
        return Link(kind(constant=channel_constant(other, map_)), ())
    check_maps(map_, other)
    return Link(kind(), (other.tensor,))


def _bounds(call: Call, number: Constant, chain: Pending) -> Bounds:
    """What a float number beside maps is: a clip of them. Raises RefusalError."""
    if not is_scalar(number, chain):
        raise float_constant(number)
    kind, value = call.node.op_type, float(number.array.item())
    low, high = (value, inf) if kind == "Max" else (-inf, value)
    return Bounds(kind, call.name, low, high)
