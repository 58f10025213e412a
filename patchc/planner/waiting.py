"""Which map to make again: of those that wait at the peak of a plan, the one whose bytes are the
cheapest to do without.

A plan often has many peaks, hardly lower than the highest. A map that waits at all of them brings
the plan down; one that waits at a single one, by nothing, however cheap its bytes. So first
choice are maps without which the whole plan needs MUCH less. Where no single one does that, it
takes several, and each is chosen by what it saves at the highest peak alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from patchc.choices import InputMode
from patchc.ir import Graph, Node
from patchc.memory import live_bytes
from patchc.plan.types import Again
from patchc.planner.layer_by_layer import layers
from patchc.planner.machine import Machine
from patchc.schedule.types import BufferKind, Schedule

MOST_TOGETHER = 24  # nodes that run again for one tensor
NEAR = 8  # maps before one at the peak that are looked at
WORTH = 0.02  # of the bytes at the peak: what a tensor made again has to save there
MUCH = 0.1  # of them: what it has to save in every block to be the first choice


def cheapest_again(
    graph: Graph, mode: InputMode, machine: Machine, schedule: Schedule
) -> tuple[Again, int] | None:
    """What to make again, so that fewer bytes wait at the peak of a plan, and what that costs;
    None: nothing.

    Maps that wait there, in the first place. Else those from which maps at the peak are made, a few
    nodes before: had they not been whole either, one tunnel could lead through both.
    """
    plan = _Seen(graph, mode, machine, schedule)
    whole = {
        name: buffer
        for name, storage in schedule.storages.items()
        if name in graph.producer
        and name not in graph.outputs
        and (buffer := schedule.buffers[storage.buffer]).kind is BufferKind.MAP
    }
    alive = [name for name, buffer in whole.items() if buffer.first <= plan.peak <= buffer.last]
    behind = {name for top in alive for name in _ancestors(graph, top, NEAR)} & whole.keys()
    waiting = list(plan.ways(alive, plan.peak))
    return (
        plan.cheapest(waiting, plan.saved_everywhere, MUCH)
        or plan.cheapest(waiting, plan.saved_there, WORTH)
        or plan.cheapest(plan.ways(sorted(behind.difference(alive)), 0), plan.saved_there, WORTH)
    )


def layers_cost(graph: Graph, nodes: Iterable[Node], machine: Machine) -> int:
    """What nodes cost layer by layer."""
    return sum(layers(graph, node, machine)[0].cost for node in nodes)


@dataclass(frozen=True)
class _Way:
    """A way to make a tensor again."""

    tensor: str
    readers: tuple[str, ...]  # of the second one
    cut: str  # the map that it is made of
    nodes: tuple[Node, ...]


@dataclass(frozen=True)
class _Seen:
    """A plan of a graph, and how many bytes are alive in each of its blocks."""

    graph: Graph
    mode: InputMode
    machine: Machine
    schedule: Schedule

    @cached_property
    def live(self) -> Sequence[int]:
        return live_bytes(self.schedule)

    @cached_property
    def peak(self) -> int:
        """The first block of the most bytes."""
        return max(range(len(self.live)), key=self.live.__getitem__)

    @cached_property
    def blocks(self) -> Mapping[str, int]:
        """The block of each node."""
        return {
            name: index
            for index, block in enumerate(self.schedule.blocks)
            for step in block.steps
            for name in step.nodes
        }

    def ways(self, names: Iterable[str], first: int) -> Iterator[_Way]:
        """All ways to make each of these tensors again for readers from the block `first` on."""
        for name in names:
            for readers in _later_readers(self.graph, name, self.blocks, first):
                for cut, nodes in _ways(self.graph, name, self.mode):
                    yield _Way(name, readers, cut, tuple(nodes))

    def cheapest(
        self, ways: Iterable[_Way], saved: Callable[[_Way], int], share: float
    ) -> tuple[Again, int] | None:
        """Of the ways that save at least that share of the peak, the one of least cost per byte."""
        best: tuple[float, Again, int] | None = None
        for way in ways:
            size = saved(way)
            if size >= self.live[self.peak] * share:
                cost = layers_cost(self.graph, way.nodes, self.machine)
                if best is None or cost / size < best[0]:
                    item = Again(tuple(node.name for node in way.nodes), way.readers)
                    best = cost / size, item, cost
        return None if best is None else best[1:]

    def saved_there(self, way: _Way) -> int:
        """Bytes less at the peak, if the tensor does not wait there."""
        saved = self.graph.tensors[way.tensor].bytes
        if not self._lies_there(way.cut, self._until(way)):
            saved -= self.graph.tensors[way.cut].bytes
        return saved

    def saved_everywhere(self, way: _Way) -> int:
        """Bytes less at the highest peak that is left, if the tensor waits nowhere between its
        earlier and its later readers."""
        graph, blocks = self.graph, self.blocks
        size, cut = (graph.tensors[name].bytes for name in (way.tensor, way.cut))
        made, until = blocks[graph.producer[way.tensor].name], self._until(way)
        late = {blocks[name] for name in way.readers}
        early = {blocks[node.name] for node in graph.consumers[way.tensor]} - late
        # Readers behind the node that makes it could run in one tunnel with it, where it does not
        # exist in full; and so could those that it is made again for.
        since = made if max(early) <= made + 1 and len(early) == 1 else max(early) + 1
        left = list(self.live)
        for block in range(since, until + 1):
            left[block] -= size
        if not self._lies_there(way.cut, until):
            for block in range(max(blocks[node.name] for node in graph.consumers[way.cut]), until):
                left[block + 1] += cut
        else:
            cut = 0
        if len(late) > 1:  # it exists in full, though its rows may take the place of those it reads
            left[until] += max(size - cut, 0)
        return self.live[self.peak] - max(left)

    def _until(self, way: _Way) -> int:
        """The first block that reads the second tensor."""
        return min(self.blocks[reader] for reader in way.readers)

    def _lies_there(self, name: str, until: int) -> bool:
        """Can a tensor be read in a block without waiting for that?"""
        if name in self.graph.inputs and self.mode in (InputMode.TILES, InputMode.EXTERN):
            return True
        return name in self.graph.outputs or any(
            self.blocks[node.name] >= until for node in self.graph.consumers[name]
        )


def _later_readers(
    graph: Graph, name: str, blocks: Mapping[str, int], first: int
) -> Iterator[tuple[str, ...]]:
    """The nodes that read a tensor from a block on, and later than another one; the last of them,
    the last two and so on."""
    readers = sorted(graph.consumers[name], key=lambda node: blocks[node.name])
    for count in range(1, len(readers)):
        later = readers[-count:]
        block = blocks[later[0].name]
        if block >= first and block > blocks[readers[0].name]:
            yield tuple(node.name for node in later)


def _ways(graph: Graph, name: str, mode: InputMode) -> Iterator[tuple[str, list[Node]]]:
    """Nodes that make a tensor again, and the one map that they make it of; vectors lie there
    anyway."""
    for cut in _ancestors(graph, name, MOST_TOGETHER):
        if cut in graph.inputs and mode is InputMode.STREAM:
            continue  # its rows come once
        nodes = _between(graph, cut, name)
        if nodes is not None:
            yield cut, nodes


def _ancestors(graph: Graph, name: str, most: int) -> list[str]:
    """About `most` maps that lead to one, the nearest first."""
    found = [name]
    for tensor in found:  # while it grows
        made = graph.producer.get(tensor)
        if made is not None and len(found) <= most:
            found += [
                operand
                for operand in dict.fromkeys(made.inputs)
                if operand not in found and not _is_vector(graph, operand)
            ]
    return found[1:]


def _between(graph: Graph, cut: str, name: str) -> list[Node] | None:
    """All nodes that lead from `cut` to a tensor; None where they need another map, too."""
    wanted, found = [name], set[str]()
    while wanted:
        tensor = wanted.pop()
        if tensor == cut or _is_vector(graph, tensor) or tensor in found:
            continue
        if tensor not in graph.producer or len(found) == MOST_TOGETHER:
            return None
        found.add(tensor)
        wanted += graph.producer[tensor].inputs
    return [node for node in graph.nodes if node.output in found]


def _is_vector(graph: Graph, name: str) -> bool:
    return graph.tensors[name].shape[:2] == (1, 1)
