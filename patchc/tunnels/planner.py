"""Plans. Today there is one: layer by layer, in the order of least peak."""

from __future__ import annotations

from patchc.ir import Graph
from patchc.tunnels.order import best_order, may_overwrite
from patchc.tunnels.plan import InputMode, Plan, TunnelPlan


def trivial_plan(graph: Graph, input_mode: InputMode) -> Plan:
    """Every node its own tunnel; element-wise outputs written over an operand that dies."""
    nodes = best_order(graph, input_mode).nodes
    last_reader = {name: node.name for node in nodes for name in node.inputs}
    born = {node.output: position for position, node in enumerate(nodes)}
    in_place = []
    for node in nodes:
        dying = [
            name
            for name in may_overwrite(graph, node, input_mode)
            if last_reader[name] == node.name
        ]
        if dying:
            # The operand made last: lifetimes stay short, so placement has an easier time.
            in_place.append((node.output, max(dying, key=lambda name: born.get(name, -1))))
    return Plan(
        input_mode=input_mode,
        tunnels=tuple(TunnelPlan((node.name,)) for node in nodes),
        in_place=tuple(in_place),
    )
