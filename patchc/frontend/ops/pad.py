"""Pad with zeros: taken in by the convolution or pool that reads it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from patchc.frontend.registry import Call, RefusalError, onnx_op
from patchc.frontend.values import Dequantized, Quantized, Value
from patchc.ir import Padding


@onnx_op("Pad")
def pad(call: Call) -> Value:
    """Constant mode, rows and columns only, with the value that means zero."""
    mode = call.attribute("mode", "constant")
    if mode != "constant":
        raise RefusalError(f"mode {mode!r}: only constant is supported")
    value = call.input(0)
    source = value if isinstance(value, Quantized) else call.activation(0, padded=True)
    filler = call.optional_constant(2, "value")
    number = 0 if filler is None or not filler.size else filler.item()
    if isinstance(value, Quantized):
        zero_point = call.builder.tensors[source.tensor].quant.zero_point
        zero: int | float = zero_point + (128 if source.unsigned else 0)
    else:
        zero = 0.0
    if number != zero:
        raise RefusalError(f"it pads with {number:g}: only zero (here {zero:g}) is supported")
    axes = call.optional_constant(3, "axes")
    pads = _along_axes(call, source, call.constant(1, "pads"), axes)
    own = source.pads
    padded = replace(
        source,
        pads=Padding(
            own.top + pads.top,
            own.left + pads.left,
            own.bottom + pads.bottom,
            own.right + pads.right,
        ),
    )
    return padded if isinstance(value, Quantized) else Dequantized(padded)


def _along_axes(
    call: Call, source: Quantized, pads: np.ndarray, axes: np.ndarray | None
) -> Padding:
    """ONNX's begin and end pads per dimension -> those of the map. Raises RefusalError."""
    rank = len(source.layout)
    where = range(rank) if axes is None else [int(axis) % rank for axis in axes]
    begins, ends = np.split(pads, 2)
    found: dict[str, tuple[int, int]] = {}
    for dimension, begin, end in zip(where, begins.tolist(), ends.tolist(), strict=True):
        if begin == end == 0:
            continue
        if begin < 0 or end < 0:
            raise RefusalError(f"negative pads {pads.tolist()}")
        names = [axis.name for axis in source.layout[dimension]]
        if names == ["c"] and rank == 4:  # perhaps an input that is NHWC
            call.builder.expect(source, ("n", "h", "w", "c"), "a Pad")
        if names not in (["h"], ["w"]):
            raise RefusalError(
                f"it pads dimension {dimension}: only rows and columns can be padded"
            )
        found[names[0]] = (begin, end)
    (top, bottom), (left, right) = found.get("h", (0, 0)), found.get("w", (0, 0))
    return Padding(top, left, bottom, right)
