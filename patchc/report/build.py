"""Schedule + Placement -> Report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from patchc.choices import InputMode
from patchc.frontend.model import ImportedModel
from patchc.ir import Conv, Graph, macs
from patchc.memory import Placement, element_peak, live_bytes, liveness_peak
from patchc.numerics.node_forms import FormCounts
from patchc.plan.types import Plan, TunnelPlan
from patchc.planner.machine import ANY_CORE, Machine
from patchc.quality import Quality
from patchc.report.arena import arena_report, block_reports
from patchc.report.choices import kernel_choices
from patchc.report.data import (
    Cost,
    Exact,
    Flash,
    HostOperators,
    Layer,
    LibraryReport,
    MadeAgain,
    ModelReport,
    Output,
    Ram,
    Report,
    Segmentation,
    TailReport,
    Tunnel,
)
from patchc.report.words import milliseconds
from patchc.schedule.types import Call, Compute, Finish, KernelCall, Move, Schedule
from patchc.schedule.work import Work, executed_work, input_reads
from patchc.targets.parts import Part
from patchc.version import __version__


@dataclass(frozen=True, slots=True)
class Facts:
    """What the report says that the schedule does not know."""

    name: str  # of the emitted C
    target: str
    budget_bytes: int | None
    reserve_bytes: int  # stands for stack and statics
    layerwise_bytes: int  # arena of the layer-by-layer plan
    constant_bytes: Mapping[str, int]  # node -> bytes of the constants that it reads, as emitted
    weights_bytes: int  # of all constants; equal ones are emitted once
    exact: FormCounts  # of the constants as emitted
    machine: Machine = ANY_CORE  # that the plan was made for
    layerwise_alive: Mapping[str, int] = field(
        default_factory=dict
    )  # node -> bytes, layer by layer
    cycles: Mapping[str, int] | None = None  # node -> estimate; None: the target has no cost table
    library: LibraryReport | None = None
    layerwise_cycles: int | None = None  # estimated, of the plan layer by layer; None likewise
    clock_mhz: float | None = None
    part: Part | None = None
    tails: tuple[TailReport, ...] = ()  # what the C computes behind the outputs


def build_report(
    imported: ImportedModel, plan: Plan, schedule: Schedule, placement: Placement, facts: Facts
) -> Report:
    """The report of a compiled model. Bytes throughout."""
    graph = schedule.graph
    again = _made_again(plan, graph)
    plain = sum(macs(graph, node) for node in graph.nodes) - sum(item.macs for item in again)
    work = executed_work(schedule)
    executed = sum(node.macs for node in work.values())
    bytes_read, passes = input_reads(schedule)
    exact = facts.exact
    cycles = None if facts.cycles is None else sum(facts.cycles.values())
    return Report(
        patchc=__version__,
        model=ModelReport(facts.name, imported.sha256, plain),
        target=facts.target,
        budget_bytes=facts.budget_bytes,
        input_mode=schedule.input_mode.value,
        input_bytes_read=bytes_read,
        input_passes=passes,
        output_mode=plan.output_mode.value,
        outputs=_outputs(schedule),
        ram=_ram(schedule, placement, facts),
        flash=Flash(weights_bytes=facts.weights_bytes, code_bytes=None),
        weight_bytes_read=sum(
            node.calls * facts.constant_bytes.get(name, 0) for name, node in work.items()
        ),
        cost=Cost(
            executed,
            executed / plain if plain else 1.0,
            cycles,
            facts.layerwise_cycles,
            facts.clock_mhz,
            None
            if cycles is None or facts.clock_mhz is None
            else milliseconds(cycles, facts.clock_mhz),
        ),
        exact=Exact(exact.channels, exact.proved, exact.lines, exact.guarded, exact.emulated),
        tunnels=_tunnels(plan, schedule, work),
        again=again,
        kernels=_kernels(schedule),
        library=facts.library,
        choices=kernel_choices(plan, schedule, facts.machine),
        host=HostOperators(
            leading=imported.prologue.nodes if imported.prologue else (),
            trailing=_left(imported, facts),
        ),
        layers=_layers(schedule, work, facts),
        blocks=block_reports(schedule),
        arena=arena_report(schedule, placement),
        notes=imported.notes,
        quality=Quality.of(imported.onnx_model),
        part=facts.part,
        tails=facts.tails,
    )


def _left(imported: ImportedModel, facts: Facts) -> tuple[str, ...]:
    """What behind the Graph the C does not compute."""
    nodes = imported.epilogue.nodes if imported.epilogue else ()
    in_c = {tail.node for tail in facts.tails}
    return tuple(node for node in nodes if node not in in_c)


def _made_again(plan: Plan, graph: Graph) -> tuple[MadeAgain, ...]:
    found = []
    for item in plan.again:
        nodes = [graph.node(name) for name in item.nodes]
        tensor = graph.tensors[nodes[-1].output]
        work = sum(macs(graph, node) for node in nodes)
        found.append(MadeAgain(tensor.name, tensor.bytes, item.nodes, item.readers, work))
    return tuple(found)


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


def _outputs(schedule: Schedule) -> tuple[Output, ...]:
    found = []
    for name in schedule.graph.outputs:
        block, order = schedule.handed.get(name), None
        if block is not None:
            order = "raster" if schedule.blocks[block].stripes == 1 else "stripes"
        size = schedule.graph.tensors[name].bytes
        found.append(Output(name, size, block is not None, order))
    return tuple(found)


def _kernels(schedule: Schedule) -> dict[str, int]:
    """Kernel -> places in the program that call it."""
    calls = (
        _kernel_name(call)
        for block in schedule.blocks
        for step in block.steps
        for call in step.all_calls
    )
    return dict(sorted(Counter(calls).items()))


def _tunnels(plan: Plan, schedule: Schedule, work: Mapping[str, Work]) -> tuple[Tunnel, ...]:
    live = dict(zip((block.name for block in schedule.blocks), live_bytes(schedule), strict=True))
    block_of = {
        name: block for block in schedule.blocks for step in block.steps for name in step.nodes
    }
    return tuple(
        Tunnel(
            nodes=tunnel.nodes,
            segmentation=Segmentation(
                stripes=tunnel.stripes,
                ticks=block_of[tunnel.nodes[0]].ticks,
                reverse=tunnel.reverse,
            ),
            modes=_modes(tunnel),
            bytes=live[block_of[tunnel.nodes[0]].name],
            macs=sum(work[name].macs for name in tunnel.nodes if name in work),
        )
        for tunnel in plan.tunnels
    )


def _modes(tunnel: TunnelPlan) -> dict[str, str]:
    """Node that a step ends with -> how the step is run, where it is not alone."""
    modes = {}
    for step in tunnel.steps:
        if step.group:
            modes[step.nodes[-1]] = f"{step.group} channels at a time, {step.rows} rows"
        elif step.tile:
            modes[step.nodes[-1]] = f"{step.tile} columns at a time"
        elif len(step.nodes) > 1:
            modes[step.nodes[-1]] = "row by row"
    return modes


def _layers(schedule: Schedule, work: Mapping[str, Work], facts: Facts) -> tuple[Layer, ...]:
    graph = schedule.graph
    cycles = facts.cycles
    live = live_bytes(schedule)
    return tuple(
        Layer(
            node=_node(call) or step.name,
            op=_operator(schedule, call),
            depthwise=_is_depthwise(schedule, call),
            kernel=_kernel_name(call),
            tensor=call.tensor,
            shape=graph.tensors[call.tensor].shape,
            in_place=_in_place(schedule, call),
            tunnel=index,
            step=step.name,
            bytes=live[index],
            layerwise_bytes=facts.layerwise_alive.get(_node(call)),
            macs=work[call.node].macs if isinstance(call, KernelCall) else 0,
            cycles_estimate=None if cycles is None else cycles.get(_node(call), 0),
            constant_bytes=facts.constant_bytes.get(_node(call), 0),
        )
        for index, block in enumerate(schedule.blocks)
        for step in block.steps
        for call in step.all_calls
        if not isinstance(call, Finish | Move)
    )


def _node(call: Call) -> str:
    """The node that a kernel computes; empty for loads and stores."""
    return call.node if isinstance(call, KernelCall) else ""


def _kernel_name(call: Call) -> str:
    """The name of its kernel; "load" or "store" where there is none."""
    return call.kernel.name if isinstance(call, KernelCall) else type(call).__name__.lower()


def _is_depthwise(schedule: Schedule, call: Call) -> bool:
    op = schedule.graph.node(call.node).op if isinstance(call, KernelCall) else None
    return isinstance(op, Conv) and op.is_depthwise


def _operator(schedule: Schedule, call: Call) -> str:
    """The kind of its node; "Load" or "Store" where there is none."""
    if isinstance(call, KernelCall):
        return schedule.graph.node(call.node).op.kind
    return type(call).__name__


def _in_place(schedule: Schedule, call: Call) -> bool:
    """Is the output written over an operand, element by element?"""
    if not isinstance(call, Compute):
        return False
    out = schedule.storages[call.tensor]
    found = [schedule.storages[name] for name in call.reads if name in schedule.storages]
    return any((s.buffer, s.offset, s.slots) == (out.buffer, out.offset, out.slots) for s in found)
