"""What is in a model: layers, bytes, multiply-accumulates, what is not supported and why."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from patchc.frontend import Unsupported
from patchc.ir import Conv, ConvSums, Graph, Node, macs
from patchc.report.words import shorten


@dataclass(frozen=True, slots=True)
class InspectedLayer:
    """One node of the Graph, after all passes."""

    node: str
    op: str
    shape: tuple[int, int, int]  # of its output: height, width, channels
    bytes: int  # of its output
    weights: int  # parameters of a convolution or dense layer, biases excepted
    macs: int


@dataclass(frozen=True, slots=True)
class Rest:
    """What is left of a model when what is not supported, and what follows, is left to the host."""

    cut: tuple[str, ...]  # what to name with --cut
    layers: int
    macs: int
    weights: int
    layerwise_bytes: int

    def __str__(self) -> str:
        one = self.layers == 1
        return (
            f"--cut {','.join(self.cut)} leaves {self.layers:,} layer{'' if one else 's'} with "
            f"{self.macs:,} MACs and {self.weights:,} weights, which need{'s' if one else ''} "
            f"{self.layerwise_bytes:,} B layer by layer"
        )


@dataclass(frozen=True, slots=True)
class Inspection:
    """A model as patchc sees it. With `unsupported` operators there are no layers."""

    model: str  # file name
    unsupported: tuple[Unsupported, ...]
    inputs: tuple[str, ...]  # "name float32 [1, 3, 96, 96]", as in the file
    outputs: tuple[str, ...]
    leading: tuple[str, ...]  # float operators that stay outside the C
    trailing: tuple[str, ...]
    layers: tuple[InspectedLayer, ...]
    macs: int
    weights: int
    layerwise_bytes: int  # the arena, layer by layer, image included
    notes: tuple[str, ...] = ()  # what to know of how the file was read
    rest: Rest | None = None  # of an unsupported one: what --cut would leave

    def __repr__(self) -> str:
        """On one line: the fields have the rest."""
        return (
            f"Inspection({self.model!r}, {len(self.layers)} layers, macs={self.macs}, "
            f"layerwise_bytes={self.layerwise_bytes}, {len(self.unsupported)} unsupported)"
        )

    def to_json(self) -> str:
        """All fields."""
        return json.dumps(asdict(self), indent=1) + "\n"


def inspect_layers(graph: Graph) -> tuple[InspectedLayer, ...]:
    """The layers in graph order."""
    return tuple(
        InspectedLayer(
            node=node.name,
            op=_operator(node),
            shape=graph.tensors[node.output].shape,
            bytes=graph.tensors[node.output].bytes,
            weights=int(node.op.weights.size) if isinstance(node.op, Conv | ConvSums) else 0,
            macs=macs(graph, node),
        )
        for node in graph.nodes
    )


def _operator(node: Node) -> str:
    if isinstance(node.op, Conv) and node.op.is_depthwise:
        return "Depthwise"
    return node.op.kind


def render_inspection(found: Inspection) -> RenderableType:
    """Tables for a terminal of 80 columns."""
    if found.unsupported:
        count = len(found.unsupported)
        verdict = "1 operator is" if count == 1 else f"{count} operators are"
        lines = [f"{found.model}: {verdict} not supported"]
        lines += [f"  {item}" for item in found.unsupported]
        lines += [str(found.rest)] if found.rest else []
        return Text("\n".join([*lines, *(f"note: {note}" for note in found.notes)]))
    table = Table(title=found.model, title_justify="left", box=None, pad_edge=False)
    for heading in ("node", "operator"):
        table.add_column(heading, no_wrap=True)
    for heading in ("output", "bytes", "weights", "MACs"):
        table.add_column(heading, justify="right", no_wrap=True)
    for layer in found.layers:
        table.add_row(
            shorten(layer.node, 20),
            layer.op.replace("GlobalAveragePool", "GlobalAvgPool"),
            "x".join(str(size) for size in layer.shape),
            f"{layer.bytes:,}",
            f"{layer.weights:,}" if layer.weights else "",
            f"{layer.macs:,}" if layer.macs else "",
        )
    lines = [f"input    {text}" for text in found.inputs]
    lines += [f"output   {text}" for text in found.outputs]
    for where, nodes in (("leading", found.leading), ("trailing", found.trailing)):
        lines += [f"{where:8} on the host, not in the C: {', '.join(nodes)}"] if nodes else []
    lines += [
        f"total    {found.macs:,} MACs, {found.weights:,} weights",
        f"arena    {found.layerwise_bytes:,} B layer by layer, the image in it",
        *(f"note     {note}" for note in found.notes),
    ]
    return Group(table, Text(), Text("\n".join(lines)))
