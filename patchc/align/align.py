"""Q.onnx -> A.onnx: the same network with weight scales that other kernels can be exact for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from patchc.align.file import Place, Scales, shared
from patchc.align.nudge import Layer, has_both, has_multiplier, nudge, nudge_one
from patchc.errors import PatchcError
from patchc.frontend import import_model
from patchc.frontend.load import Shapes, load
from patchc.ir import Conv, Graph
from patchc.numerics.fold import INT32_MAX
from patchc.passes import run_passes
from patchc.reference.graph import run_graph

MOST_OF_A_BIAS = 1e-3  # relative change

# In the file's metadata: its channels have been given lines where they could be.
KEY, VALUE = "patchc.aligned", "single rounding"


@dataclass(frozen=True, slots=True)
class LayerAligned:
    """What was done to one layer."""

    node: str
    channels: int
    moved: int  # whose scale changed
    largest: float  # relative change of a scale
    lines: int  # channels that have a line now
    unproved: tuple[int, ...]  # channels that CMSIS-NN cannot compute exactly


@dataclass(frozen=True, slots=True)
class Aligned:
    """An aligned model."""

    model: onnx.ModelProto
    before: Graph
    after: Graph
    layers: tuple[LayerAligned, ...]
    others: tuple[str, ...]  # kinds of operators that are not aligned

    @property
    def largest(self) -> float:
        """Relative change of a scale."""
        return max((layer.largest for layer in self.layers), default=0.0)

    def differing(self, cases: int = 4, seed: int = 1) -> float:
        """The share of the outputs' bytes that differ from those of the unaligned file, for random
        inputs."""
        rng = np.random.default_rng(seed)
        different = total = 0
        for _ in range(cases):
            feeds = {
                name: rng.integers(-128, 128, self.before.tensors[name].shape).astype(np.int8)
                for name in self.before.inputs
            }
            was, now = run_graph(self.before, feeds), run_graph(self.after, feeds)
            for name in self.before.outputs:
                different += int((was[name] != now[name]).sum())
                total += was[name].size
        return different / max(total, 1)

    def before_alignment(self) -> tuple[LayerAligned, ...]:
        """The layers as they were."""
        layers = _layers(self.before)
        return _compared(layers, layers)

    @property
    def unproved(self) -> tuple[LayerAligned, ...]:
        """Layers with channels that are not proved."""
        return tuple(layer for layer in self.layers if layer.unproved)


def align_model(
    source: Path | str | onnx.ModelProto, input_shapes: Shapes | None = None
) -> Aligned:
    """Raises PatchcError where the model cannot be imported."""
    loaded = load(source, input_shapes)
    model = loaded.model
    before = run_passes(import_model(model, input_shapes).graph)
    aligned = any(item.key == KEY for item in model.metadata_props)
    scales = Scales(model)
    layers = _layers(before)
    places = {name: place for name, place in scales.places().items() if name in layers}
    settled = {name: _settle(scales, place, layers[name]) for name, place in places.items()}
    for scale, users in shared(places).items():
        _nudge_scale(scales, scale, users, [settled[user.node] for user in users], not aligned)
    if not aligned:
        model.metadata_props.add(key=KEY, value=VALUE)
    after = run_passes(import_model(model, input_shapes).graph)
    return Aligned(model, before, after, _compared(layers, _layers(after)), _others(after))


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
    channels = layer.channels
    below = np.maximum(-INT32_MAX - (channels.low + channels.bias), 0)
    above = np.maximum(channels.high + channels.bias - INT32_MAX, 0)
    change = below - above
    small = np.abs(change) <= MOST_OF_A_BIAS * np.abs(layer.op.bias.astype(np.int64))
    if not place.bias or not (change != 0).any() or not (small & (below * above == 0)).all():
        return layer
    bias = (layer.op.bias.astype(np.int64) + change).astype(np.int32)
    if scales.values(place.bias).size != bias.size:
        return layer
    scales.set(place.bias, bias)
    return replace(layer, op=replace(layer.op, bias=bias))


def _nudge_scale(
    scales: Scales, scale: str, users: Sequence[Place], layers: Sequence[Layer], lines: bool
) -> None:
    values = scales.values(scale).reshape(-1).astype(np.float32)
    channels = {len(layer.op.weight_scales) for layer in layers}
    if values.size == 1 and channels != {1}:
        one = nudge_one(layers, values[0], lines)
        if one is not None:
            _write(scales, users, layers, np.array([one], np.float32))
            return
        axes = {user.axis for user in users}
        if len(channels) > 1 or len(axes) > 1 or not scales.can_have_one_per_channel(scale):
            return
        count = channels.pop()
        found = nudge(layers, np.repeat(values, count), lines)
        _write(scales, users, layers, found.scales)
        scales.give_axis(scale, axes.pop(), count)
    elif channels == {values.size}:
        _write(scales, users, layers, nudge(layers, values, lines).scales)


def _write(
    scales: Scales, users: Sequence[Place], layers: Sequence[Layer], values: NDArray[np.float32]
) -> None:
    """The new scales, and those of biases, which are the products of input and weight scales."""
    old = scales.values(users[0].scale).reshape(-1)
    if old.size == values.size and np.array_equal(old, values):
        return
    scales.set(users[0].scale, values)
    for user, layer in zip(users, layers, strict=True):
        if user.bias_scale:
            before = scales.values(user.bias_scale).size
            product = np.float32(layer.x.quant.scale) * values
            scales.set(user.bias_scale, product)
            if product.size > before:
                scales.give_axis(user.bias_scale, 0, product.size)


def _compared(before: dict[str, Layer], after: dict[str, Layer]) -> tuple[LayerAligned, ...]:
    found = []
    for name, layer in after.items():
        was = before[name].op.weight_scales.astype(np.float64)
        change = np.abs(layer.op.weight_scales / was - 1)
        channels = layer.channels
        exact = has_multiplier(channels, name)
        found.append(
            LayerAligned(
                node=name,
                channels=len(channels),
                moved=int((change > 0).sum()),
                largest=float(change.max()),
                lines=int(has_both(channels, name).sum()),
                unproved=tuple(np.flatnonzero(~exact).tolist()),
            )
        )
    return tuple(found)


def _others(graph: Graph) -> tuple[str, ...]:
    """Operators with a requantisation of another kind."""
    return tuple(sorted({n.op.kind for n in graph.nodes if n.op.kind in _REQUANTISING}))


_REQUANTISING = ("Add", "Sub", "Mul", "AveragePool", "GlobalAveragePool", "Softmax")


def refuse_unproved(aligned: Aligned, name: str) -> None:
    """Raises PatchcError, naming layers and channels, where something is not proved."""
    if not aligned.unproved:
        return
    first = aligned.unproved[0]
    shown = ", ".join(map(str, first.unproved[:8])) + (", ..." if len(first.unproved) > 8 else "")
    more = len(aligned.unproved) - 1
    raise PatchcError(
        f"{name}: node {first.node!r}: no weight scale within 1e-4 makes "
        f"channel{'s'[: len(first.unproved) != 1]} {shown} equal for CMSIS-NN"
        + (f", and so in {more} more layers" if more else "")
        + "; quantise again with weight scales per channel, e.g. patchc quantize"
    )
