"""The words of the emitted comments: what is computed, and the map of the arena."""

from __future__ import annotations

import textwrap
from functools import singledispatch

from patchc.codegen.layout import COLUMNS, cut
from patchc.codegen.names import comment_text
from patchc.ir import (
    AveragePool,
    Conv,
    ConvSums,
    DepthToSpace,
    Graph,
    Lut,
    MatMul,
    MaxPool,
    Op,
    Permute,
    Rearrange,
    ResizeLinear,
    ResizeNearest,
    Upsample,
    Window,
)
from patchc.ir.graph import Shape
from patchc.memory.placement import Placement
from patchc.schedule.types import (
    Accumulate,
    Block,
    BufferKind,
    Call,
    Finish,
    KernelCall,
    Load,
    Move,
    Schedule,
    Step,
    Store,
)

# Of the comment that opens a call, indented as deep as they come.
_ROOM = COLUMNS - len("        { /*  */")


def call_comment(graph: Graph, call: Call, number: int) -> str:
    """`7: features.3.conv.1  depthwise 3x3 s2, 56x56x144 -> 28x28x144`, cut to fit a line."""
    written = graph.tensors[call.tensor]
    if isinstance(call, Load):
        text = f"{number}: {call.tensor}  load, {_shape(written.shape)}"
    elif isinstance(call, Move):
        text = f"{number}: {call.tensor}  moved within its ring, {_shape(written.shape)}"
    elif isinstance(call, Store):
        text = f"{number}: {call.tensor}  handed over, {_shape(written.shape)}"
    else:
        node = graph.node(call.node)
        shapes = " + ".join(_shape(graph.tensors[name].shape) for name in node.inputs)
        text = f"{number}: {node.name}  {operator(node.op)}, {shapes} -> {_shape(written.shape)}"
        if isinstance(call, Finish):
            text = f"{number}: {node.name}  its sums as int8, {_shape(written.shape)}"
    return cut(comment_text(text), _ROOM)


def call_numbers(schedule: Schedule) -> dict[str, int]:
    """Tensor -> its number in the comments, in the order of the program."""
    found: dict[str, int] = {}
    for block in schedule.blocks:
        for step in block.steps:
            for call in step.all_calls:
                found.setdefault(call.tensor, len(found))
    return found


@singledispatch
def operator(op: Op) -> str:
    """The operator in a few words."""
    return {"GlobalAveragePool": "global average pool"}.get(op.kind, op.kind.lower())


@operator.register
def _(op: Conv) -> str:
    if op.is_depthwise:
        kind = "depthwise"
    else:
        kind = f"conv in {op.groups} groups" if op.groups > 1 else "conv"
    return f"{kind} {_window(op.window)}"


@operator.register
def _(op: ConvSums) -> str:
    return f"sums of conv {_window(op.window)}"


@operator.register
def _(op: MaxPool) -> str:
    return f"max pool {_window(op.window)}"


@operator.register
def _(op: AveragePool) -> str:
    return f"average pool {_window(op.window)}"


@operator.register
def _(op: Upsample) -> str:
    return f"upsample {op.factor[0]}x{op.factor[1]}"


@operator.register
def _(op: ResizeNearest) -> str:
    return "resize, nearest"


@operator.register
def _(op: ResizeLinear) -> str:
    return "resize, linear"


@operator.register
def _(op: DepthToSpace) -> str:
    return f"depth to space {op.factor[0]}x{op.factor[1]}"


@operator.register
def _(op: Rearrange) -> str:
    return "copy" if op.window.kernel == (1, 1) else f"copy of windows {_window(op.window)}"


@operator.register
def _(op: Permute) -> str:
    return "copy in another order"


@operator.register
def _(op: MatMul) -> str:
    return "product of matrices"


@operator.register
def _(op: Lut) -> str:
    return f"table {op.function}" + (" per channel" if op.per_channel else "")


def _window(window: Window) -> str:
    words = ["x".join(map(str, window.kernel))]
    for letter, pair in (("s", window.stride), ("d", window.dilation)):
        if pair != (1, 1):
            words.append(letter + (f"{pair[0]}" if pair[0] == pair[1] else f"{pair[0]}x{pair[1]}"))
    return " ".join(words)


def _shape(shape: Shape) -> str:
    return "x".join(map(str, shape))


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def tunnel_comment(block: Block, number: int) -> str:
    """What is computed together, in which order."""
    calls = (call for step in block.steps for call in step.calls)
    names = [call.node for call in calls if isinstance(call, KernelCall)]
    words = [f"Tunnel {number}: {names[0]} .. {names[-1]}, in {_count(block.ticks, 'tick')}"]
    if block.stripes > 1:
        words.append(f"for each of {block.stripes} stripes of columns")
    if block.reverse:
        words.append("from the last row to the first")
    return comment_text(", ".join(words) + ".")


def step_comment(schedule: Schedule, step: Step) -> str:
    """`conv6 (ring of 3 rows), conv5 (ring of 2 rows) -> add9 (map), 1 column at a time`"""
    calls = step.all_calls
    last, made = calls[-1], {call.tensor for call in calls}
    if isinstance(last, Load):
        sources = ["the callback"]
    elif len(calls) == 1 and isinstance(last, Finish):
        sources = [f"sums of {last.tensor}"]
    else:
        made = set() if isinstance(last, Store) else made
        read = dict.fromkeys(name for call in calls for name in call.reads if name not in made)
        sources = [_held(schedule, name) for name in read]
    target = "the callback" if isinstance(last, Store) else _held(schedule, last.tensor)
    if isinstance(last, Accumulate):
        target = f"sums of {last.tensor}"
    words = [f"{', '.join(sources)} -> {target}"]
    sizes = (step.rows_per_call, "row"), (step.tile, "column"), (step.group, "channel")
    pieces = [_count(size, word) for size, word in sizes if size and (size, word) != (1, "row")]
    if pieces:
        words.append(f"{' and '.join(pieces)} at a time")
    return comment_text(", ".join(words))


def _held(schedule: Schedule, tensor: str) -> str:
    """A tensor, and how much of it there is."""
    storage = schedule.storages[tensor]
    kind = schedule.buffers[storage.buffer].kind
    if kind is BufferKind.RING:
        word = "ring" if storage.slide is None else "sliding ring"
        return f"{tensor} ({word} of {_count(storage.slots, 'row')})"
    return f"{tensor} (map)"


def arena_map(schedule: Schedule, placement: Placement) -> list[str]:
    """A table of the arena, one line per buffer, by offset: what lies where, and how long."""
    contents: dict[str, list[str]] = {name: [] for name in schedule.buffers}
    for sums in schedule.sums.values():
        contents[sums.buffer].append(f"sums of {sums.tensor}")
    for storage in schedule.storages.values():
        contents[storage.buffer].append(storage.tensor)
    lines = [f"{'offset':>9} {'bytes':>9}  {'kind':<11}  {'blocks':<9}  tensors"]
    placed = [(offset, schedule.buffers[name]) for name, offset in placement.offsets.items()]
    for offset, buffer in sorted(placed, key=lambda item: (item[0], item[1].first, item[1].name)):
        blocks = f"{buffer.first}..{buffer.last}"
        row = f"{offset:>9} {buffer.bytes:>9}  {buffer.kind.value:<11}  {blocks:<9}  "
        text = comment_text(", ".join(contents[buffer.name]) or buffer.name)
        lines += textwrap.wrap(
            text, COLUMNS - len(" * "), initial_indent=row, subsequent_indent=" " * len(row)
        )
    return lines
