"""Resize: to the nearest pixel, of integers too; linear, in a QDQ file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from patchc.frontend.arrange import expected
from patchc.frontend.axes import channels_first, channels_first_layout, dims
from patchc.frontend.builder import Result
from patchc.frontend.call import Call
from patchc.frontend.refusal import RefusalError
from patchc.frontend.registry import onnx_op
from patchc.frontend.values import Dequantized, Pending, Quantized, Value
from patchc.ir import Op, ResizeLinear, ResizeNearest, Scaling, Upsample, output_shape
from patchc.ir.resize import COORDINATES, ROUNDINGS, nearest


@onnx_op(
    "Resize",
    makes=(Upsample, ResizeNearest, ResizeLinear),
    limits=(
        "mode cubic; linear on integers; coordinates other than half_pixel, pytorch_half_pixel, "
        "asymmetric, align_corners; antialias, axes, aspect ratio policies"
    ),
)
def resize(call: Call) -> Value:
    """In a QDQ file, or directly on integers."""
    value = call.input(0)
    integers = isinstance(value, Quantized)
    source = (
        call.readable(value, as_seen=True)
        if isinstance(value, Quantized)
        else call.activation(0, as_seen=True)
    )
    mode = call.attribute("mode", "nearest")
    if mode not in ("nearest", "linear"):
        raise RefusalError(f"mode {mode!r}: only nearest and linear are supported")
    if mode == "linear" and integers:
        raise RefusalError(
            "linear on integers, which onnxruntime rounds by its layout of the map: put it between "
            "DequantizeLinear and QuantizeLinear (patchc quantize does)"
        )
    rank = len(source.layout)
    source = expected(call.builder, source, channels_first(rank), "a Resize")
    axes = _scalings(call, dims(source.layout))
    if all(axis.size == axis.target and axis.scale == 1 for axis in axes):
        return source if integers else Dequantized(source)
    signal = len(axes) == 1
    if signal:
        axes = [Scaling(1, 1, 1.0, axes[0].coordinates, axes[0].rounding), *axes]
    op = _operator(mode, *axes, signal=signal)
    tensor = call.builder.tensors[source.tensor]
    layout = channels_first_layout(output_shape(op, tensor.shape), rank)
    if not integers:
        return Pending(call.name, call.output, op, (source.tensor,), layout)
    result = Result(call.output, layout, tensor.quant, source.unsigned)
    return call.builder.emit(call.name, op, (source.tensor,), result)


def _operator(mode: str, rows: Scaling, cols: Scaling, *, signal: bool) -> Op:
    """Nearest pixels that are every pixel as often are an Upsample, which needs no tables."""
    if mode == "linear":
        return ResizeLinear(rows, cols, signal)
    if all(_repeats(axis) for axis in (rows, cols)):
        return Upsample((rows.target // rows.size, cols.target // cols.size))
    return ResizeNearest(rows, cols)


def _repeats(axis: Scaling) -> bool:
    factor, rest = divmod(axis.target, axis.size)
    if rest:
        return False
    return np.array_equal(nearest(axis), np.arange(axis.target) // factor)


def _scalings(call: Call, sizes: Sequence[int]) -> list[Scaling]:
    """Of rows and columns, or of columns alone. Raises RefusalError."""
    targets, scales = _targets(call, sizes)
    if targets[:2] != list(sizes[:2]):
        raise RefusalError(f"it resizes {list(sizes)} to {targets}: only rows and columns can be")
    if min(targets) < 1:
        raise RefusalError(f"it resizes {list(sizes)} to {targets}: nothing is left of its input")
    coordinates = call.attribute("coordinate_transformation_mode", COORDINATES[0])
    if coordinates not in COORDINATES:
        raise RefusalError(f"coordinate_transformation_mode {coordinates!r} is not supported")
    if call.attribute("antialias", 0):
        raise RefusalError("antialias is not supported")
    rounding = call.attribute("nearest_mode", ROUNDINGS[0])
    return [
        Scaling(size, target, float(scale), coordinates, rounding)
        for size, target, scale in zip(sizes[2:], targets[2:], scales[2:], strict=True)
    ]


def _targets(call: Call, sizes: Sequence[int]) -> tuple[list[int], list[np.float32]]:
    """Size and scale per dimension."""
    if call.attribute("axes", None) not in (None, list(range(len(sizes)))):
        raise RefusalError("the attribute axes is not supported")
    if call.attribute("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise RefusalError("keep_aspect_ratio_policy: only stretch is supported")
    scales = call.optional_constant(2, "scales")
    if scales is not None and scales.size:
        given = [np.float32(scale) for scale in scales.reshape(-1)]
        targets = [int(np.float32(size) * s) for size, s in zip(sizes, given, strict=True)]
        return targets, given
    targets = [int(size) for size in call.constant(3, "sizes").reshape(-1)]
    return targets, [np.float32(t) / np.float32(s) for t, s in zip(targets, sizes, strict=True)]
