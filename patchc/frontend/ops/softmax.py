"""Softmax over the channels and its integer form."""

from __future__ import annotations

from patchc.frontend.axes import describe, dims
from patchc.frontend.builder import Result
from patchc.frontend.call import Call
from patchc.frontend.load import MICROSOFT
from patchc.frontend.refusal import RefusalError
from patchc.frontend.registry import onnx_op
from patchc.frontend.values import Pending, Quantized, Value
from patchc.ir import Softmax

# Since this opset a softmax runs along one dimension; before, along all from `axis` on.
ONE_DIMENSION = 13

_LIMITS = "other axes than the channels"


@onnx_op("Softmax", makes=(Softmax,), limits=_LIMITS)
def softmax(call: Call) -> Value:
    """In a QDQ file."""
    source = call.activation(0)
    _check_axis(call, source, call.opset)
    return Pending(call.name, call.output, Softmax(), (source.tensor,), source.layout)


@onnx_op("QLinearSoftmax", domain=MICROSOFT, makes=(Softmax,), limits=_LIMITS)
def qlinear_softmax(call: Call) -> Value:
    """In a QOperator file; it says by which opset its axis is meant."""
    source = call.integers(0, *call.quantization(1, 2))
    _check_axis(call, source, call.attribute("opset", call.opset))
    result = Result(call.output, source.layout, *call.quantization(3, 4))
    return call.builder.emit(call.name, Softmax(), (source.tensor,), result)


def _check_axis(call: Call, source: Quantized, opset: int) -> None:
    """Raises RefusalError unless it runs along all channels, and nothing else."""
    rank = len(source.layout)
    axis = call.attribute("axis", -1 if opset >= ONE_DIMENSION else 1) % rank
    call.builder.guess_channels(source, axis)
    behind = dims(source.layout)[axis + 1 :] if opset < ONE_DIMENSION else ()
    names = [item.name for item in source.layout[axis]]
    channels = call.builder.tensors[source.tensor].shape[2]
    if names != ["c"] * (channels > 1) or any(size > 1 for size in behind):
        raise RefusalError(
            f"along dimension {axis} of {describe(source.layout)}: only the channels are supported"
        )
