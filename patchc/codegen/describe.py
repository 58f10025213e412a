"""The words of the emitted comments: what a step computes, and the map of the arena."""

from __future__ import annotations

from functools import singledispatch

from patchc.codegen.layout import COLUMNS, cut
from patchc.codegen.names import comment_text
from patchc.ir import AveragePool, Conv, Graph, Lut, MaxPool, Op, Window
from patchc.ir.graph import Shape
from patchc.memory.placement import Placement
from patchc.tunnels.schedule import Schedule, Step


def step_comment(graph: Graph, step: Step, number: int) -> str:
    """`7: features.3.conv.1  depthwise 3x3 s2, 56x56x144 -> 28x28x144`, cut to fit a line."""
    written = graph.tensors[step.writes]
    if step.node is None:
        text = f"{number}: {step.writes}  load, {_shape(written.shape)}"
    else:
        node = graph.node(step.node)
        shapes = " + ".join(_shape(graph.tensors[name].shape) for name in node.inputs)
        text = f"{number}: {node.name}  {operator(node.op)}, {shapes} -> {_shape(written.shape)}"
    return cut(comment_text(text), COLUMNS - len("    { /*  */"))


@singledispatch
def operator(op: Op) -> str:
    """The operator in a few words."""
    return {"Add": "add", "GlobalAveragePool": "global average pool"}.get(op.kind, op.kind)


@operator.register
def _(op: Conv) -> str:
    if op.is_depthwise:
        kind = "depthwise"
    else:
        kind = f"conv in {op.groups} groups" if op.groups > 1 else "conv"
    return f"{kind} {_window(op.window)}"


@operator.register
def _(op: MaxPool) -> str:
    return f"max pool {_window(op.window)}"


@operator.register
def _(op: AveragePool) -> str:
    return f"average pool {_window(op.window)}"


@operator.register
def _(op: Lut) -> str:
    return f"table {op.function}"


def _window(window: Window) -> str:
    words = ["x".join(map(str, window.kernel))]
    for letter, pair in (("s", window.stride), ("d", window.dilation)):
        if pair != (1, 1):
            words.append(letter + (f"{pair[0]}" if pair[0] == pair[1] else f"{pair[0]}x{pair[1]}"))
    return " ".join(words)


def _shape(shape: Shape) -> str:
    return "x".join(map(str, shape))


def arena_map(schedule: Schedule, placement: Placement) -> list[str]:
    """A table of the arena, one line per buffer, by offset: what lies where, and how long."""
    tensors: dict[str, list[str]] = {name: [] for name in schedule.buffers}
    for storage in schedule.storages.values():
        tensors[storage.buffer].append(storage.tensor)
    lines = [f"{'offset':>9} {'bytes':>9}  {'kind':<11}  {'blocks':<9}  tensors"]
    placed = [(offset, schedule.buffers[name]) for name, offset in placement.offsets.items()]
    for offset, buffer in sorted(placed, key=lambda item: (item[0], item[1].first, item[1].name)):
        blocks = f"{buffer.first}..{buffer.last}"
        row = f"{offset:>9} {buffer.bytes:>9}  {buffer.kind.value:<11}  {blocks:<9}  "
        text = row + comment_text(", ".join(tensors[buffer.name]) or buffer.name)
        lines.append(cut(text, COLUMNS - len(" * ")))
    return lines
