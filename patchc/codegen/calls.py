"""The program as typed C calls with named fields; the templates only lay them out.

A block becomes a function, and each rectangle that it computes a call: loops over stripes, ticks
and rows are written out flat.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from patchc.codegen.constants import NodeConstants, ParamStruct
from patchc.codegen.describe import step_comment
from patchc.codegen.names import Names
from patchc.codegen.ports import Port
from patchc.codegen.windows import Located, Rectangle, calls, locate, reach
from patchc.ir import Padding
from patchc.memory.placement import Placement
from patchc.targets.kernels import KERNELS
from patchc.tunnels.schedule import Block, BufferKind, Schedule, Step


@dataclass(frozen=True, slots=True)
class View:
    """A patchc_in or patchc_out."""

    name: str  # of the local variable
    ctype: str
    data: str  # a pointer expression
    pitch: int
    slots: int
    slot: int
    rows: int
    cols: int
    channels: int


@dataclass(frozen=True, slots=True)
class KernelCall:
    """A kernel on views: function(&out, &inputs..., [&pads,] &params)."""

    comment: str
    function: str
    out: View
    inputs: tuple[View, ...]
    pads: Padding | None  # None: the kernel takes none
    params: ParamStruct

    @property
    def is_load(self) -> bool:
        return False

    @property
    def arguments(self) -> str:
        names = [self.out.name, *(view.name for view in self.inputs)]
        names += ["pads"] if self.pads else []
        return ", ".join(f"&{name}" for name in (*names, self.params.name))

    @property
    def views(self) -> tuple[View, ...]:
        return (*self.inputs, self.out)


@dataclass(frozen=True, slots=True)
class LoadCall:
    """Rows of an input, fetched through its callback into a view."""

    comment: str
    field: str  # of the inputs struct
    out: View
    row: int
    col: int

    @property
    def is_load(self) -> bool:
        return True


Call = KernelCall | LoadCall


@dataclass(frozen=True, slots=True)
class BlockFunction:
    """A block's calls, and what the function needs beside the arena."""

    name: str
    calls: tuple[Call, ...]
    takes_inputs: bool  # the inputs struct: a callback, an extern image, the weights' base
    takes_weights: bool
    can_fail: bool  # a callback may return non-zero


@dataclass(frozen=True, slots=True)
class Program:
    """What calls are made from."""

    schedule: Schedule
    placement: Placement
    inputs: tuple[Port, ...]
    constants: Mapping[tuple[str, str], NodeConstants]  # by (node, kernel)


def block_functions(program: Program) -> tuple[BlockFunction, ...]:
    """One function per block that computes anything, in order."""
    names = Names()
    functions = []
    number = 0
    for index, block in enumerate(program.schedule.blocks):
        numbers = {step.name: number + i for i, step in enumerate(block.steps)}
        number += len(block.steps)
        found = tuple(_block_calls(program, block, numbers))
        if found:
            name = f"block_{index}_{names.identifier(block.name)}"
            functions.append(_function(program, block, name, found))
    return tuple(functions)


def _function(program: Program, block: Block, name: str, found: tuple[Call, ...]) -> BlockFunction:
    loads = any(isinstance(call, LoadCall) for call in found)
    weights = any(isinstance(call, KernelCall) and call.params.local for call in found)
    extern = any(_is_extern(program, tensor) for step in block.steps for tensor in step.reads)
    return BlockFunction(name, found, loads or weights or extern, weights, loads)


def _block_calls(program: Program, block: Block, numbers: Mapping[str, int]) -> Iterator[Call]:
    for stripe in range(block.stripes):
        for tick in range(block.ticks):
            for step in block.steps:
                comment = step_comment(program.schedule.graph, step, numbers[step.name])
                for rectangle in calls(step, stripe, tick):
                    yield _call(program, step, rectangle, stripe, comment)


def _call(program: Program, step: Step, part: Rectangle, stripe: int, comment: str) -> Call:
    schedule = program.schedule
    out = _view(
        program, "out", "patchc_out", step.writes, locate(schedule, step.writes, part, stripe)
    )
    if step.node is None:
        (field,) = (port.field for port in program.inputs if port.tensor == step.writes)
        return LoadCall(comment, field, out, part.rows.start, part.cols.start)
    reached = reach(schedule.graph, schedule.graph.node(step.node), part)
    names = ("in",) if len(step.reads) == 1 else ("a", "b")
    inputs = tuple(
        _view(program, name, "patchc_in", tensor, locate(schedule, tensor, reached.inside, stripe))
        for name, tensor in zip(names, step.reads, strict=True)
    )
    return KernelCall(
        comment=comment,
        function=KERNELS[step.kernel].function,
        out=out,
        inputs=inputs,
        pads=reached.pads if len(inputs) == 1 else None,
        params=program.constants[step.node, step.kernel].params,
    )


def _is_extern(program: Program, tensor: str) -> bool:
    buffer = program.schedule.storages[tensor].buffer
    return program.schedule.buffers[buffer].kind is BufferKind.EXTERN


def _view(program: Program, name: str, ctype: str, tensor: str, at: Located) -> View:
    if _is_extern(program, tensor):
        (base,) = (f"inputs->{p.field}" for p in program.inputs if p.tensor == tensor)
        offset = at.offset
    else:
        base, offset = "arena", program.placement.offsets[at.buffer] + at.offset
    return View(
        name=name,
        ctype=ctype,
        data=f"{base} + {offset}" if offset else base,
        pitch=at.pitch,
        slots=at.slots,
        slot=at.slot,
        rows=at.rows,
        cols=at.cols,
        channels=at.channels,
    )
