"""Does a plan, perhaps read from a file, fit a graph? What can be said before it is lowered.

What depends on how rows advance, on kernels or on memory is refused where lowering finds out.
"""

from __future__ import annotations

from patchc.errors import PatchcError
from patchc.ir import Graph
from patchc.plan.types import Plan, StepPlan, TunnelPlan

# Columns, channels or rows: no tensor in the tables of the emitted C has more.
MOST_AT_A_TIME = 0xFFFF


def check_plan(graph: Graph, plan: Plan) -> None:
    """Every node runs once, behind what it reads; every setting has a meaning.

    Raises PatchcError otherwise.
    """
    _check_nodes(graph, plan)
    for tunnel in plan.tunnels:
        _check_tunnel(graph, tunnel)
    _check_in_place(graph, plan)


def _check_nodes(graph: Graph, plan: Plan) -> None:
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


def _check_tunnel(graph: Graph, tunnel: TunnelPlan) -> None:
    if not tunnel.steps or not all(step.nodes for step in tunnel.steps):
        raise PatchcError("the plan has a tunnel without steps, or a step without nodes")
    name = " + ".join(tunnel.nodes)
    if tunnel.whole:
        step = StepPlan(tunnel.nodes, tunnel.steps[0].kernels)
        plain = TunnelPlan((step,), whole=True, rows=tunnel.rows)
        if len(tunnel.nodes) != 1 or tunnel != plain:
            raise PatchcError(f"the plan runs {name} whole: one node only, and no other setting")
    _check_rows_of_layer(graph, tunnel, name)
    widest = max(graph.tensors[graph.node(node).output].shape[1] for node in tunnel.nodes)
    if not 1 <= tunnel.stripes <= widest:
        raise PatchcError(
            f"the plan cuts {name} into {tunnel.stripes} stripes: from 1 to {widest}, the columns "
            "of its widest map"
        )
    for step in tunnel.steps:
        _check_step(graph, step)


def _check_rows_of_layer(graph: Graph, tunnel: TunnelPlan, name: str) -> None:
    if not tunnel.whole and tunnel.rows:
        raise PatchcError(f"the plan runs {name} in rows of a whole layer: it is a tunnel")
    height, width, _ = graph.tensors[graph.node(tunnel.nodes[-1]).output].shape
    if tunnel.rows and width > MOST_AT_A_TIME:
        raise PatchcError(
            f"the plan runs {name} over {tunnel.rows} rows at a time: it has {width} columns, and "
            f"only layers of at most {MOST_AT_A_TIME} can be cut"
        )
    if not 0 <= tunnel.rows <= height:
        raise PatchcError(
            f"the plan runs {name} over {tunnel.rows} rows at a time: from 1 to {height}, the rows "
            "of its output, or 0 for all"
        )


def _check_step(graph: Graph, step: StepPlan) -> None:
    name = " + ".join(step.nodes)
    height = graph.tensors[graph.node(step.nodes[-1]).output].shape[0]
    if not 1 <= step.rows <= height:
        raise PatchcError(
            f"the plan runs {name} over {step.rows} rows at a time: from 1 to {height}, the rows "
            "of its output"
        )
    for count, what, none in (
        (step.tile, "columns at a time", "all"),
        (step.group, "channels at a time", "all"),
        (step.slide, "rows before its rings move", "rings that stay"),
    ):
        if not 0 <= count <= MOST_AT_A_TIME:
            raise PatchcError(
                f"the plan runs {name} over {count} {what}: from 1 to {MOST_AT_A_TIME}, "
                f"or 0 for {none}"
            )
    if step.tile and step.group:
        raise PatchcError(f"the plan runs {name} in tiles and in groups: one of the two only")


def _check_in_place(graph: Graph, plan: Plan) -> None:
    targets = [target for target, _ in plan.in_place]
    unknown = sorted(set(targets) - set(graph.producer))
    if unknown:
        raise PatchcError(f"the plan puts unknown tensors in place: {', '.join(unknown)}")
    if len(targets) != len(set(targets)):
        raise PatchcError("the plan puts a tensor in place twice")
