"""The stable text form of a Plan (`patchc inspect --dump plan`)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from patchc.ir.printer import word
from patchc.plan.types import Plan, StepPlan, TunnelPlan


def format_plan(plan: Plan) -> str:
    """A line per tunnel, per step, and per node of a step of several; a layer, which is a node on
    its own, has one line. Settings at their defaults are left out. Different plans have different
    texts."""
    lines = [f"plan: input {plan.input_mode.value}, outputs {plan.output_mode.value}"]
    for item in plan.again:
        nodes, readers = (", ".join(map(word, names)) for names in (item.nodes, item.readers))
        lines.append(f"  again {nodes} for {readers}")
    for tunnel in plan.tunnels:
        lines += _tunnel(tunnel)
    lines += [
        f"  in place: {word(target)} over {word(operand)}" for target, operand in plan.in_place
    ]
    return "\n".join(lines) + "\n"


def _tunnel(tunnel: TunnelPlan) -> Iterator[str]:
    if _is_layer(tunnel):
        rows = f", rows {tunnel.rows}" * (tunnel.rows != 0)
        yield f"  layer {_nodes(tunnel.steps[0])[0]}{rows}"
        return
    settings = [
        "whole" * tunnel.whole,
        f"rows {tunnel.rows}" * (tunnel.rows != 0),
        f"stripes {tunnel.stripes}" * (tunnel.stripes != 1),
        "reverse" * tunnel.reverse,
    ]
    yield "  " + _head("tunnel", settings)
    for step in tunnel.steps:
        yield from _step(step)


def _is_layer(tunnel: TunnelPlan) -> bool:
    """Is it one node, whole, with every other setting but its rows at the default?"""
    if len(tunnel.steps) != 1 or len(tunnel.nodes) != 1:
        return False
    step = StepPlan(tunnel.nodes, tunnel.steps[0].kernels[:1])
    return tunnel == TunnelPlan((step,), whole=True, rows=tunnel.rows)


def _step(step: StepPlan) -> Iterator[str]:
    settings = [
        f"tile {step.tile}" * (step.tile != 0),
        f"group {step.group}" * (step.group != 0),
        f"rows {step.rows}" * (step.rows != 1),
        f"slide {step.slide}" * (step.slide != 0),
    ]
    head, nodes = _head("step", settings), _nodes(step)
    if len(nodes) == 1:
        yield f"    {head}: {nodes[0]}"
        return
    yield f"    {head}:"
    yield from (f"      {node}" for node in nodes)


def _head(kind: str, settings: list[str]) -> str:
    """ "step", "step, tile 3"."""
    return ", ".join([kind, *(setting for setting in settings if setting)])


def _nodes(step: StepPlan) -> list[str]:
    """ "NODE by KERNEL". A plan that does not fit may have more of the one than of the other."""
    found = []
    for node, kernel in zip_longest(step.nodes, step.kernels):
        name = [] if node is None else [word(node)]
        found.append(" ".join(name if kernel is None else [*name, "by", word(kernel)]))
    return found
