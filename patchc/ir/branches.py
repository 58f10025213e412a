"""Equal branches of a Graph: rectangles of one size of one input, each through the same operators,
as `patchc tunnel` makes them. They need not have the same constants."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from patchc.ir.graph import Graph, Node, Op, Rearrange


@dataclass(frozen=True)
class Branches:
    """Nodes that correspond, branch by branch."""

    cut: str  # the input that is cut
    nodes: tuple[tuple[str, ...], ...]  # per branch: names, in one order
    tensors: Mapping[str, tuple[str, ...]]  # of the first branch -> those of every branch
    results: tuple[str, ...]  # tensors of the first branch that are read outside

    @property
    def count(self) -> int:
        return len(self.nodes)

    def renamed(self, branch: int) -> dict[str, str]:
        """Nodes and tensors of the first branch -> those of another. Nothing is called like both a
        node and a tensor of different places."""
        nodes = dict(zip(self.nodes[0], self.nodes[branch], strict=True))
        return nodes | {name: found[branch] for name, found in self.tensors.items()}


def find_branches(graph: Graph) -> Branches | None:
    """The equal branches of a graph, where there are any: those of the first input that is cut."""
    groups: dict[tuple[str, tuple[int, ...]], list[Node]] = {}
    for node in graph.nodes:
        if is_crop(node, graph) and node.inputs[0] in graph.inputs:
            key = (node.inputs[0], graph.tensors[node.output].shape)
            groups.setdefault(key, []).append(node)
    for (cut, _), crops in groups.items():
        if len(crops) > 1 and len(graph.consumers[cut]) == len(crops):
            return _grown(graph, cut, crops)
    return None


def is_crop(node: Node, graph: Graph) -> bool:
    """Does it copy a rectangle of a map?"""
    op = node.op
    if not isinstance(op, Rearrange) or op.window.kernel != (1, 1) or op.window.stride != (1, 1):
        return False
    return np.array_equal(op.source, np.arange(graph.tensors[node.inputs[0]].shape[2]))


def _grown(graph: Graph, cut: str, crops: list[Node]) -> Branches:
    columns = [tuple(crops)]
    tensors = {crops[0].output: tuple(crop.output for crop in crops)}
    taken = {crop.name for crop in crops}
    for node in graph.nodes:
        if node.name in taken or not all(name in tensors for name in node.inputs):
            continue
        found = [node]
        for branch in range(1, len(crops)):
            inputs = tuple(tensors[name][branch] for name in node.inputs)
            alike = (
                other
                for other in graph.consumers[inputs[0]]
                if other.inputs == inputs and other.name not in taken and _alike(node, other)
            )
            found += [other for other in [next(alike, None)] if other is not None]
        if len(found) == len(crops):
            columns.append(tuple(found))
            taken.update(other.name for other in found)
            tensors[node.output] = tuple(other.output for other in found)
    nodes = tuple(tuple(node.name for node in branch) for branch in zip(*columns, strict=True))
    inside = set(nodes[0])
    results = tuple(
        name
        for name in tensors
        if name in graph.outputs or any(n.name not in inside for n in graph.consumers[name])
    )
    order = _merged_first(graph, inside, tensors, results)
    return Branches(
        cut,
        tuple(nodes[branch] for branch in order),
        {found[order[0]]: tuple(found[branch] for branch in order) for found in tensors.values()},
        tuple(tensors[name][order[0]] for name in results),
    )


def _merged_first(
    graph: Graph,
    inside: set[str],
    tensors: Mapping[str, tuple[str, ...]],
    results: tuple[str, ...],
) -> list[int]:
    """The branches in the order in which what they give is read."""
    place = {
        name: (index, at)
        for index, node in reversed(list(enumerate(graph.nodes)))
        if node.name not in inside
        for at, name in reversed(list(enumerate(node.inputs)))
    }
    never = (len(graph.nodes), 0)
    count = len(next(iter(tensors.values())))
    return sorted(
        range(count),
        key=lambda branch: [place.get(tensors[name][branch], never) for name in results],
    )


def _alike(one: Node, two: Node) -> bool:
    """The same operator; of constants the same shapes."""
    return type(one.op) is type(two.op) and all(
        _same(getattr(one.op, field.name), getattr(two.op, field.name))
        for field in dataclasses.fields(one.op)
    )


def _same(one: Any, two: Any) -> bool:
    if isinstance(one, np.ndarray) and isinstance(two, np.ndarray):
        return one.shape == two.shape and one.dtype == two.dtype
    if dataclasses.is_dataclass(one) and not isinstance(one, Op) and type(one) is type(two):
        return all(
            _same(getattr(one, f.name), getattr(two, f.name)) for f in dataclasses.fields(one)
        )
    return bool(type(one) is type(two) and one == two)
