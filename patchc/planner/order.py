"""The order of execution that needs the least memory, layer by layer.

States are the sets of nodes that have run (closed under producers); running a node from a state
needs the live tensors plus its output. The order with the least peak is a path of least maximum
over these states: best-first search, exact. Two things keep it small on real networks: a node that
fits under the peak reached so far and leaves no more alive than before is run at once (any order
that runs it later can be changed to run it now without a higher peak), and states are met once.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import networkx as nx

from patchc.ir import Binary, Graph, Lut, Node
from patchc.plan.types import InputMode, OutputMode, handed_over

# States a search may expand before it settles for the best order that it has seen. Networks people
# deploy need a few states per node; only graphs with many long parallel branches reach this.
MAX_STATES = 50_000


@dataclass(frozen=True, slots=True)
class Order:
    """An order of nodes. `peak_bytes` counts tensors alive during a step, in place where it can."""

    nodes: tuple[Node, ...]
    peak_bytes: int
    optimal: bool  # False: the search was cut off; the peak is an upper bound


def may_overwrite(graph: Graph, node: Node, mode: InputMode) -> tuple[str, ...]:
    """Operands whose memory `node` could write over, element by element, if they died with it."""
    if not isinstance(node.op, Binary | Lut):
        return ()
    const = set(graph.inputs) if mode is InputMode.EXTERN else set()
    return tuple(
        name
        for name in dict.fromkeys(node.inputs)
        if name not in const
        and name not in graph.outputs
        and graph.tensors[name].shape == graph.tensors[node.output].shape
    )


def best_order(graph: Graph, mode: InputMode, outputs: OutputMode = OutputMode.ARENA) -> Order:
    """The order of least peak. Ties go to the file's order, so the result is deterministic."""
    search = _Search(graph, mode, outputs)
    found = search.run()
    if found is not None:
        return found
    peak, state = 0, search.start
    for index in range(len(graph.nodes)):
        peak = max(peak, search.step_bytes(state, index))
        state |= 1 << index
    return Order(graph.nodes, peak, optimal=False)


def orders(graph: Graph, mode: InputMode, outputs: OutputMode) -> tuple[tuple[Node, ...], ...]:
    """Orders to plan tunnels in, the most promising first; some may be equal.

    The one of least peak layer by layer; the file's; and depth first from the outputs, into the
    larger operands first.
    """
    return best_order(graph, mode, outputs).nodes, graph.nodes, _depth_first(graph)


def _depth_first(graph: Graph) -> tuple[Node, ...]:
    """Each operand with all that leads to it, before the next."""
    # From what reads to what makes: whatever is finished first runs first.
    walk: nx.DiGraph[str] = nx.DiGraph()
    walk.add_nodes_from(node.name for node in reversed(graph.nodes))
    for node in graph.nodes:
        makers = [graph.producer[name] for name in _produced(graph, node)]
        makers.sort(key=lambda maker: -graph.tensors[maker.output].bytes)
        walk.add_edges_from((node.name, maker.name) for maker in makers)
    return tuple(map(graph.node, nx.dfs_postorder_nodes(walk)))


class _Search:
    """Best-first search over sets of executed nodes, as bit masks by node index."""

    def __init__(self, graph: Graph, mode: InputMode, outputs: OutputMode) -> None:
        self.graph, self.start = graph, 0
        index = {node.name: i for i, node in enumerate(graph.nodes)}
        extern = mode is InputMode.EXTERN
        # tensor -> (bytes, mask of its producer, mask of all readers); outputs that stay in the
        # arena are never dead
        self.size = {
            name: 0 if extern and name in graph.inputs else tensor.bytes
            for name, tensor in graph.tensors.items()
        }
        self.readers = {
            name: sum(1 << index[node.name] for node in nodes)
            for name, nodes in graph.consumers.items()
        }
        self.outputs = set(graph.outputs) - handed_over(graph, outputs)
        # A resident image is there before anything runs; any other is loaded by its first reader.
        self.resident = set(graph.inputs) if mode is InputMode.RESIDENT else set()
        self.needs = [
            sum(1 << index[graph.producer[name].name] for name in _produced(graph, node))
            for node in graph.nodes
        ]
        self.overwrites = [may_overwrite(graph, node, mode) for node in graph.nodes]
        self.producer_index = {node.output: i for i, node in enumerate(graph.nodes)}

    def alive(self, state: int) -> int:
        """Bytes alive between steps. Used once; afterwards the figure is kept up by `_after`."""
        return sum(self.size[name] for name in self.resident if self._is_alive(name, state))

    def _is_alive(self, name: str, state: int) -> bool:
        return name in self.outputs or bool(self.readers[name] & ~state)

    def _entered(self, name: str, state: int) -> bool:
        """Is this tensor in memory already, before the next step?"""
        if name in self.producer_index:
            return bool(state >> self.producer_index[name] & 1)
        return name in self.resident or bool(self.readers[name] & state)

    def step_bytes(self, state: int, index: int, alive: int | None = None) -> int:
        """Bytes alive while node `index` runs from `state`."""
        if alive is None:
            alive = sum(
                self.size[name]
                for name in self.size
                if self._entered(name, state) and self._is_alive(name, state)
            )
        node = self.graph.nodes[index]
        after = state | 1 << index
        need = alive + self.size[node.output]
        need += sum(
            self.size[name] for name in dict.fromkeys(node.inputs) if not self._entered(name, state)
        )
        if any(not self._is_alive(name, after) for name in self.overwrites[index]):
            need -= self.size[node.output]
        return need

    def _after(self, state: int, index: int, alive: int) -> int:
        """Bytes alive once node `index` has run from `state`, which has `alive` of them."""
        node, after = self.graph.nodes[index], state | 1 << index
        for name in dict.fromkeys(node.inputs):
            if not self._entered(name, state):
                alive += self.size[name]
            if not self._is_alive(name, after):
                alive -= self.size[name]
        if self._is_alive(node.output, after):
            alive += self.size[node.output]
        return alive

    def run(self) -> Order | None:
        nodes = self.graph.nodes
        goal = (1 << len(nodes)) - 1
        start_alive = self.alive(0)
        # entries: peak, nodes left, path (indices; also the tie-break), state, alive
        heap: list[tuple[int, int, tuple[int, ...], int, int]] = [
            (start_alive, len(nodes), (), self.start, start_alive)
        ]
        seen: set[int] = set()
        while heap and len(seen) < MAX_STATES:
            peak, _, path, state, alive = heapq.heappop(heap)
            if state in seen:
                continue
            seen.add(state)
            state, alive, path = self._settle(peak, state, alive, path)
            if state == goal:
                return Order(tuple(nodes[i] for i in path), peak, optimal=True)
            seen.add(state)
            for index in self._ready(state):
                after = state | 1 << index
                if after in seen:
                    continue
                need = self.step_bytes(state, index, alive)
                heapq.heappush(
                    heap,
                    (
                        max(peak, need),
                        len(nodes) - len(path) - 1,
                        (*path, index),
                        after,
                        self._after(state, index, alive),
                    ),
                )
        return None

    def _ready(self, state: int) -> list[int]:
        return [
            i for i, needs in enumerate(self.needs) if not state >> i & 1 and needs & state == needs
        ]

    def _settle(
        self, peak: int, state: int, alive: int, path: tuple[int, ...]
    ) -> tuple[int, int, tuple[int, ...]]:
        """Run every node that costs nothing: under the peak, and leaving no more alive."""
        moved = True
        while moved:
            moved = False
            for index in self._ready(state):
                after = self._after(state, index, alive)
                if after <= alive and self.step_bytes(state, index, alive) <= peak:
                    state, alive, path = state | 1 << index, after, (*path, index)
                    moved = True
                    break
        return state, alive, path


def _produced(graph: Graph, node: Node) -> list[str]:
    return [name for name in dict.fromkeys(node.inputs) if name in graph.producer]
