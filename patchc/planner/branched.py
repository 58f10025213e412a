"""Plans of graphs with equal branches: each branch runs to its end before the next one begins.

One branch is planned, and all run by that plan; so the search is that of a network of one branch,
and RAM is that of one branch and of what is merged. Nodes outside of the branches run whole, as
soon as what they read is there: they are the merge and what follows it, all of them vectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from patchc.choices import InputMode, OutputMode
from patchc.ir import Graph, Node
from patchc.ir.branches import Branches, find_branches
from patchc.plan.types import Plan, TunnelPlan
from patchc.planner.fetching import fetching
from patchc.planner.layer_by_layer import layers
from patchc.planner.machine import Machine
from patchc.planner.order import may_overwrite

# Inputs that lie where any number of tunnels can read them.
# Of an image that a callback brings, each branch fetches its rectangle.
MODES = (InputMode.EXTERN, InputMode.RESIDENT, InputMode.TILES)


def planned_branches(graph: Graph, mode: InputMode) -> Branches | None:
    """The branches of a graph that is planned so: what they give is pixels, and so is what is
    computed behind them."""
    found = find_branches(graph) if mode in MODES else None
    if found is None or set(found.results) & set(graph.outputs):
        return None
    inside = {name for branch in found.nodes for name in branch}
    outer = [node.output for node in graph.nodes if node.name not in inside]
    made = (*found.results, *outer)
    pixels = all(graph.tensors[name].shape[:2] == (1, 1) for name in made)
    reads = {name for node in graph.nodes if node.name not in inside for name in node.inputs}
    return found if pixels and found.cut not in reads and len(graph.inputs) == 1 else None


def one_branch(graph: Graph, branches: Branches, mode: InputMode) -> Graph:
    """The first branch as a network of its own; its rectangle is its input where it is fetched."""
    inside = set(branches.nodes[0])
    nodes = tuple(node for node in graph.nodes if node.name in inside)
    inputs = graph.inputs
    if mode is InputMode.TILES:
        crop = next(node for node in nodes if node.inputs[0] == branches.cut)
        inputs, nodes = (crop.output,), tuple(node for node in nodes if node is not crop)
    return replace(graph, inputs=inputs, outputs=branches.results).with_nodes(nodes)


class Branched:
    """Makes plans of the whole graph from plans of one branch."""

    def __init__(self, graph: Graph, branches: Branches, mode: InputMode, machine: Machine) -> None:
        self.graph, self.branches, self.mode = graph, branches, mode
        inside = {name for branch in branches.nodes for name in branch}
        self.outer = [node for node in graph.nodes if node.name not in inside]
        self._order = self._outer_order()
        self.in_place = self._in_place()
        owned = dict(self.in_place)
        chosen = [layers(graph, n, machine, n.output in owned)[0] for n in self.outer]
        self._steps = {n.name: layer.step for n, layer in zip(self.outer, chosen, strict=True)}
        self.outer_cost = sum(layer.cost for layer in chosen)

    def beside(self) -> int:
        """Bytes that wait while a branch runs, at most: results, and what they were merged to."""
        graph, waiting, most = self.graph, set[str](), 0
        last = {
            name: index
            for index, nodes in enumerate(self._order)
            for node in nodes
            for name in node.inputs
        }
        for index, nodes in enumerate(self._order):
            most = max(most, sum(graph.tensors[name].bytes for name in waiting))
            waiting |= {self.branches.tensors[name][index] for name in self.branches.results}
            waiting |= {node.output for node in nodes}
            waiting = {name for name in waiting if last.get(name, -1) > index}
        return most

    def plan(self, one: Plan, outputs: OutputMode) -> Plan:
        """All branches by the plan of one."""
        tunnels: list[TunnelPlan] = []
        in_place: list[tuple[str, str]] = []
        if self.mode is InputMode.TILES:
            one = replace(one, tunnels=self._fetching(one))
        for index, nodes in enumerate(self._order):
            names = self.branches.renamed(index)
            tunnels += [_renamed(tunnel, names) for tunnel in one.tunnels]
            in_place += [(names[target], names[source]) for target, source in one.in_place]
            tunnels += [TunnelPlan((self._steps[node.name],), whole=True) for node in nodes]
        return Plan(self.mode, tuple(tunnels), (*in_place, *self.in_place), outputs)

    def _fetching(self, one: Plan) -> tuple[TunnelPlan, ...]:
        """The tunnels of one branch, its rectangle fetched."""
        nodes = [self.graph.node(name) for name in self.branches.nodes[0]]
        crop = next(node for node in nodes if node.inputs[0] == self.branches.cut)
        return fetching(self.graph, one.tunnels, crop)

    def _outer_order(self) -> list[list[Node]]:
        """Behind each branch, the nodes that can run then."""
        there: set[str] = set()
        left, found = list(self.outer), []
        for index in range(self.branches.count):
            there |= {self.branches.tensors[name][index] for name in self.branches.results}
            ready: list[Node] = []
            for node in left:
                if there.issuperset(node.inputs):
                    ready.append(node)
                    there.add(node.output)
            left = [node for node in left if node not in ready]
            found.append(ready)
        assert not left, f"{left[0].name} reads what no branch makes"
        return found

    def _in_place(self) -> tuple[tuple[str, str], ...]:
        """An element-wise node writes over the oldest operand that dies: the sum so far."""
        nodes = [node for ready in self._order for node in ready]
        last = {name: node.name for node in nodes for name in node.inputs}
        born = {node.output: index for index, node in enumerate(nodes)}
        first = {self.branches.tensors[name][0] for name in self.branches.results}
        found: list[tuple[str, str]] = []
        for node in nodes:
            dying = [
                name
                for name in may_overwrite(self.graph, node, self.mode)
                if last[name] == node.name and (name in born or name in first)
            ]
            if dying:
                found.append((node.output, dying[0]))
        return tuple(found)


def _renamed(tunnel: TunnelPlan, names: Mapping[str, str]) -> TunnelPlan:
    steps = (replace(s, nodes=tuple(names[name] for name in s.nodes)) for s in tunnel.steps)
    return replace(tunnel, steps=tuple(steps))
