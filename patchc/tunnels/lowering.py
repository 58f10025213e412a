"""lower(graph, plan) -> Schedule: typed buffers, storages and the flat program."""

from __future__ import annotations

import re
from collections.abc import Mapping

from patchc.errors import PatchcError
from patchc.ir import Graph, Node
from patchc.targets.kernels import KERNELS, Order
from patchc.targets.select import choose_kernel
from patchc.tunnels.plan import InputMode, Plan
from patchc.tunnels.schedule import (
    Block,
    Buffer,
    BufferKind,
    Schedule,
    Span,
    Step,
    Storage,
    all_rows,
)

LOAD = "load"  # the step that reads the image through the callback


def lower(graph: Graph, plan: Plan) -> Schedule:
    """Raises PatchcError when `plan` (perhaps read from a file) does not fit `graph`."""
    order = _order(graph, plan)
    names = _identifiers(graph, order)
    blocks = _blocks(graph, plan, order, names)
    owners = _owners(graph, plan, order)
    first, last = _lifetimes(graph, plan, blocks)
    buffers: dict[str, Buffer] = {}
    for tensor, owner in owners.items():
        old = buffers.get(names[owner])
        buffers[names[owner]] = Buffer(
            name=names[owner],
            kind=_kind(graph, plan, tensor) if old is None else _merge(graph, tensor, old.kind),
            bytes=graph.tensors[owner].bytes,
            align=1,
            first=min(first[tensor], old.first) if old else first[tensor],
            last=max(last[tensor], old.last) if old else last[tensor],
        )
    storages = {tensor: _whole(graph, tensor, names[owner]) for tensor, owner in owners.items()}
    return Schedule(graph, plan.input_mode, buffers, storages, blocks)


def _order(graph: Graph, plan: Plan) -> tuple[Node, ...]:
    """The nodes in the plan's order, checked against the graph."""
    known = {node.name: node for node in graph.nodes}
    planned = [name for tunnel in plan.tunnels for name in tunnel.nodes]
    for name in planned:
        if name not in known:
            raise PatchcError(f"the plan names node {name!r}, which the model does not have")
    missing = sorted(set(known) - set(planned))
    if missing or len(planned) != len(known):
        what = f"leaves out {', '.join(missing)}" if missing else "runs a node twice"
        raise PatchcError(f"the plan does not fit the model: it {what}")
    written = set(graph.inputs)
    for name in planned:
        node = known[name]
        for operand in node.inputs:
            if operand not in written:
                raise PatchcError(f"the plan runs {name!r} before its operand {operand!r} exists")
        written.add(node.output)
    for tunnel in plan.tunnels:
        if len(tunnel.nodes) != 1 or tunnel.stripes != 1 or tunnel.rows_per_tick is not None:
            raise PatchcError(
                f"the plan fuses {' + '.join(tunnel.nodes)} or cuts it into patches; this version "
                "runs layer by layer: compile without --plan"
            )
    return tuple(known[name] for name in planned)


def _blocks(
    graph: Graph, plan: Plan, order: tuple[Node, ...], names: Mapping[str, str]
) -> tuple[Block, ...]:
    """One block per node, and one per image right before the first node that reads it."""
    blocks: list[Block] = []
    loaded: set[str] = set()
    callback = plan.input_mode in (InputMode.TILES, InputMode.STREAM)
    for node in order:
        for name in node.inputs:
            if callback and name in graph.inputs and name not in loaded:
                loaded.add(name)
                blocks.append(_single(f"load_{names[name]}", _step(graph, LOAD, None, name)))
        step = _step(graph, choose_kernel(graph, node), node, node.output)
        blocks.append(_single(names[node.output], step))
    for name in graph.inputs:  # read by nobody, or an output itself: still load it
        if callback and name not in loaded:
            blocks.append(_single(f"load_{names[name]}", _step(graph, LOAD, None, name)))
    return tuple(blocks)


def _single(name: str, step: Step) -> Block:
    return Block(name, stripes=1, ticks=1, steps=(step,))


def _step(graph: Graph, kernel: str, node: Node | None, writes: str) -> Step:
    height, width, _ = graph.tensors[writes].shape
    return Step(
        name=node.name if node else f"load {writes}",
        kernel=kernel,
        node=node.name if node else None,
        reads=node.inputs if node else (),
        writes=writes,
        rows=all_rows(height),
        rows_per_call=height,
        cols=(Span(0, width),),
    )


def _owners(graph: Graph, plan: Plan, order: tuple[Node, ...]) -> dict[str, str]:
    """Tensor -> the tensor whose buffer it lies in: itself, or the operand it overwrites."""
    overwrites = dict(plan.in_place)
    last_reader = {name: node for node in order for name in node.inputs}
    owners = {name: name for name in graph.inputs}
    for node in order:
        operand = overwrites.pop(node.output, None)
        if operand is None:
            owners[node.output] = node.output
            continue
        element_wise = KERNELS[choose_kernel(graph, node)].order is Order.ELEMENT
        const = plan.input_mode is InputMode.EXTERN and operand in graph.inputs
        if (
            operand not in node.inputs
            or not element_wise
            or const
            or operand in graph.outputs
            or last_reader[operand] is not node
            or graph.tensors[operand].shape != graph.tensors[node.output].shape
        ):
            raise PatchcError(f"the plan writes {node.output!r} over {operand!r}: not allowed")
        owners[node.output] = owners[operand]
    if overwrites:
        raise PatchcError(f"the plan puts unknown tensors in place: {', '.join(overwrites)}")
    return owners


def _lifetimes(
    graph: Graph, plan: Plan, blocks: tuple[Block, ...]
) -> tuple[dict[str, int], dict[str, int]]:
    """Tensor -> first and last block that touches it; outputs live to the end."""
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    if plan.input_mode in (InputMode.EXTERN, InputMode.RESIDENT):
        for name in graph.inputs:
            first[name] = last[name] = 0
    for index, block in enumerate(blocks):
        for step in block.steps:
            for name in (*step.reads, step.writes):
                first.setdefault(name, index)
                last[name] = index
    for name in graph.outputs:
        last[name] = max(len(blocks) - 1, 0)
    return first, last


def _kind(graph: Graph, plan: Plan, tensor: str) -> BufferKind:
    if tensor in graph.inputs and plan.input_mode is InputMode.EXTERN:
        return BufferKind.EXTERN
    if tensor in graph.outputs:
        return BufferKind.OUTPUT
    return BufferKind.INPUT if tensor in graph.inputs else BufferKind.MAP


def _merge(graph: Graph, tensor: str, kind: BufferKind) -> BufferKind:
    """The kind of a buffer that `tensor` joins in place: an output makes it an output."""
    return BufferKind.OUTPUT if tensor in graph.outputs else kind


def _whole(graph: Graph, tensor: str, buffer: str) -> Storage:
    height, width, channels = graph.tensors[tensor].shape
    return Storage(tensor, buffer, slots=height, pitch=width * channels, cols=(Span(0, width),))


def _identifiers(graph: Graph, order: tuple[Node, ...]) -> dict[str, str]:
    """Tensor -> a C identifier, unique, from its ONNX name."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for tensor in (*graph.inputs, *(node.output for node in order)):
        stem = re.sub(r"\W+", "_", tensor, flags=re.ASCII).strip("_") or "t"
        stem = f"t_{stem}" if stem[0].isdigit() else stem
        name, number = stem, 2
        while name.lower() in taken:
            name, number = f"{stem}_{number}", number + 1
        taken.add(name.lower())
        names[tensor] = name
    return names
