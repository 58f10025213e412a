"""Layer by layer: every node computed whole, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from patchc.choices import InputMode, OutputMode
from patchc.ir import Graph, Node
from patchc.plan.types import Plan, StepPlan, TunnelPlan
from patchc.planner.assign import assignments
from patchc.planner.machine import ANY_CORE, Machine
from patchc.planner.order import best_order, may_overwrite
from patchc.planner.step_cost import whole_step


def whole_in_place(graph: Graph, mode: InputMode, order: Sequence[Node]) -> dict[str, str]:
    """Element-wise output -> the operand that it overwrites when it runs whole in this order."""
    last_reader = {name: node.name for node in order for name in node.inputs}
    born = {node.output: position for position, node in enumerate(order)}
    found = {}
    for node in order:
        last_uses = [
            name for name in may_overwrite(graph, node, mode) if last_reader[name] == node.name
        ]
        if last_uses:
            # The operand made last: lifetimes stay short, so placement has an easier time.
            found[node.output] = max(last_uses, key=lambda name: born.get(name, -1))
    return found


@dataclass(frozen=True, slots=True)
class Layer:
    """A way to compute a node whole."""

    step: StepPlan
    scratch: int  # bytes that its kernel works in
    cost: int


def layers(
    graph: Graph, node: Node, machine: Machine = ANY_CORE, overwrites: bool = False
) -> tuple[Layer, ...]:
    """The ways to compute a node whole, the cheapest one first; each needs less scratch than those
    before. `overwrites`: its output lies in the memory of an operand."""
    names = {node.name} if overwrites else set()
    found = []
    for (step,) in assignments(graph, (StepPlan((node.name,)),), machine, names, whole=True):
        found.append(Layer(step, *whole_step(graph, step, machine)))
    found.sort(key=lambda layer: (layer.cost, layer.scratch))
    kept: list[Layer] = []
    for layer in found:
        if not kept or layer.scratch < kept[-1].scratch:
            kept.append(layer)
    return tuple(kept)


def priced_plan(
    graph: Graph,
    input_mode: InputMode,
    outputs: OutputMode = OutputMode.ARENA,
    machine: Machine = ANY_CORE,
    order: Sequence[Node] | None = None,
) -> tuple[Plan, int]:
    """Every node its own tunnel, computed by its cheapest kernel; element-wise outputs written over
    an operand that dies. In the order of least peak, unless one is given. And what this costs."""
    if order is None:
        order = best_order(graph, input_mode, outputs).nodes
    in_place = whole_in_place(graph, input_mode, order)
    chosen = [layers(graph, node, machine, node.output in in_place)[0] for node in order]
    plan = Plan(
        input_mode=input_mode,
        tunnels=tuple(TunnelPlan((layer.step,), whole=True) for layer in chosen),
        in_place=tuple(in_place.items()),
        output_mode=outputs,
    )
    return plan, sum(layer.cost for layer in chosen)


def trivial_plan(
    graph: Graph,
    input_mode: InputMode,
    outputs: OutputMode = OutputMode.ARENA,
    machine: Machine = ANY_CORE,
    order: Sequence[Node] | None = None,
) -> Plan:
    """The same without its cost."""
    return priced_plan(graph, input_mode, outputs, machine, order)[0]
