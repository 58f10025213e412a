"""Random plans for a graph: any that the search could offer, and many that it never would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from hypothesis import strategies as st

from patchc.errors import PatchcError
from patchc.ir import Graph, Node
from patchc.plan.types import InputMode, OutputMode, Plan, StepPlan, TunnelPlan
from patchc.planner.assign import assigned
from patchc.planner.order import best_order
from patchc.planner.units import Unit, find_units
from patchc.schedule.types import Schedule
from tests.plans import lower


@st.composite
def plans(draw: st.DrawFn, graph: Graph, modes: tuple[InputMode, ...] = tuple(InputMode)) -> Plan:
    """Units in random runs; each run a tunnel with random tiles, groups, rows, stripes and
    direction as far as the lowering takes them, now and then layer by layer."""
    mode, outputs = draw(st.sampled_from(modes)), draw(st.sampled_from(OutputMode))
    order = best_order(graph, mode).nodes if draw(st.booleans()) else graph.nodes
    tunnels: list[TunnelPlan] = []
    in_place: list[tuple[str, str]] = []
    runs = _runs(draw, find_units(graph, order))
    for index, run in enumerate(runs):
        pairs = tuple(pair for unit in run for pair in unit.in_place)
        others = [whole(graph.node(n)) for other in runs for unit in other for n in unit.nodes]
        first = sum(len(unit.nodes) for other in runs[:index] for unit in other)
        count = sum(len(unit.nodes) for unit in run)
        for tunnel in _simpler(_tunnel(draw, graph, run)):
            alone = (*others[:first], tunnel, *others[first + count :])
            if accepted(graph, Plan(mode, alone, pairs, outputs)) and draw(st.integers(0, 7)) < 7:
                tunnels.append(tunnel)
                in_place += pairs
                break
        else:
            tunnels += others[first : first + count]
    return assigned(graph, Plan(mode, tuple(tunnels), tuple(in_place), outputs))


@st.composite
def schedules_with(
    draw: st.DrawFn, graph: Graph, wanted: Callable[[Schedule], object], mode: InputMode
) -> Schedule:
    """A random plan, lowered, that has something `wanted`: drawn a few times until it has, and each
    time without stripes, with the image as `mode` has it and outputs in the arena, where that
    helps."""
    for _ in range(3):
        plan = draw(plans(graph))
        found = lower(graph, plan)
        if wanted(found):
            break
        tunnels = tuple(replace(tunnel, stripes=1) for tunnel in plan.tunnels)
        plain = Plan(mode, tunnels, plan.in_place, OutputMode.ARENA)
        if accepted(graph, plain) and wanted(lower(graph, plain)):
            return lower(graph, plain)
    return found


def _simpler(tunnel: TunnelPlan) -> Iterator[TunnelPlan]:
    """A tunnel; and without what the lowering may have refused in it."""
    yield tunnel
    if tunnel.stripes > 1:
        yield replace(tunnel, stripes=1)
    if tunnel.reverse:
        yield replace(tunnel, stripes=1, reverse=False)


def whole(node: Node) -> TunnelPlan:
    """A node layer by layer."""
    return TunnelPlan((StepPlan((node.name,)),), whole=True)


def accepted(graph: Graph, plan: Plan) -> bool:
    """Does the lowering take the plan? It may refuse, but with no other error."""
    try:
        lower(graph, plan)
    except PatchcError:
        return False
    return True


def _runs(draw: st.DrawFn, units: tuple[Unit, ...]) -> list[list[Unit]]:
    runs: list[list[Unit]] = []
    for unit in units:
        if runs and draw(st.integers(0, 2)):
            runs[-1].append(unit)
        else:
            runs.append([unit])
    return runs


def _tunnel(draw: st.DrawFn, graph: Graph, run: list[Unit]) -> TunnelPlan:
    steps = [_step(draw, graph, s) for unit in run for s in draw(st.sampled_from(unit.options))]
    stripes = draw(st.sampled_from([1, 1, 2, 3, 5]))
    reverse = draw(st.integers(0, 2)) == 2
    return TunnelPlan(tuple(steps), stripes=stripes, reverse=reverse)


def _step(draw: st.DrawFn, graph: Graph, plan: StepPlan) -> StepPlan:
    height, width, _ = graph.tensors[graph.node(plan.nodes[-1]).output].shape
    inner = graph.tensors[graph.node(plan.nodes[0]).output].shape[2]
    if plan.tile:
        return replace(plan, tile=draw(st.integers(1, width + 1)))
    if plan.group:
        rows = draw(st.integers(1, height))
        return replace(plan, group=draw(st.integers(1, inner + 1)), rows=rows)
    return plan
