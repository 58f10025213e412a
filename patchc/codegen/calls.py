"""Whole blocks as typed C calls with named fields; the templates only lay them out.

A block that computes one map in one go becomes a function with a single call on constant views.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from patchc.codegen.constants import ParamStruct
from patchc.codegen.describe import call_comment
from patchc.codegen.operands import array_lines, input_arguments, input_names
from patchc.codegen.program import FileScope, Program, shifted
from patchc.codegen.windows import Rectangle, locate, reach
from patchc.geometry.span import Span
from patchc.ir import Padding
from patchc.schedule.types import Block, Call, Compute, Load, Store


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
    """A kernel on views: function(&out, inputs, &params)."""

    comment: str
    function: str
    out: View
    inputs: tuple[View, ...]
    pads: Padding | None  # None: the kernel takes none
    params: ParamStruct
    array: tuple[str, ...]  # lines that make one array of the inputs; none where they go one by one
    given: tuple[str, ...]  # what stands for the inputs and for scratch memory in the call

    @property
    def is_callback(self) -> bool:
        return False

    @property
    def arguments(self) -> str:
        return ", ".join((f"&{self.out.name}", *self.given, f"&{self.params.name}"))

    @property
    def views(self) -> tuple[View, ...]:
        return (*self.inputs, self.out)


@dataclass(frozen=True, slots=True)
class CallbackCall:
    """A whole input fetched into a view, or a whole output handed over from one."""

    comment: str
    function: str
    caller: str  # a pointer to the caller's callback
    view: View
    row: int = 0  # where it begins in what the caller has
    col: int = 0

    @property
    def is_callback(self) -> bool:
        return True

    @property
    def arguments(self) -> str:
        return f"{self.caller}, &{self.view.name}, {self.row}, {self.col}"


@dataclass(frozen=True, slots=True)
class BlockFunction:
    """A whole block."""

    name: str
    call: KernelCall | CallbackCall
    stores: bool  # it hands an output over
    is_new: bool = True  # no block before has the same function

    @property
    def key(self) -> str:
        """Equal where two functions would compute the same."""
        return repr((replace(self.call, comment=""), self.stores))

    @property
    def is_tunnel(self) -> bool:
        return False

    @property
    def can_fail(self) -> bool:
        """A callback may return non-zero."""
        return self.call.is_callback

    @property
    def takes_weights(self) -> bool:
        return isinstance(self.call, KernelCall) and self.call.params.local

    @property
    def takes_inputs(self) -> bool:
        """The inputs struct: a callback, an extern image, the weights' base."""
        extern = isinstance(self.call, KernelCall) and any(
            view.data.startswith("inputs->") for view in self.call.inputs
        )
        loads = self.call.is_callback and not self.stores
        return loads or self.takes_weights or extern

    @property
    def passed(self) -> tuple[str, ...]:
        """What NAME_run hands to it."""
        return passed(self.takes_inputs, self.stores)


def passed(inputs: bool, outputs: bool) -> tuple[str, ...]:
    """What a function that computes is given: always the arena."""
    return ("arena", *(("inputs",) if inputs else ()), *(("outputs",) if outputs else ()))


def declared(argument: str, name: str) -> str:
    """The declaration of what is passed, in C; `name`: the prefix of the network's types."""
    return "int8_t *arena" if argument == "arena" else f"const {name}_{argument} *{argument}"


def outermost(argument: str) -> str:
    """What NAME_run calls it."""
    return {"arena": "base", "inputs": "in", "outputs": "out"}[argument]


def is_whole(block: Block) -> bool:
    """Does the block compute one map in one go?"""
    if len(block.steps) != 1 or (block.stripes, block.ticks) != (1, 1):
        return False
    (step,) = block.steps
    pieces = -(-step.rows.at(0) // step.rows_per_call)
    return len(step.calls) == 1 and not step.finish and not step.tile and pieces == 1


def whole_block(
    program: Program, block: Block, index: int, numbers: Mapping[str, int], scope: FileScope
) -> BlockFunction:
    """`numbers`: of tensors, for the comments."""
    (step,) = block.steps
    (call,) = step.calls
    part = Rectangle(Span(0, step.rows.at(0)), step.cols[0])
    comment = call_comment(program.schedule.graph, call, numbers[call.tensor])
    name = scope.block("block", index, block.name)
    return BlockFunction(name, _call(program, call, part, comment), isinstance(call, Store))


def _call(program: Program, call: Call, part: Rectangle, comment: str) -> KernelCall | CallbackCall:
    graph = program.schedule.graph
    if isinstance(call, Store):
        source = _view(program, "in", "patchc_in", call.tensor, part)
        return CallbackCall(comment, *callback(program, call), source)
    out = _view(program, "out", "patchc_out", call.tensor, part)
    if isinstance(call, Load):
        return CallbackCall(comment, *callback(program, call), out, call.row, call.col)
    assert isinstance(call, Compute)  # sums are kept inside of tunnels only
    reached = [reach(graph, program.node(call), tensor, part) for tensor in call.reads]
    names = input_names(call)
    given = (*input_arguments(call, names, "&pads"), *program.working(call))
    inputs = tuple(
        _view(program, name, "patchc_in", tensor, found.inside)
        for name, tensor, found in zip(names, call.reads, reached, strict=True)
    )
    return KernelCall(
        comment=comment,
        function=call.kernel.function,
        out=out,
        inputs=inputs,
        pads=reached[0].pads if "&pads" in given else None,
        params=program.constants_of(call, group=0).params,
        array=array_lines(call, names),
        given=given,
    )


def callback(program: Program, call: Load | Store) -> tuple[str, str]:
    """Of a load or a store: the function of NAME.c that goes through the caller's callback, and a
    pointer to that."""
    if isinstance(call, Load):
        return "load_rows", f"&inputs->{program.field(call.image)}"
    return "store_rows", f"&outputs->{program.output_field(call.tensor)}"


def _view(program: Program, name: str, ctype: str, tensor: str, part: Rectangle) -> View:
    at = locate(program.schedule, tensor, part)
    return View(
        name=name,
        ctype=ctype,
        data=shifted(program.base(tensor), program.offset(tensor) + at.offset),
        pitch=at.pitch,
        slots=at.slots,
        slot=at.slot,
        rows=at.rows,
        cols=at.cols,
        channels=at.channels,
    )
