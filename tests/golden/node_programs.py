"""The C of many node tests as one program: building one takes longer than running all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from patchc.ir import Graph, verify
from patchc.plan.types import InputMode, Plan
from patchc.programs.host import build
from patchc.schedule.lower import lower
from patchc.verify.network import stacked
from tests.c.emitted import write
from tests.golden.node_chain import Outcome

# Operators whose tests go into one program.
TOGETHER = 8


def groups(operators: Sequence[str]) -> list[Sequence[str]]:
    """`operators` in parts whose tests go into one program."""
    return [operators[start : start + TOGETHER] for start in range(0, len(operators), TOGETHER)]


def differing(outcomes: Sequence[Outcome], folder: Path) -> list[str]:
    """Emit those that apply side by side into `folder`, as uint8 and each by its own plan, build
    that under the sanitizers, and run it on every case of each.

    Returns the outputs that differ from the Graph's in numpy.
    """
    compiled = [one.compiled[0] for one in outcomes if one.compiled]
    if not compiled:
        return []
    marks = [f"t{index}_" for index in range(len(compiled))]
    graphs = [_marked(one.graph, mark) for one, mark in zip(compiled, marks, strict=True)]
    together = verify(
        Graph(
            "nodes",
            tuple(name for graph in graphs for name in graph.inputs),
            tuple(name for graph in graphs for name in graph.outputs),
            {name: tensor for graph in graphs for name, tensor in graph.tensors.items()},
            tuple(node for graph in graphs for node in graph.nodes),
        )
    )
    plans = [_marked_plan(one.stages.plan, mark) for one, mark in zip(compiled, marks, strict=True)]
    plan = Plan(
        InputMode.TILES,
        tuple(tunnel for plan in plans for tunnel in plan.tunnels),
        tuple(pair for plan in plans for pair in plan.in_place),
    )
    write(lower(together, plan), folder)
    inputs = {
        mark + name: values
        for one, mark in zip(compiled, marks, strict=True)
        for name, values in stacked(one.inputs).items()
    }
    found = build(folder, "sanitize").run(inputs)
    return [
        f"{one.test.name} {one.test.form}: the C computes another {name}"
        for one, mark in zip(compiled, marks, strict=True)
        for name, values in stacked(one.outputs).items()
        if not np.array_equal(found[mark + name], values)
    ]


def _marked(graph: Graph, mark: str) -> Graph:
    """`graph` with `mark` in front of every name."""
    return Graph(
        graph.name,
        tuple(mark + name for name in graph.inputs),
        tuple(mark + name for name in graph.outputs),
        {
            mark + name: replace(tensor, name=mark + tensor.name)
            for name, tensor in graph.tensors.items()
        },
        tuple(
            replace(
                node,
                name=mark + node.name,
                inputs=tuple(mark + name for name in node.inputs),
                output=mark + node.output,
            )
            for node in graph.nodes
        ),
    )


def _marked_plan(plan: Plan, mark: str) -> Plan:
    """A plan of the graph with `mark` in front of every name."""
    tunnels = tuple(
        replace(
            tunnel,
            steps=tuple(
                replace(step, nodes=tuple(mark + name for name in step.nodes))
                for step in tunnel.steps
            ),
        )
        for tunnel in plan.tunnels
    )
    return replace(
        plan,
        tunnels=tunnels,
        in_place=tuple((mark + output, mark + operand) for output, operand in plan.in_place),
    )
