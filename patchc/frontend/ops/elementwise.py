"""Relu, Clip and their integer forms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from patchc.frontend.builder import Result
from patchc.frontend.call import Call
from patchc.frontend.ops.functions import function
from patchc.frontend.refusal import RefusalError
from patchc.frontend.registry import onnx_op
from patchc.frontend.values import (
    Bounds,
    Pending,
    Quantized,
    Value,
)
from patchc.ir import Lut
from patchc.numerics.linear import ALL_VALUES


@onnx_op("Relu", "Clip", makes=(Lut,))
def clip(call: Call) -> Value:
    """Between an operator and its QuantizeLinear, of whose range it becomes a part; alone between
    two, or on integers."""
    value = call.input(0)
    kind = call.node.op_type
    if isinstance(value, Quantized):
        return _integer_clip(call, value)
    low, high = _bounds(call, -np.inf, np.inf)
    if not isinstance(value, Pending):
        return function(call)
    return replace(value, clips=(*value.clips, Bounds(kind, call.name, low, high)))


def _bounds(call: Call, lowest: float, highest: float) -> tuple[float, float]:
    """The smallest and largest value of the result. Raises RefusalError."""
    if call.node.op_type == "Relu":
        return 0, highest
    low = call.optional_constant(1, "minimum")
    high = call.optional_constant(2, "maximum")
    if any(bound is not None and np.isnan(bound).any() for bound in (low, high)):
        raise RefusalError("one of its bounds is not a number")
    return lowest if low is None else low.item(), highest if high is None else high.item()


def _integer_clip(call: Call, value: Quantized) -> Value:
    """Clip or Relu of the stored integers themselves."""
    shift = 128 if value.unsigned else 0
    stored = ALL_VALUES + shift
    low, high = _bounds(call, stored[0], stored[-1])
    entries = np.minimum(np.maximum(stored, low), high) - shift
    value = call.readable(value)
    quant = call.builder.tensors[value.tensor].quant
    result = Result(call.output, value.layout, quant, value.unsigned)
    op = Lut(entries, call.node.op_type)
    return call.builder.emit(call.name, op, (value.tensor,), result)
