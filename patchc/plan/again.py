"""The graph of a plan that makes tensors again: with a second node for each one that runs twice.

What is made again is part of the graph from here on, so everything behind it (lowering, shadow
memory, prices, proofs, C) knows only nodes that run once. Both copies hold the same bytes, as they
are made of the same bytes by the same operators; constants that are equal are emitted once.

Where a callback brings the image, a node that reads the image again reads a copy of it, which the
callback brings a second time: a rectangle of the image that is the whole image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from patchc.choices import InputMode
from patchc.errors import PatchcError
from patchc.ir import Graph, Node
from patchc.ir.branches import is_crop
from patchc.ir.graph import ONE_BY_ONE, Rearrange
from patchc.plan.types import Again

SUFFIX = "_again"


def repeated(graph: Graph, again: Sequence[Again], mode: InputMode) -> Graph:
    """`graph` with what `again` adds to it, item after item.

    Raises PatchcError where an item, perhaps of a file, does not fit the graph.
    """
    for item in again:
        graph = _with(graph, item, mode)
    return graph


def copied_images(before: Graph, after: Graph) -> tuple[Node, ...]:
    """The nodes of a repeated graph that stand for an image which is brought once more."""
    old = {node.name for node in before.nodes}
    return tuple(
        node
        for node in after.nodes
        if node.name not in old and node.inputs[0] in after.inputs and is_crop(node, after)
    )


def _with(graph: Graph, item: Again, mode: InputMode) -> Graph:
    position = {node.name: index for index, node in enumerate(graph.nodes)}
    _check(graph, item, position)
    tensor = graph.node(item.nodes[-1]).output
    first = min(position[name] for name in item.readers)
    names = _Names(graph)
    renamed: dict[str, str] = {}
    added: list[Node] = []
    if mode is InputMode.TILES:
        read = [name for node in item.nodes for name in graph.node(node).inputs]
        for image in (name for name in graph.inputs if name in read):
            renamed[image] = names.fresh(image)
            source = np.arange(graph.tensors[image].shape[2])
            copy = Rearrange(ONE_BY_ONE, source)
            added.append(Node(names.fresh(renamed[image]), copy, (image,), renamed[image]))
    for name in item.nodes:
        node = graph.node(name)
        inputs = tuple(renamed.get(operand, operand) for operand in node.inputs)
        renamed[node.output] = names.fresh(node.output)
        added.append(
            replace(node, name=names.fresh(name), inputs=inputs, output=renamed[node.output])
        )
    again = renamed[tensor]
    readers = set(item.readers)
    nodes: list[Node] = []
    for index, node in enumerate(graph.nodes):
        nodes += added if index == first else []
        if node.name in readers:
            inputs = tuple(again if name == tensor else name for name in node.inputs)
            node = replace(node, inputs=inputs)
        nodes.append(node)
    tensors = dict(graph.tensors)
    tensors |= {new: replace(tensors[old], name=new) for old, new in renamed.items()}
    return replace(graph, tensors=tensors).with_nodes(tuple(nodes))


def _check(graph: Graph, item: Again, position: Mapping[str, int]) -> None:
    """Raises PatchcError."""
    unknown = [name for name in (*item.nodes, *item.readers) if name not in position]
    if unknown or not item.nodes or not item.readers:
        what = f"node {unknown[0]!r}, which the model does not have" if unknown else "no node"
        raise PatchcError(f"the plan makes a tensor again and names {what}")
    places = [position[name] for name in item.nodes]
    if places != sorted(set(places)) or len(set(item.readers)) < len(item.readers):
        raise PatchcError(f"the plan runs {item.nodes[-1]!r} again in an order that does not work")
    tensor = graph.node(item.nodes[-1]).output
    if any(tensor not in graph.node(name).inputs for name in item.readers):
        raise PatchcError(f"the plan makes {tensor!r} again for a node that does not read it")
    if not is_read_first(graph, item):
        raise PatchcError(f"the plan makes {tensor!r} again for all nodes that read it")


def is_read_first(graph: Graph, item: Again) -> bool:
    """Does a node read the tensor, or the caller, that does not read the second one?"""
    tensor = graph.node(item.nodes[-1]).output
    readers = {node.name for node in graph.consumers[tensor]}
    return tensor in graph.outputs or not readers.issubset(item.readers)


class _Names:
    """Names that neither a node nor a tensor of a graph has."""

    def __init__(self, graph: Graph) -> None:
        self.taken = {node.name for node in graph.nodes} | set(graph.tensors)

    def fresh(self, name: str) -> str:
        found, count = f"{name}{SUFFIX}", 2
        while found in self.taken:
            found, count = f"{name}{SUFFIX}{count}", count + 1
        self.taken.add(found)
        return found
