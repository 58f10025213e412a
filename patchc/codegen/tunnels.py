"""Tunnels as typed C: a function per step, which computes one piece, and one with the loops."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from patchc.codegen.calls import callback, passed
from patchc.codegen.constants import ParamStruct, constants_group
from patchc.codegen.describe import call_comment, step_comment, tunnel_comment
from patchc.codegen.operands import array_lines, input_arguments, input_names
from patchc.codegen.program import ARENA, FileScope, Program, shifted
from patchc.codegen.tables import ColumnTable, Tables
from patchc.ir import (
    RESIZES,
    Conv,
    DepthToSpace,
    Enlargement,
    MatMul,
    Node,
    Permute,
    needs_whole,
)
from patchc.kernels.kernel import Slicing
from patchc.schedule.types import (
    Accumulate,
    Block,
    Call,
    Compute,
    Finish,
    KernelCall,
    Load,
    Move,
    Step,
    Store,
)

# In the functions that compute a piece: a pointer to its patch, and padding of nothing.
_PIECE = "at"
NO_PADS = "&none"
# The patch of a map of one pixel.
PIXEL = "&pixel"


@dataclass(frozen=True, slots=True)
class Made:
    """`const ctype name = function(items)`, in C."""

    ctype: str
    name: str
    function: str
    given: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PieceCall:
    """A kernel on a piece, or the callback."""

    comment: str
    function: str
    views: tuple[Made, ...]
    sliced: frozenset[str]  # names of the views that hold the current round's channels only
    constants: Made | None  # those of the current round's channels, where rounds differ in them
    arguments: tuple[str, ...]
    array: tuple[str, ...] = ()  # lines that make one array of the inputs, for kernels that take it
    is_callback: bool = False  # of the caller: it fetches a row, or is handed one
    placed: bool = False  # `out` begins at the current round's first channel, and has all


@dataclass(frozen=True, slots=True)
class StepFunction:
    """Computes one piece of a step."""

    name: str
    table: str  # the patchc_step
    comment: str
    params: tuple[ParamStruct, ...]  # those that hold pointers known at run time only
    makes: tuple[Made, ...]  # what the calls share: reaches and sums
    calls: tuple[PieceCall, ...]  # once per round
    finish: tuple[PieceCall, ...]
    channels: int  # of the inner tensors, `group` of them a round; 0: there are no rounds
    group: int
    takes_inputs: bool
    stores: bool  # it hands an output over

    @property
    def takes_weights(self) -> bool:
        return bool(self.params)

    @property
    def can_fail(self) -> bool:
        return any(call.is_callback for call in self.calls)

    @property
    def passed(self) -> tuple[str, ...]:
        return passed(self.takes_inputs, self.stores)

    @property
    def needs_pixel(self) -> bool:
        """Is there a map of one pixel that meets every pixel of the piece?"""
        views = (view for call in (*self.calls, *self.finish) for view in call.views)
        return any(PIXEL in view.given for view in views)

    @property
    def needs_patch(self) -> bool:
        """Is there a call that is told which pixels?"""
        calls = (*self.calls, *self.finish)
        return any(call.views or call.is_callback for call in calls) or bool(self.makes)

    @property
    def needs_no_pads(self) -> bool:
        """Is there a kernel that takes pads and has none here?"""
        return any(NO_PADS in call.arguments for call in (*self.calls, *self.finish))

    @property
    def key(self) -> str:
        """Equal where two functions would compute the same: names of their own variables, their own
        name, table and comments apart."""
        calls, finish = (
            tuple(replace(call, comment="") for call in some) for some in (self.calls, self.finish)
        )
        plain = replace(self, name="", table="", comment="", calls=calls, finish=finish)
        text = repr(plain)
        for index, made in enumerate(self.makes):
            text = re.sub(rf"\b{made.name}\b", f"made_{index}", text)
        return text


@dataclass(frozen=True, slots=True)
class Shared:
    """The functions that are written: what computes the same is written once."""

    steps: dict[str, StepFunction]  # by key
    tunnels: dict[str, str]  # what a tunnel's function does -> its name


@dataclass(frozen=True, slots=True)
class TunnelFunction:
    """The loops of a tunnel."""

    name: str
    number: int  # of the block
    comment: str
    tables: tuple[ColumnTable | ParamStruct, ...]  # that no tunnel before has
    steps: tuple[StepFunction, ...]
    new_steps: tuple[StepFunction, ...]  # likewise
    is_new: bool  # whether the function itself is not that of a tunnel before
    sums: tuple[Made, ...]  # zero when the tunnel begins
    stripes: int
    ticks: int

    @property
    def is_tunnel(self) -> bool:
        return True

    @property
    def takes_inputs(self) -> bool:
        return any(step.takes_inputs for step in self.steps)

    @property
    def passed(self) -> tuple[str, ...]:
        return passed(self.takes_inputs, any(step.stores for step in self.steps))

    @property
    def can_fail(self) -> bool:
        return any(step.can_fail for step in self.steps)


def tunnel(
    program: Program,
    block: Block,
    index: int,
    numbers: Mapping[str, int],
    scope: FileScope,
    tables: Tables,
    shared: Shared,
) -> TunnelFunction:
    """`numbers`: of tensors, for the comments. What equals a function that is `shared` is that."""
    steps, new = [], []
    for step in block.steps:
        made = _StepMaker(program, step, numbers, scope, tables).function(block)
        known = shared.steps.setdefault(made.key, made)
        if known is made:
            last = step.all_calls[-1]
            word = "move" if isinstance(last, Move) else "compute"
            stem = f"{scope.stem(last.tensor)}{_second_function(last)}"
            known = replace(made, name=scope.name(word, stem))
            shared.steps[made.key] = known
            new.append(known)
        steps.append(replace(known, table=made.table))
    added = [c.tensor for step in block.steps for c in step.calls if isinstance(c, Accumulate)]
    means = [tensor for tensor in added if not program.schedule.sums[tensor].per_piece]
    sums = tuple(_sums(program, tensor, "1", new=True) for tensor in means)
    names = tuple((step.name, step.table) for step in steps)
    key = repr((names, sums, block.stripes, block.ticks))
    is_new = key not in shared.tunnels
    if is_new:
        shared.tunnels[key] = scope.block("tunnel", index, block.name)
    return TunnelFunction(
        name=shared.tunnels[key],
        number=index,
        comment=tunnel_comment(block, index),
        tables=tables.take(),
        steps=tuple(steps),
        new_steps=tuple(new),
        is_new=is_new,
        sums=sums,
        stripes=block.stripes,
        ticks=block.ticks,
    )


def _sums(program: Program, tensor: str, pixels: str, new: bool) -> Made:
    place = shifted("arena", program.sums_offset(tensor))
    channels = str(program.schedule.sums[tensor].channels)
    make = "patchc_new_sums" if new else "patchc_sums_at"
    return Made("patchc_sums", "sums", make, (place, pixels, channels))


# What reads, at the end of a round, the channels that it has made.
_FROM_ROUNDS = (Slicing.INPUTS, Slicing.PLACED)


class _StepMaker:
    """Makes the function of one step."""

    def __init__(
        self,
        program: Program,
        step: Step,
        numbers: Mapping[str, int],
        scope: FileScope,
        tables: Tables,
    ) -> None:
        self.program, self.step, self.numbers = program, step, numbers
        self.scope, self.tables = scope, tables
        self.makes: list[Made] = []
        # tensor made here -> the patch computed of it; call -> the patch that it reads, and pads
        self.made: dict[str, str] = {step.all_calls[-1].tensor: _PIECE}
        self.reads: dict[Call, tuple[str, str]] = {}
        # Tensors of which a round makes only some channels.
        self.sliced = {
            call.tensor
            for call in step.calls
            if isinstance(call, Compute) and call.slicing not in (Slicing.ALL, Slicing.PLACED)
        }

    def function(self, block: Block) -> StepFunction:
        self._reach_back()
        self._find_sums()
        last = self.step.all_calls[-1]
        local = {p.name: p for p in map(self._params, self.step.all_calls) if p and p.local}
        stem = f"{self.scope.stem(last.tensor)}{_second_function(last)}"
        return StepFunction(
            name="",
            table=self.tables.step(block, self.step, stem),
            comment=step_comment(self.program.schedule, self.step),
            params=tuple(local.values()),
            makes=tuple(self.makes),
            calls=tuple(self._call(call) for call in self.step.calls),
            finish=tuple(self._call(call) for call in self.step.finish),
            channels=self._inner_channels(),
            group=self.step.group,
            takes_inputs=bool(local) or isinstance(last, Load) or self._reads_extern(),
            stores=isinstance(last, Store),
        )

    def _inner_channels(self) -> int:
        """Of the tensor that the projection of a grouped step reads, or its last table; 0 in other
        steps."""
        for call in self.step.calls:
            if isinstance(call, Accumulate | Compute) and call.slicing in _FROM_ROUNDS:
                return self.program.schedule.graph.tensors[call.reads[0]].shape[2]
        return 0

    def _reads_extern(self) -> bool:
        stored = self.program.schedule.storages
        reads = [name for call in self.step.all_calls for name in call.reads if name in stored]
        return any(self.program.base(name) != ARENA for name in reads)

    def _params(self, call: Call) -> ParamStruct | None:
        """A call's constants: packed in groups where the call runs in rounds."""
        if not isinstance(call, KernelCall) or call.kernel.pack is None:
            return None
        return self.program.constants_of(call, constants_group(self.step, call)).params

    # -- patches -----------------------------------------------------------------------------

    def _reach_back(self) -> None:
        """From the piece back through the windows: the patch of every tensor."""
        for call in reversed(self.step.all_calls):
            if not isinstance(call, Compute | Accumulate):
                continue
            node = self.program.node(call)
            patch, pads = self.made[call.tensor], NO_PADS
            pointwise = isinstance(node.op, Conv) and node.op.is_pointwise
            params = self._params(call)
            name = f"reach_{self.scope.stem(node.output)}"
            made: tuple[str, tuple[str, ...]] | None = None
            if isinstance(node.op, Enlargement):
                assert params is not None
                factors = ".up" if isinstance(node.op, DepthToSpace) else ""
                made = "patchc_reach_up", (patch, f"&{params.name}{factors}")
            elif isinstance(node.op, Permute):
                made = "patchc_reach_whole", (patch, f"&{self.tables.frame(node)}")
            elif isinstance(node.op, RESIZES):
                assert params is not None
                lines = (f"&{params.name}.rows", f"&{params.name}.cols")
                made = "patchc_reach_resize", (patch, *lines)
            elif getattr(node.op, "window", None) is not None and not pointwise:
                assert params is not None
                frame = self.tables.frame(node)
                made = "patchc_reach_of", (patch, f"&{params.name}.window", f"&{frame}")
            if made:
                self.makes.append(Made("patchc_reach", name, *made))
                patch, pads = f"&{name}.patch", f"&{name}.pads"
            self.reads[call] = patch, pads
            if isinstance(node.op, MatMul):
                self.makes.append(self._matrices(node, patch))
            for tensor in call.reads:
                self.made.setdefault(tensor, patch)

    def _matrices(self, node: Node, patch: str) -> Made:
        """The rows of a product's second operand that are matrices of a patch of its output."""
        height, width, _ = self.program.schedule.graph.tensors[node.inputs[1]].shape
        name = f"matrices_{self.scope.stem(node.output)}"
        return Made("patchc_patch", name, "patchc_all_columns", (patch, str(height), str(width)))

    def _find_sums(self) -> None:
        for call in self.step.calls:
            if not isinstance(call, Accumulate | Finish):
                continue
            if self.program.schedule.sums[call.tensor].per_piece:
                pixels = f"patchc_pixels({self.made[call.tensor]})"
                self.makes.append(_sums(self.program, call.tensor, pixels, new=True))
            else:
                self.makes.append(_sums(self.program, call.tensor, "1", new=False))

    # -- channel groups ----------------------------------------------------------------------

    def _slice(self, call: KernelCall, params: ParamStruct) -> Made | None:
        """The round's constants, where they differ from round to round."""
        op = self.program.node(call).op
        slicing = Slicing.ALL if isinstance(call, Finish) else call.slicing
        if slicing is Slicing.ALL or not isinstance(op, Conv):
            return None
        function, size = call.kernel.part(op, slicing)
        return Made(params.ctype, "params", function, (f"&{params.name}", "k", str(size)))

    # -- calls -------------------------------------------------------------------------------

    def _call(self, call: Call) -> PieceCall:
        comment = call_comment(self.program.schedule.graph, call, self.numbers[call.tensor])
        if isinstance(call, Move):
            ring = f"&{self.tables.storage(call.tensor)}"
            where = (ARENA, ring, "piece")
            return PieceCall(comment, "patchc_slide", (), frozenset(), None, where)
        if isinstance(call, Load | Store):
            view = self._view("out" if isinstance(call, Load) else "in", call.tensor, _PIECE)
            function, caller = callback(self.program, call)
            at = call if isinstance(call, Load) else Load(call.tensor)
            row, col = shifted(f"{_PIECE}->r0", at.row), shifted(f"{_PIECE}->c0", at.col)
            given = (caller, f"&{view.name}", row, col)
            return PieceCall(comment, function, (view,), frozenset(), None, given, is_callback=True)
        views = []
        patch, pads = self.reads.get(call, (_PIECE, NO_PADS))
        names: tuple[str, ...] = ()
        array: tuple[str, ...] = ()
        if not isinstance(call, Finish):
            names = input_names(call)
            array = array_lines(call, names)
            for name, tensor in zip(names, call.reads, strict=True):
                views.append(self._view(name, tensor, self._part(call, tensor, patch)))
        if not isinstance(call, Accumulate):
            views.append(self._view("out", call.tensor, self.made[call.tensor]))
        params = self._params(call)
        constants = self._slice(call, params) if params else None
        named = constants or params
        return PieceCall(
            comment=comment,
            function=call.kernel.function,
            views=tuple(views),
            sliced=self._sliced_views(call, names),
            placed=isinstance(call, Compute) and call.slicing is Slicing.PLACED,
            constants=constants,
            arguments=(
                *_arguments(call, names, pads),
                *self.program.working(call),
                *((f"&{named.name}",) if named else ()),
            ),
            array=array,
        )

    def _sliced_views(self, call: KernelCall, names: Sequence[str]) -> frozenset[str]:
        tensors = {**dict(zip(names, call.reads, strict=False)), "out": call.tensor}
        return frozenset(name for name, tensor in tensors.items() if tensor in self.sliced)

    def _part(self, call: KernelCall, tensor: str, patch: str) -> str:
        """The patch of an operand: its only pixel where that is broadcast."""
        node = self.program.node(call)
        if isinstance(node.op, Permute):
            return patch
        if isinstance(node.op, MatMul):
            matrices = f"&matrices_{self.scope.stem(node.output)}"
            return patch if tensor == node.inputs[0] else matrices
        return PIXEL if needs_whole(self.program.schedule.graph, node, tensor) else patch

    def _view(self, name: str, tensor: str, patch: str) -> Made:
        way = "out" if name == "out" else "in"
        where = (self.program.base(tensor), f"&{self.tables.storage(tensor)}")
        if self.program.slides(tensor):
            return Made(f"patchc_{way}", name, f"patchc_{way}_sliding", (*where, "piece", patch))
        return Made(f"patchc_{way}", name, f"patchc_{way}_view", (*where, "piece->stripe", patch))


def _second_function(last: Call) -> str:
    """What is added to a tensor's name where a second function has to do with it."""
    if isinstance(last, Accumulate):
        return "_sums"
    return "_rows" if isinstance(last, Store) else ""


def _arguments(call: KernelCall, names: Sequence[str], pads: str) -> tuple[str, ...]:
    """In the order that kernels take them: what is written, what is read, pads. Behind these come
    the memory that a kernel works in, and its constants."""
    if isinstance(call, Accumulate):
        return "&sums", "&in"
    if isinstance(call, Finish):
        return "&out", "&sums"
    return "&out", *input_arguments(call, names, pads)
