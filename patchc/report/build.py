"""Schedule + Placement -> Report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from patchc import __version__
from patchc.frontend.model import ImportedModel
from patchc.ir import Graph, macs
from patchc.memory import Placement, element_peak, live_bytes, liveness_peak
from patchc.numerics.proof import count_exact
from patchc.report.data import (
    Cost,
    Exact,
    Flash,
    HostOperators,
    Layer,
    ModelReport,
    Ram,
    Report,
    Segmentation,
    Tunnel,
)
from patchc.tunnels.plan import InputMode, Plan
from patchc.tunnels.schedule import Block, Schedule, Step


@dataclass(frozen=True, slots=True)
class Facts:
    """What the report says that the schedule does not know."""

    name: str  # of the emitted C
    target: str
    budget_bytes: int | None
    reserve_bytes: int  # stands for stack and statics
    layerwise_bytes: int  # arena of the layer-by-layer plan
    constant_bytes: Mapping[str, int]  # node -> bytes of its constants as emitted


def build_report(
    imported: ImportedModel, plan: Plan, schedule: Schedule, placement: Placement, facts: Facts
) -> Report:
    """The report of a compiled model. Bytes throughout."""
    graph = schedule.graph
    plain = sum(macs(graph, node) for node in graph.nodes)
    executed = sum(
        _executed_macs(graph, block, step) for block in schedule.blocks for step in block.steps
    )
    bytes_read, passes = _input_reads(schedule)
    exact = count_exact(graph)
    return Report(
        patchc=__version__,
        model=ModelReport(facts.name, imported.sha256, plain),
        target=facts.target,
        budget_bytes=facts.budget_bytes,
        input_mode=schedule.input_mode.value,
        input_bytes_read=bytes_read,
        input_passes=passes,
        ram=_ram(schedule, placement, facts),
        flash=Flash(weights_bytes=sum(facts.constant_bytes.values()), code_bytes=None),
        weight_bytes_read=_weight_bytes_read(schedule, facts.constant_bytes),
        cost=Cost(executed, executed / plain if plain else 1.0, instructions_estimate=None),
        exact=Exact(exact.channels, exact.proved, exact.emulated),
        tunnels=_tunnels(plan, schedule),
        kernels=dict(sorted(Counter(s.kernel for b in schedule.blocks for s in b.steps).items())),
        host=HostOperators(
            leading=imported.prologue.nodes if imported.prologue else (),
            trailing=imported.epilogue.nodes if imported.epilogue else (),
        ),
        layers=_layers(schedule),
    )


def _ram(schedule: Schedule, placement: Placement, facts: Facts) -> Ram:
    graph = schedule.graph
    inputs = sum(graph.tensors[name].bytes for name in graph.inputs)
    total = placement.arena_bytes + facts.reserve_bytes
    resident = schedule.input_mode is InputMode.RESIDENT
    return Ram(
        arena_bytes=placement.arena_bytes,
        static_bytes=0,  # the emitted C has constants only
        stack_bytes=facts.reserve_bytes,
        source="reserve",
        total_bytes=total,
        input_bytes=inputs,
        total_with_input_bytes=total if resident else total + inputs,
        liveness_peak_bytes=liveness_peak(schedule),
        element_peak_bytes=element_peak(schedule),
        lower_bound_bytes=placement.lower_bound_bytes,
        placement=placement.method,
        layerwise_bytes=facts.layerwise_bytes,
    )


def _executed_macs(graph: Graph, block: Block, step: Step) -> int:
    """Multiply-accumulates of a step over all stripes and ticks (see ir.macs)."""
    if step.node is None:
        return 0
    height, width, _ = graph.tensors[step.writes].shape
    pixels = _pixels_written(block, step)
    return macs(graph, graph.node(step.node)) // (height * width) * pixels


def _pixels_written(block: Block, step: Step) -> int:
    """Output pixels that a step computes, those it computes again included."""
    columns = sum(span.stop - span.start for span in step.cols)
    return step.rows.at(block.ticks - 1) * columns


def _input_reads(schedule: Schedule) -> tuple[int, int]:
    """Bytes of the inputs that one inference fetches, and how often it starts at their top.

    With a callback: what the callback delivers. Else a step that reads an input reads all of it
    once per stripe.
    """
    graph = schedule.graph
    total, passes = 0, 0
    for block in schedule.blocks:
        for step in block.steps:
            if step.node is None:
                channels = graph.tensors[step.writes].shape[2]
                total += _pixels_written(block, step) * channels
                passes = max(passes, block.stripes)
            elif schedule.input_mode in (InputMode.EXTERN, InputMode.RESIDENT):
                read = [name for name in dict.fromkeys(step.reads) if name in graph.inputs]
                total += sum(graph.tensors[name].bytes for name in read) * block.stripes
                passes += block.stripes if read else 0
    return total, passes


def _weight_bytes_read(schedule: Schedule, constant_bytes: Mapping[str, int]) -> int:
    """Constants' bytes times the kernel calls that read them."""
    total = 0
    for block in schedule.blocks:
        for step in block.steps:
            if step.node is not None:
                total += _calls(block, step) * constant_bytes.get(step.node, 0)
    return total


def _calls(block: Block, step: Step) -> int:
    """Times that a step's kernel is called, over all stripes and ticks."""
    rows = [step.rows.at(tick) - step.rows.at(tick - 1) for tick in range(block.ticks)]
    return block.stripes * sum(-(-count // step.rows_per_call) for count in rows)


def _tunnels(plan: Plan, schedule: Schedule) -> tuple[Tunnel, ...]:
    graph = schedule.graph
    live = live_bytes(schedule)
    found: dict[str, tuple[int, int]] = {}  # node -> live bytes, executed MACs
    for index, block in enumerate(schedule.blocks):
        for step in block.steps:
            if step.node is not None:
                found[step.node] = live[index], _executed_macs(graph, block, step)
    return tuple(
        Tunnel(
            nodes=tunnel.nodes,
            segmentation=Segmentation(
                stripes=tunnel.stripes,
                rows_per_tick=tunnel.rows_per_tick
                or graph.tensors[graph.node(tunnel.nodes[-1]).output].shape[0],
            ),
            modes={},
            bytes=max(found[name][0] for name in tunnel.nodes),
            macs=sum(found[name][1] for name in tunnel.nodes),
        )
        for tunnel in plan.tunnels
    )


def _layers(schedule: Schedule) -> tuple[Layer, ...]:
    graph = schedule.graph
    live = live_bytes(schedule)
    return tuple(
        Layer(
            node=step.name,
            op=graph.node(step.node).op.kind if step.node else "Load",
            kernel=step.kernel,
            shape=graph.tensors[step.writes].shape,
            in_place=_in_place(schedule, step),
            bytes=live[index],
            macs=_executed_macs(graph, block, step),
        )
        for index, block in enumerate(schedule.blocks)
        for step in block.steps
    )


def _in_place(schedule: Schedule, step: Step) -> bool:
    buffer = schedule.storages[step.writes].buffer
    return any(schedule.storages[name].buffer == buffer for name in step.reads)
