"""The order of execution that needs the least memory, layer by layer.

It is searched exactly where that is affordable. Where it is not, nodes that all others come before
or behind cut the problem: each order runs the pieces one after the other, and the peak is the
largest of theirs. A piece that is still too large takes the best of a beam, of the file's order and
of depth first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx

from patchc.choices import InputMode, OutputMode
from patchc.ir import Binary, Graph, Lut, Node
from patchc.plan.types import handed_over
from patchc.planner.least_peak import Found, Liveness, State, beam, best_first


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
    live = _liveness(graph, mode, outputs)
    start = live.start()
    found = best_first(live, start, start.alive, range(live.count))
    if found is None:
        found = _by_pieces(graph, live, start)
    return Order(tuple(graph.nodes[i] for i in found.nodes), found.peak, found.optimal)


def _by_pieces(graph: Graph, live: Liveness, state: State) -> Found:
    """Each piece exactly where that is affordable."""
    pieces = live.pieces()
    peak, optimal = state.alive, True
    order: list[int] = []
    for piece in pieces:
        found = best_first(live, state, peak, piece) if len(pieces) > 1 else None
        if found is None:
            found = _affordable(graph, live, state, peak, piece)
        state, peak = live.segment(state, peak, found.nodes)
        optimal = optimal and found.optimal
        order.extend(found.nodes)
    return Found(tuple(order), peak, optimal)


def _affordable(
    graph: Graph, live: Liveness, start: State, peak: int, piece: Sequence[int]
) -> Found:
    """A good order of a piece: no worse than the file's and than depth first."""
    index = {node.name: i for i, node in enumerate(graph.nodes)}
    inside = frozenset(piece)
    deep = (index[node.name] for node in _depth_first(graph))
    tries = [beam(live, start, peak, piece)]
    for nodes in (tuple(piece), tuple(i for i in deep if i in inside)):
        tries.append(Found(nodes, live.segment(start, peak, nodes)[1], optimal=False))
    return min(tries, key=lambda found: found.peak)


def _liveness(graph: Graph, mode: InputMode, outputs: OutputMode) -> Liveness:
    extern = mode is InputMode.EXTERN
    return Liveness(
        graph,
        size={
            name: 0 if extern and name in graph.inputs else tensor.bytes
            for name, tensor in graph.tensors.items()
        },
        # A resident image is there before anything runs; any other is loaded by its first reader.
        resident=graph.inputs if mode is InputMode.RESIDENT else (),
        # Outputs that stay in the arena are never dead.
        kept=set(graph.outputs) - handed_over(graph, outputs),
        overwrites=[may_overwrite(graph, node, mode) for node in graph.nodes],
    )


def orders(graph: Graph, least: Sequence[Node]) -> tuple[tuple[Node, ...], ...]:
    """Orders to plan tunnels in, the most promising first; some may be equal.

    `least`, the one of least peak layer by layer; the file's; and depth first from the outputs,
    into the larger operands first.
    """
    return tuple(least), graph.nodes, _depth_first(graph)


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


def _produced(graph: Graph, node: Node) -> list[str]:
    return [name for name in dict.fromkeys(node.inputs) if name in graph.producer]
