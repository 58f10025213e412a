"""Normalisations of each pixel over its channels, all of them or neighbours."""

from __future__ import annotations

import numpy as np

from patchc.frontend.arrange import along_channels, expected
from patchc.frontend.axes import channels_first, dims
from patchc.frontend.call import Call
from patchc.frontend.load import MICROSOFT
from patchc.frontend.refusal import RefusalError
from patchc.frontend.registry import onnx_op
from patchc.frontend.values import Pending, Quantized, QuantizedConstant, Value
from patchc.ir import LayerNormalization, LocalResponseNormalization, Op
from patchc.numerics.local_response import MAX_SIZE

_LIMITS = "other axes than the channels; mean and deviation as outputs"
# Of ONNX, where an attribute is left out.
EPSILON = 1e-5
_RESPONSE = {"alpha": 1e-4, "beta": 0.75, "bias": 1.0}


@onnx_op("LayerNormalization", makes=(LayerNormalization,), limits=_LIMITS)
def layer_normalization(call: Call) -> Value:
    """In a QDQ file, in integers, where onnxruntime adds up floats. The report says so."""
    return _normalised(call, centered=True)


@onnx_op("RMSNormalization", makes=(LayerNormalization,), limits=_LIMITS)
@onnx_op("SimplifiedLayerNormalization", makes=(LayerNormalization,), limits=_LIMITS)
@onnx_op("SimplifiedLayerNormalization", domain=MICROSOFT, makes=(LayerNormalization,))
def rms_normalization(call: Call) -> Value:
    """As LayerNormalization, with the mean of the squares for the variance."""
    return _normalised(call, centered=False)


@onnx_op("LpNormalization", makes=(LayerNormalization,), limits="p other than 2; other axes")
def lp_normalization(call: Call) -> Value:
    """The values over their Euclidean norm: an RMSNormalization, over the root of the channels."""
    if call.attribute("p", 2) != 2:
        raise RefusalError("the sum of absolute values: only the Euclidean norm is supported")
    source = _source(call, call.attribute("axis", -1), alone=True)
    channels = call.builder.tensors[source.tensor].shape[2]
    scale = np.full(channels, 1 / np.sqrt(channels), np.float32)
    return _pending(call, source, LayerNormalization(scale, np.zeros(channels), 0.0, False))


@onnx_op("LRN", makes=(LocalResponseNormalization,), limits="windows of more than 64 channels")
def local_response(call: Call) -> Value:
    """In a QDQ file, by a table, where onnxruntime adds up floats. The report says so."""
    source = call.activation(0, as_seen=True)
    rank = len(source.layout)
    source = expected(call.builder, source, channels_first(rank), "an LRN")
    size = call.attribute("size", 0)
    alpha, beta, bias = (call.attribute(name, value) for name, value in _RESPONSE.items())
    if not 1 <= size <= MAX_SIZE:
        raise RefusalError(f"a window of {size} channels: 1 to {MAX_SIZE} are supported")
    if not (alpha >= 0 and bias > 0 and np.isfinite([alpha, beta, bias]).all()):
        raise RefusalError(f"alpha {alpha:g}, beta {beta:g}, bias {bias:g}: its root may be of 0")
    return _pending(call, source, LocalResponseNormalization(size, alpha, beta, bias))


def _normalised(call: Call, *, centered: bool) -> Value:
    if call.used_outputs - {0}:
        raise RefusalError("its mean and deviation as outputs are not supported")
    source = _source(call, call.attribute("axis", -1), alone=False)
    channels = call.builder.tensors[source.tensor].shape[2]
    op = LayerNormalization(
        numbers(call, 1, channels, "scale", 1.0),
        numbers(call, 2, channels, "bias", 0.0) if centered else np.zeros(channels),
        float(call.attribute("epsilon", EPSILON)),
        centered,
    )
    return _pending(call, source, op)


def _pending(call: Call, source: Quantized, op: Op) -> Pending:
    note_of_integers(call)
    return Pending(call.name, call.output, op, (source.tensor,), source.layout)


def note_of_integers(call: Call) -> None:
    """What the report says of an operator that onnxruntime computes in float."""
    call.builder.notes.append(
        f"{call.name} ({call.node.op_type}) is computed in integers, which may be one step off "
        "onnxruntime's: that adds up floats"
    )


def _source(call: Call, axis: int, *, alone: bool) -> Quantized:
    """The input, with dimension `axis` and, unless `alone`, those behind it as its channels."""
    source = call.activation(0, as_seen=True)
    rank = len(source.layout)
    axis %= rank
    over = (axis,) if alone else range(axis, rank)
    if len([i for i in over if dims(source.layout)[i] > 1]) <= 1:
        call.builder.guess_channels(source, axis)
    return along_channels(call.builder, source, axis, axis if alone else rank - 1)


def numbers(call: Call, index: int, channels: int, what: str, default: float) -> np.ndarray:
    """(channels,): a constant input, as floats. Raises RefusalError."""
    value = call.input(index)
    if isinstance(value, QuantizedConstant):
        array = value.real()
    else:
        found = call.optional_constant(index, what)
        array = np.full(1, default, np.float32) if found is None else found
    if array.size not in (1, channels):
        raise RefusalError(f"a {what} of {array.size} elements for {channels} channels")
    return np.broadcast_to(array.reshape(-1).astype(np.float32), (channels,))
