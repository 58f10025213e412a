"""Q.onnx -> A.onnx: the same network with weight scales that other kernels can be exact for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from patchc.align.file import Place, Scales, shared
from patchc.align.nudge import Layer, has_multiplier, nudge, nudge_one
from patchc.align.result import Aligned, LayerAligned
from patchc.frontend import import_model
from patchc.frontend.load import Shapes, load
from patchc.ir import Conv, Graph
from patchc.numerics.fold import INT32_MAX
from patchc.numerics.forms import HIGH, has_line
from patchc.passes import run_passes

MOST_OF_A_BIAS = 1e-3  # relative change

# In the file's metadata: its channels have been given lines where they could be.
KEY, VALUE = "patchc.aligned", "single rounding"

# Operators with a requantisation of another kind.
REQUANTISING = ("Add", "Sub", "Mul", "AveragePool", "GlobalAveragePool", "Softmax")


def align_model(
    source: Path | str | onnx.ModelProto,
    input_shapes: Shapes | None = None,
    per_channel: bool = True,
) -> Aligned:
    """per_channel: a scale that a layer's channels share may become one for each of them, where no
    other helps. Raises PatchcError where the model cannot be imported."""
    loaded = load(source, input_shapes)
    model = loaded.literal or loaded.model
    imported = import_model(source, input_shapes)
    before = run_passes(imported.graph)
    layers = _layers(before)
    is_aligned = any(item.key == KEY for item in model.metadata_props)
    scales = Scales(model)
    places = {name: place for name, place in scales.places().items() if name in layers}
    settled = {name: _settle(scales, place, layers[name]) for name, place in places.items()}
    for users in shared(places).values():
        own = [settled[user.node] for user in users]
        _nudge_scale(scales, users, own, not is_aligned, per_channel)
    if not is_aligned:
        model.metadata_props.add(key=KEY, value=VALUE)
    after = run_passes(import_model(model, input_shapes).graph)
    return Aligned(
        model,
        imported,
        before,
        after,
        were=_compared(layers, layers, places),
        layers=_compared(layers, _layers(after), places),
        others=tuple(sorted({n.op.kind for n in after.nodes if n.op.kind in REQUANTISING})),
    )


def _layers(graph: Graph) -> dict[str, Layer]:
    """Node -> convolution or dense layer."""
    return {
        node.name: Layer(
            node.name, node.op, graph.tensors[node.inputs[0]], graph.tensors[node.output]
        )
        for node in graph.nodes
        if isinstance(node.op, Conv)
    }


def _settle(scales: Scales, place: Place, layer: Layer) -> Layer:
    """The layer with a bias that no sum makes leave int32, where that takes a small change:
    quantisers clip the biases of channels whose weights are next to nothing."""
    if place.float_bias:
        return replace(layer, float_bias=scales.values(place.float_bias).reshape(-1))
    channels = layer.channels
    below = np.maximum(-INT32_MAX - (channels.low + channels.bias), 0)
    above = np.maximum(channels.high + channels.bias - INT32_MAX, 0)
    change = below - above
    small = np.abs(change) <= MOST_OF_A_BIAS * np.abs(layer.op.bias.astype(np.int64))
    change = np.where(small & (below * above == 0), change, 0)
    if not place.bias or not change.any() or scales.is_shared(place.bias):
        return layer
    if scales.values(place.bias).size != len(change):
        return layer
    bias = (layer.op.bias.astype(np.int64) + change).astype(np.int32)
    scales.set(place.bias, bias)
    return replace(layer, op=replace(layer.op, bias=bias))


def _nudge_scale(
    scales: Scales,
    users: Sequence[Place],
    layers: Sequence[Layer],
    lines: bool,
    per_channel: bool,
) -> None:
    values = scales.values(users[0].scale).reshape(-1).astype(np.float32)
    channels = {len(layer.op.weight_scales) for layer in layers}
    if values.size == 1 and channels != {1}:
        one = nudge_one(layers, values[0], lines)
        if one is not None:
            _write(scales, users, layers, np.array([one], np.float32))
            return
        axes = {user.axis for user in users}
        reads = {user.scale_read for user in users}
        if not per_channel or len(channels) > 1 or len(axes) > 1:
            return
        if not scales.can_have_one_per_channel(reads):
            return
        found = nudge(layers, np.repeat(values, channels.pop()), lines)
        _write(scales, users, layers, found)
    elif channels == {values.size}:
        _write(scales, users, layers, nudge(layers, values, lines))


def _write(
    scales: Scales, users: Sequence[Place], layers: Sequence[Layer], values: NDArray[np.float32]
) -> None:
    """The new scales, and those of biases, which are the products of input and weight scales."""
    old = scales.values(users[0].scale).reshape(-1)
    if old.size == values.size and np.array_equal(old, values):
        return
    reads = {user.scale_read for user in users}
    scales.set_scale(users[0].scale, reads, values, users[0].axis)
    written = set()
    for user, layer in zip(users, layers, strict=True):
        if user.bias_read is not None and user.bias_read not in written:
            product = np.float32(layer.x.quant.scale) * values
            scales.set_scale(user.bias_scale, {user.bias_read}, product, axis=0)
            written.add(user.bias_read)


def _compared(
    before: Mapping[str, Layer], after: Mapping[str, Layer], places: Mapping[str, Place]
) -> tuple[LayerAligned, ...]:
    found = []
    for name, layer in after.items():
        was, channels = before[name].op, layer.channels
        change = np.abs(layer.op.weight_scales / was.weight_scales.astype(np.float64) - 1)
        bias = np.abs(layer.op.bias.astype(np.int64) - was.bias)
        proved = has_multiplier(channels, name)
        found.append(
            LayerAligned(
                node=name,
                channels=len(channels),
                moved=int((change > 0).sum()),
                largest=float(change.max()),
                biased=int((bias > 0).sum()),
                bias_steps=float((bias * channels.factors.astype(np.float64)).max()),
                lines=int((proved & has_line(channels, HIGH, name)).sum()),
                unproved=tuple(np.flatnonzero(~proved).tolist()),
                is_constant=name in places,
            )
        )
    return tuple(found)
