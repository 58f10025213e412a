"""Resize to the nearest pixel, by whole factors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from patchc.frontend.axes import channels_first, channels_first_layout, dims
from patchc.frontend.builder import Result
from patchc.frontend.registry import Call, RefusalError, onnx_op
from patchc.frontend.values import Dequantized, Pending, Quantized, Value
from patchc.ir import Upsample, output_shape

# onnxruntime takes a fraction this near to one half for one half, where it rounds.
TIE = 1e-6


@onnx_op(
    "Resize",
    makes=(Upsample,),
    limits="modes other than nearest; factors that are not whole; axes",
)
def resize(call: Call) -> Value:
    """In a QDQ file, or directly on integers."""
    value = call.input(0)
    integers = isinstance(value, Quantized)
    source = call.readable(value) if isinstance(value, Quantized) else call.activation(0)
    mode = call.attribute("mode", "nearest")
    if mode != "nearest":
        raise RefusalError(f"mode {mode!r}: only nearest is supported")
    rank = len(source.layout)
    call.builder.expect(source, channels_first(rank), "a Resize")
    rows, cols = _factors(call, dims(source.layout))
    if rows == cols == 1:
        return source if integers else Dequantized(source)
    op = Upsample((rows, cols))
    tensor = call.builder.tensors[source.tensor]
    layout = channels_first_layout(output_shape(op, tensor.shape), rank)
    if not integers:
        return Pending(call.name, call.output, op, (source.tensor,), layout)
    result = Result(call.output, layout, tensor.quant, source.unsigned)
    return call.builder.emit(call.name, op, (source.tensor,), result)


def _factors(call: Call, sizes: Sequence[int]) -> tuple[int, int]:
    """Rows and columns per pixel. Raises RefusalError where these are no whole numbers."""
    targets, scales = _targets(call, sizes)
    if targets[:2] != list(sizes[:2]):
        raise RefusalError(f"it resizes {list(sizes)} to {targets}: only rows and columns can be")
    found = []
    for size, target, scale in zip(sizes[2:], targets[2:], scales[2:], strict=True):
        factor = target // size
        expected = np.arange(target) // max(factor, 1)
        if target % size or not np.array_equal(_nearest(call, size, target, scale), expected):
            raise RefusalError(
                f"it resizes {list(sizes)} to {targets}: only nearest pixels of whole factors are "
                "supported, where every pixel is repeated as often"
            )
        found.append(factor)
    return (found[0], found[1]) if len(found) == 2 else (1, found[0])


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


def _nearest(call: Call, size: int, target: int, scale: np.float32) -> np.ndarray:
    """The position that each output position takes, as onnxruntime finds it: int64 (target,)."""
    if scale == 1:
        return np.arange(target)
    at = np.arange(target, dtype=np.float32)
    coordinates = call.attribute("coordinate_transformation_mode", "half_pixel")
    half = np.float32(0.5)
    if coordinates in ("half_pixel", "pytorch_half_pixel"):
        where = (at + half) / scale - half
        if coordinates.startswith("pytorch") and target == 1:
            where = np.zeros(1, np.float32)
    elif coordinates == "asymmetric":
        where = at / scale
    elif coordinates == "align_corners":
        where = at * np.float32(size - 1) / np.float32(max(target - 1, 1))
    else:
        raise RefusalError(f"coordinate_transformation_mode {coordinates!r} is not supported")
    rounding = call.attribute("nearest_mode", "round_prefer_floor")
    floor = np.floor(where)
    tie = np.abs(where - floor - half) <= TIE
    up = where - floor > half
    if rounding == "round_prefer_floor":
        found = floor + np.where(tie, 0, up)
    elif rounding == "round_prefer_ceil":
        found = floor + np.where(tie, 1, up)
    else:
        found = floor if rounding == "floor" else np.ceil(where)
    return np.clip(found, 0, size - 1).astype(np.int64)
