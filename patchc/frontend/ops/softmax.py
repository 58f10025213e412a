"""Softmax over the channels and its integer form."""

from __future__ import annotations

from patchc.frontend.arrange import along_channels
from patchc.frontend.axes import dims
from patchc.frontend.builder import Result
from patchc.frontend.call import Call
from patchc.frontend.load import MICROSOFT
from patchc.frontend.registry import onnx_op
from patchc.frontend.values import Pending, Quantized, Value
from patchc.ir import Softmax

# Since this opset a softmax runs along one dimension; before, along all from `axis` on.
ONE_DIMENSION = 13


@onnx_op("Softmax", makes=(Softmax,))
def softmax(call: Call) -> Value:
    """In a QDQ file."""
    source = _along_axis(call, call.activation(0, as_seen=True), call.opset)
    return Pending(call.name, call.output, Softmax(), (source.tensor,), source.layout)


@onnx_op("QLinearSoftmax", domain=MICROSOFT, makes=(Softmax,))
def qlinear_softmax(call: Call) -> Value:
    """In a QOperator file; it says by which opset its axis is meant."""
    source = call.integers(0, *call.quantization(1, 2), as_seen=True)
    source = _along_axis(call, source, call.attribute("opset", call.opset))
    result = Result(call.output, source.layout, *call.quantization(3, 4))
    return call.builder.emit(call.name, Softmax(), (source.tensor,), result)


def _along_axis(call: Call, source: Quantized, opset: int) -> Quantized:
    """The source with all that it runs along as channels."""
    rank = len(source.layout)
    axis = call.attribute("axis", -1 if opset >= ONE_DIMENSION else 1) % rank
    call.builder.guess_channels(source, axis)
    behind = dims(source.layout)[axis + 1 :] if opset < ONE_DIMENSION else ()
    last = rank - 1 if any(size > 1 for size in behind) else axis
    return along_channels(call.builder, source, axis, last)
