"""lower(graph, plan) -> Schedule: typed buffers, storages and the flat program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from patchc.choices import InputMode, OutputMode
from patchc.errors import PatchcError
from patchc.geometry.clocks import GeometryError, RowClock, all_rows
from patchc.geometry.columns import MAX_COLUMN
from patchc.geometry.rows import StepRows, TunnelRows, first_bytes, overlap_distance, tunnel_rows
from patchc.geometry.span import Span
from patchc.geometry.spans import column_shares, tunnel_cols
from patchc.geometry.step import comes_in_rows, is_mean, last_tensor, piece_tensor
from patchc.ir import Graph, Node
from patchc.ir.branches import is_crop
from patchc.kernels.kernel import Kernel, Order, Role
from patchc.kernels.registry import KERNELS, Registry
from patchc.plan.types import Plan, StepPlan, TunnelPlan, handed_over
from patchc.schedule.check import check_plan
from patchc.schedule.names import identifiers
from patchc.schedule.scratch import SCRATCH_ALIGN, SUM_BYTES, step_scratch
from patchc.schedule.sites import Placed, placed_kernels, places, projection
from patchc.schedule.types import (
    Accumulate,
    Block,
    Buffer,
    BufferKind,
    Call,
    Compute,
    Finish,
    Load,
    Move,
    Overlap,
    Schedule,
    Scratch,
    Slide,
    Step,
    Storage,
    Store,
    Sums,
)

CALLBACK = (InputMode.TILES, InputMode.STREAM)


def lower(graph: Graph, plan: Plan, registry: Registry = KERNELS) -> Schedule:
    """The program of a plan, whose kernels are looked up in `registry`.

    Raises PatchcError when `plan` (perhaps read from a file) does not fit `graph`."""
    check_plan(graph, plan)
    fetched = [
        graph.node(step.nodes[0]) for t in plan.tunnels for step in t.steps if step.is_fetched
    ]
    if not fetched:
        return _Lowering(graph, plan, registry).schedule()
    return _with_rectangles(graph, plan, fetched, registry)


def _with_rectangles(
    graph: Graph, plan: Plan, fetched: Sequence[Node], registry: Registry
) -> Schedule:
    """The rectangles that the callback brings are inputs of the graph while it is lowered."""
    for node in fetched:
        if plan.input_mode is not InputMode.TILES or node.inputs[0] not in graph.inputs:
            raise PatchcError(
                f"the plan fetches {node.name!r}: only of a callback's image, in tiles"
            )
        if not is_crop(node, graph):
            raise PatchcError(f"the plan fetches {node.name!r}, which is no rectangle of an image")
    rest = without_rectangles(graph, fetched)
    tunnels = (
        replace(tunnel, steps=tuple(step for step in tunnel.steps if not step.is_fetched))
        for tunnel in plan.tunnels
    )
    inner = replace(plan, tunnels=tuple(tunnel for tunnel in tunnels if tunnel.steps))
    schedule = _Lowering(rest, inner, registry).schedule()
    loads = {node.output: _rectangle(node) for node in fetched}
    blocks = []
    for block in schedule.blocks:
        steps = []
        for step in block.steps:
            calls = tuple(
                loads.get(call.tensor, call) if isinstance(call, Load) else call
                for call in step.calls
            )
            steps.append(replace(step, calls=calls))
        blocks.append(replace(block, steps=tuple(steps)))
    return replace(schedule, graph=graph, blocks=tuple(blocks))


def without_rectangles(graph: Graph, fetched: Sequence[Node]) -> Graph:
    """The graph with rectangles as inputs; images of which nothing else is read are none."""
    names = {node.name for node in fetched}
    nodes = tuple(node for node in graph.nodes if node.name not in names)
    read = {name for node in nodes for name in node.inputs} | set(graph.outputs)
    images = {node.inputs[0] for node in fetched}
    inputs = tuple(name for name in graph.inputs if name in read or name not in images)
    inputs += tuple(node.output for node in fetched)
    return replace(graph, inputs=inputs).with_nodes(nodes)


def _rectangle(node: Node) -> Load:
    pads = node.op.window.pads  # type: ignore[attr-defined]
    return Load(node.output, node.name, node.inputs[0], -pads.top, -pads.left)


class _Lowering:
    """Collects buffers, storages and blocks, tunnel by tunnel."""

    def __init__(self, graph: Graph, plan: Plan, registry: Registry) -> None:
        self.graph, self.plan, self.registry = graph, plan, registry
        nodes = [graph.node(name) for tunnel in plan.tunnels for name in tunnel.nodes]
        self.names = identifiers((*graph.inputs, *(node.output for node in nodes)))
        self.in_place = dict(plan.in_place)
        self.handed = handed_over(graph, plan.output_mode)
        self.buffers: dict[str, Buffer] = {}
        self.storages: dict[str, Storage] = {}
        self.sums: dict[str, Sums] = {}
        self.blocks: list[Block] = []
        self.overlaps: list[Overlap] = []
        self.tunnel_of = {
            name: index for index, tunnel in enumerate(plan.tunnels) for name in tunnel.nodes
        }
        # tensor -> tunnels that read it, ascending
        self.readers = {
            name: sorted({self.tunnel_of[node.name] for node in nodes})
            for name, nodes in graph.consumers.items()
        }

    def schedule(self) -> Schedule:
        loads = self._loads()
        for name in self.graph.inputs:
            if self.plan.input_mode not in CALLBACK:
                self._map(name)
        for index, tunnel in enumerate(self.plan.tunnels):
            loaded = []
            for name in self.graph.inputs:
                if loads.get(name) == (index, False):
                    loaded.append(name)
                elif loads.get(name) == (index, True):
                    self._load_block(name)
            if tunnel.whole:
                self._whole(tunnel)
            else:
                try:
                    self._stream(index, tunnel, tuple(loaded))
                except GeometryError as error:
                    raise PatchcError(
                        f"the plan streams {' + '.join(tunnel.nodes)}: {error}"
                    ) from None
        for name in self.graph.inputs:
            if name not in self.storages:  # nobody reads it
                self._load_block(name)
        for name in self.graph.outputs:
            if name not in self.handed:
                self._touch(name, len(self.blocks) - 1)
        return Schedule(
            self.graph,
            self.plan.input_mode,
            self.buffers,
            self.storages,
            self.sums,
            tuple(self.blocks),
            tuple(self.overlaps),
        )

    def _loads(self) -> dict[str, tuple[int, bool]]:
        """Image -> (tunnel that fetches it, does it fetch the whole map beforehand)."""
        if self.plan.input_mode not in CALLBACK:
            return {}
        found = {}
        for name in self.graph.inputs:
            readers = self.readers[name]
            if readers:
                alone = len(readers) == 1 and name not in self.graph.outputs
                streams = alone and not self.plan.tunnels[readers[0]].whole
                streams = streams and comes_in_rows(self.graph, name)
                found[name] = (readers[0], not streams)
        return found

    # -- buffers -----------------------------------------------------------------------------

    def _map(self, tensor: str, owner: str | None = None) -> None:
        """A storage that holds all of a tensor, in a buffer of its own or in its owner's."""
        graph, mode = self.graph, self.plan.input_mode
        height, width, channels = graph.tensors[tensor].shape
        name = self.names[tensor] if owner is None else self.storages[owner].buffer
        self.storages[tensor] = Storage(
            tensor, name, 0, height, width * channels, (Span(0, width),), width, channels
        )
        kind = BufferKind.MAP
        if tensor in graph.inputs and mode is InputMode.EXTERN:
            kind = BufferKind.EXTERN
        elif tensor in graph.outputs and tensor not in self.handed:
            kind = BufferKind.OUTPUT
        elif tensor in graph.inputs:
            kind = BufferKind.INPUT
        if owner is None:
            now = len(self.blocks)
            self.buffers[name] = Buffer(name, kind, graph.tensors[tensor].bytes, 1, now, now)
        elif kind is BufferKind.OUTPUT:
            self.buffers[name] = replace(self.buffers[name], kind=kind)

    def _touch(self, tensor: str, block: int) -> None:
        """The tensor's buffer is still needed in `block`."""
        buffer = self.buffers[self.storages[tensor].buffer]
        self.buffers[buffer.name] = replace(buffer, last=max(buffer.last, block))

    def _private(self, name: str, kind: BufferKind, size: int, align: int = 1) -> str:
        """A buffer that lives for the current block only."""
        now = len(self.blocks)
        self.buffers[name] = Buffer(name, kind, size, align, now, now)
        return name

    # -- whole maps --------------------------------------------------------------------------

    def _load_block(self, tensor: str) -> None:
        self._map(tensor)
        step = self._whole_step(f"load {tensor}", Load(tensor))
        self.blocks.append(Block(f"load_{self.names[tensor]}", 1, 1, (step,)))

    def _store_block(self, tensor: str) -> None:
        """Hand over a tensor that is there in full."""
        self._touch(tensor, len(self.blocks))
        step = self._whole_step(f"store {tensor}", Store(tensor))
        self.blocks.append(Block(f"store_{self.names[tensor]}", 1, 1, (step,)))

    def _whole(self, tunnel: TunnelPlan) -> None:
        node = self.graph.node(tunnel.nodes[0])
        (placed,) = placed_kernels(self.graph, tunnel.steps[0], self.registry, whole=True)
        operand = self.in_place.pop(node.output, None)
        if operand is not None:
            self._check_in_place(node, operand, placed.kernel)
        self._map(node.output, operand)
        now = len(self.blocks)
        for name in (*node.inputs, node.output):
            self._touch(name, now)
        width = self.graph.tensors[node.output].shape[1]
        size = int(placed.kernel.scratch(replace(placed.site, cols=width)))
        working = None
        if placed.kernel.takes_scratch:
            buffer = f"scratch_{self.names[node.output]}"
            self._private(buffer, BufferKind.SCRATCH, size, align=SCRATCH_ALIGN)
            working = Scratch(buffer, 0, size)
        call = Compute(
            placed.kernel, node.name, node.inputs, node.output, placed.site.slicing, working
        )
        step = self._whole_step(node.name, call)
        if tunnel.rows:
            step = replace(step, rows_per_call=tunnel.rows)
        self.blocks.append(Block(self.names[node.output], 1, 1, (step,)))
        if node.output in self.handed:
            self._store_block(node.output)

    def _whole_step(self, name: str, call: Call) -> Step:
        height, width, _ = self.graph.tensors[call.tensor].shape
        return Step(
            name=name,
            calls=(call,),
            finish=(),
            piece=call.tensor,
            rows=all_rows(height),
            rows_per_call=height,
            cols=(Span(0, width),),
            tile=0,
            group=0,
        )

    def _check_in_place(self, node: Node, operand: str, kernel: Kernel) -> None:
        graph = self.graph
        here = self.tunnel_of[node.name]
        if (
            operand not in node.inputs
            or kernel.order is not Order.ELEMENT
            or (operand in graph.inputs and self.plan.input_mode is InputMode.EXTERN)
            or operand in graph.outputs
            or self.readers[operand][-1] != here
            or graph.tensors[operand].shape != graph.tensors[node.output].shape
        ):
            raise PatchcError(f"the plan writes {node.output!r} over {operand!r}: not allowed")

    # -- streaming tunnels -------------------------------------------------------------------

    def _stream(self, index: int, tunnel: TunnelPlan, loaded: tuple[str, ...]) -> None:
        graph, now = self.graph, len(self.blocks)
        if loaded and self.plan.input_mode is InputMode.STREAM and tunnel.stripes != 1:
            raise GeometryError("an image that is streamed once cannot be cut into stripes")
        if loaded and tunnel.reverse:
            raise GeometryError("the image arrives from its first row on")
        if tunnel.stripes != 1 and any(is_mean(graph, step) for step in tunnel.steps):
            raise GeometryError("a mean is taken over all columns, not stripe by stripe")
        chosen = [placed_kernels(graph, step, self.registry) for step in tunnel.steps]
        rows = tunnel_rows(graph, tunnel, loaded, handed=self.handed)
        leaving = self._leaving(index, tunnel)
        if tunnel.reverse and self.handed & set(leaving):
            raise GeometryError("rows are handed over from the first one on")
        whole_rows = self.plan.output_mode is OutputMode.RASTER
        if whole_rows and tunnel.stripes != 1 and self.handed & set(leaving):
            raise GeometryError("outputs in raster order cannot be cut into stripes")
        outputs = tuple(
            name
            for name in leaving
            if name not in self.handed or any(t != index for t in self.readers[name])
        )
        cols = tunnel_cols(graph, tunnel, rows, leaving)
        if self.plan.input_mode is InputMode.STREAM:  # every pixel comes, also those nobody reads
            cols |= {name: (Span(0, graph.tensors[name].shape[1]),) for name in loaded}
        label = self.names[last_tensor(graph, tunnel.steps[-1])]
        for tensor in outputs:
            self._map(tensor)
        for tensor in rows.outer:
            self._touch(tensor, now)
        for tensor in rows.slots:
            if tensor not in outputs:
                self._ring(tensor, rows, cols[tensor])
        self._check_order(tunnel, chosen)
        steps: list[Step] = []
        for tensor in loaded:
            steps += self._move_step(tensor, rows, cols)
            steps.append(self._load_step(tensor, rows, cols[tensor]))
        scratch = [
            step_scratch(graph, step, placed, cols, self._aliases(step))
            for step, placed in zip(tunnel.steps, chosen, strict=True)
        ]
        size = max(piece.bytes for piece in scratch)
        if size:
            self._private(f"scratch_{label}", BufferKind.SCRATCH, size, align=SCRATCH_ALIGN)
        for step, piece, placed in zip(rows.steps, scratch, chosen, strict=True):
            for storage in piece.storages:
                self.storages[storage.tensor] = replace(storage, buffer=f"scratch_{label}")
            for sums in piece.sums:
                self.sums[sums.tensor] = replace(sums, buffer=f"scratch_{label}")
            working = {
                kernel: replace(part, buffer=f"scratch_{label}")
                for kernel, part in piece.working.items()
            }
            self._write_over(step.plan, placed)
            made = last_tensor(graph, step.plan)
            steps += self._move_step(made, rows, cols)
            steps.append(self._step(step, cols, placed, working))
            if made in self.handed:
                own = column_shares(graph, made, tunnel.stripes)
                steps.append(self._store_step(made, rows, own))
            if is_mean(graph, step.plan):
                steps.append(self._finish_mean(step.plan, placed[-1], rows, cols, working))
        for one in steps:
            _check_columns(one.piece, one.cols)
        for piece in scratch:
            for storage in piece.storages:
                if storage.cols != (Span(0, graph.tensors[storage.tensor].shape[1]),):
                    _check_columns(storage.tensor, storage.cols)
        self._overlap(tunnel, rows, outputs)
        self.blocks.append(Block(label, tunnel.stripes, rows.ticks, tuple(steps), tunnel.reverse))

    def _leaving(self, index: int, tunnel: TunnelPlan) -> tuple[str, ...]:
        """Tensors that leave the tunnel. Raises GeometryError when one has no storage."""
        last = [last_tensor(self.graph, step) for step in tunnel.steps]
        found = []
        for name in tunnel.nodes:
            tensor = self.graph.node(name).output
            leaves = tensor in self.graph.outputs or any(t != index for t in self.readers[tensor])
            if leaves and tensor not in last:
                raise GeometryError(f"{tensor} is read outside, but never exists as a whole row")
            if leaves:
                found.append(tensor)
        return tuple(found)

    def _ring(self, tensor: str, rows: TunnelRows, cols: tuple[Span, ...]) -> None:
        width = max(span.stop - span.start for span in cols)
        height, _, channels = self.graph.tensors[tensor].shape
        slots, pitch = rows.slots[tensor], width * channels
        buffer = self._private(self.names[tensor], BufferKind.RING, slots * pitch)
        every = max((reader.plan.slide for reader in rows.tensors[tensor].readers), default=0)
        slide = Slide(rows.clock(tensor), every, rows.reverse) if every and slots < height else None
        self.storages[tensor] = Storage(
            tensor, buffer, 0, slots, pitch, cols, width, channels, slide
        )

    def _check_order(self, tunnel: TunnelPlan, chosen: Sequence[Sequence[Placed]]) -> None:
        """Raises GeometryError where a kernel that reads its rows in order is given a ring that
        wraps."""
        for step, kernels in zip(tunnel.steps, chosen, strict=True):
            inner = {self.graph.node(name).output for name in step.nodes}
            for name, placed in zip(step.nodes, kernels, strict=True):
                if not placed.kernel.needs.contiguous:
                    continue
                for tensor in set(self.graph.node(name).inputs) - inner:
                    held = self.storages[tensor]
                    height = self.graph.tensors[tensor].shape[0]
                    if held.slots < height and held.slide is None:
                        raise GeometryError(
                            f"{placed.kernel.name} reads the rows of {tensor} in order, and they "
                            "are in a ring that wraps"
                        )

    def _move_step(
        self, tensor: str, rows: TunnelRows, cols: Mapping[str, tuple[Span, ...]]
    ) -> list[Step]:
        """Where a ring slides: the step that moves its rows before a tick's new ones come."""
        if tensor not in self.storages or self.storages[tensor].slide is None:
            return []
        clock = rows.clock(tensor)
        step = _callback_step(f"move {tensor}", Move(tensor), clock, cols[tensor])
        return [replace(step, rows_per_call=clock.limit)]

    def _load_step(self, tensor: str, rows: TunnelRows, cols: tuple[Span, ...]) -> Step:
        call = Load(tensor)
        return _callback_step(f"load {tensor}", call, rows.clock(tensor), cols)

    def _store_step(self, tensor: str, rows: TunnelRows, cols: tuple[Span, ...]) -> Step:
        """Hands over the rows that the step before it made in the same tick."""
        call = Store(tensor)
        return _callback_step(f"store {tensor}", call, rows.clock(tensor), cols)

    def _aliases(self, plan: StepPlan) -> frozenset[str]:
        """Inner tensors of a step that a later node of it writes over, in place."""
        outputs = [self.graph.node(name).output for name in plan.nodes]
        return frozenset(self.in_place[name] for name in outputs if name in self.in_place)

    def _write_over(self, plan: StepPlan, chosen: Sequence[Placed]) -> None:
        """Give each such tensor the storage of the one that is written over it."""
        for name, placed in zip(reversed(plan.nodes), reversed(chosen), strict=True):
            node = self.graph.node(name)
            operand = self.in_place.pop(node.output, None)
            if operand is None:
                continue
            producer = self.graph.producer.get(operand)
            puts = name == plan.nodes[-1] and places(self.graph, plan)
            if producer is None or producer.name not in plan.nodes or puts:
                raise GeometryError(f"{node.output} cannot be written over {operand} here")
            self._check_in_place(node, operand, placed.kernel)
            self.storages[operand] = replace(self.storages[node.output], tensor=operand)

    def _step(
        self,
        step: StepRows,
        cols: Mapping[str, tuple[Span, ...]],
        chosen: Sequence[Placed],
        working: Mapping[Kernel, Scratch],
    ) -> Step:
        graph, plan = self.graph, step.plan
        calls: list[Call] = []
        finish: list[Call] = []
        at = projection(graph, plan) if plan.group else len(plan.nodes)
        for position, (name, placed) in enumerate(zip(plan.nodes, chosen, strict=True)):
            node, kernel = graph.node(name), placed.kernel
            kind = Accumulate if kernel.role is Role.ACCUMULATE else Compute
            call = kind(
                kernel, name, node.inputs, node.output, placed.site.slicing, working.get(kernel)
            )
            (calls if position <= at else finish).append(call)
            if position == at:
                assert placed.finish is not None
                finish.append(Finish(placed.finish, name, node.output, working.get(placed.finish)))
        piece = piece_tensor(graph, plan)
        return Step(
            name=plan.nodes[-1],
            calls=tuple(calls),
            finish=tuple(finish),
            piece=piece,
            rows=step.clock,
            rows_per_call=plan.rows,
            cols=cols[piece],
            tile=plan.tile,
            group=plan.group,
        )

    def _finish_mean(
        self,
        plan: StepPlan,
        placed: Placed,
        rows: TunnelRows,
        cols: Mapping[str, tuple[Span, ...]],
        working: Mapping[Kernel, Scratch],
    ) -> Step:
        """Sums that outlive the pieces, and the step that turns them into the mean."""
        node = self.graph.node(plan.nodes[-1])
        assert placed.finish is not None
        channels = self.graph.tensors[node.output].shape[2]
        buffer = self._private(
            f"sums_{self.names[node.output]}",
            BufferKind.ACCUMULATOR,
            channels * SUM_BYTES,
            align=SUM_BYTES,
        )
        self.sums[node.output] = Sums(node.output, buffer, 0, 1, 1, channels, per_piece=False)
        return Step(
            name=f"finish {node.name}",
            calls=(Finish(placed.finish, node.name, node.output, working.get(placed.finish)),),
            finish=(),
            piece=node.output,
            rows=rows.clock(node.output),
            rows_per_call=1,
            cols=cols[node.output],
            tile=0,
            group=0,
        )

    def _overlap(self, tunnel: TunnelPlan, rows: TunnelRows, outputs: Sequence[str]) -> None:
        """Outputs may grow over maps that this tunnel is the last one to read."""
        if tunnel.stripes != 1:
            return
        now = len(self.blocks)
        here = self.tunnel_of[tunnel.nodes[0]]
        for source in rows.outer:
            buffer = self.buffers[self.storages[source].buffer]
            kept = source in self.graph.outputs and source not in self.handed
            dies = self.readers[source][-1] == here and not kept
            if not dies or buffer.kind is BufferKind.EXTERN:
                continue
            first = first_bytes(self.graph, source, rows.tensors[source].readers, rows.reverse)
            for target in outputs:
                distance = overlap_distance(self.graph, source, first, target, rows.clock(target))
                over = self.storages[target].buffer
                self.overlaps.append(Overlap(now, over, buffer.name, distance, tunnel.reverse))


def _check_columns(tensor: str, cols: tuple[Span, ...]) -> None:
    """Raises GeometryError where the table of these columns cannot be written down."""
    last = max(span.stop for span in cols)
    if last > MAX_COLUMN:
        raise GeometryError(
            f"{tensor} has {last} columns, and a tunnel takes at most {MAX_COLUMN}: run it layer "
            "by layer"
        )


def _callback_step(
    name: str, call: Load | Store | Move, clock: RowClock, cols: tuple[Span, ...]
) -> Step:
    """A row of its tensor at a time."""
    return Step(
        name=name,
        calls=(call,),
        finish=(),
        piece=call.tensor,
        rows=clock,
        rows_per_call=1,
        cols=cols,
        tile=0,
        group=0,
    )
