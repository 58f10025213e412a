"""Plans: layer by layer."""

from __future__ import annotations

from collections.abc import Sequence

from patchc.ir import Graph, Node
from patchc.plan.types import InputMode, OutputMode, Plan, StepPlan, TunnelPlan
from patchc.planner.assign import with_kernels
from patchc.planner.order import best_order, may_overwrite


def whole_in_place(graph: Graph, mode: InputMode, order: Sequence[Node]) -> dict[str, str]:
    """Element-wise output -> the operand that it overwrites when it runs whole in this order."""
    last_reader = {name: node.name for node in order for name in node.inputs}
    born = {node.output: position for position, node in enumerate(order)}
    found = {}
    for node in order:
        dying = [
            name for name in may_overwrite(graph, node, mode) if last_reader[name] == node.name
        ]
        if dying:
            # The operand made last: lifetimes stay short, so placement has an easier time.
            found[node.output] = max(dying, key=lambda name: born.get(name, -1))
    return found


def layer(graph: Graph, node: Node) -> StepPlan:
    """The step that computes a node whole."""
    return with_kernels(graph, StepPlan((node.name,)), whole=True)


def trivial_plan(
    graph: Graph,
    input_mode: InputMode,
    outputs: OutputMode = OutputMode.ARENA,
    order: Sequence[Node] | None = None,
) -> Plan:
    """Every node its own tunnel; element-wise outputs written over an operand that dies. In the
    order of least peak, unless one is given."""
    if order is None:
        order = best_order(graph, input_mode, outputs).nodes
    return Plan(
        input_mode=input_mode,
        tunnels=tuple(TunnelPlan((layer(graph, node),), whole=True) for node in order),
        in_place=tuple(whole_in_place(graph, input_mode, order).items()),
        output_mode=outputs,
    )
