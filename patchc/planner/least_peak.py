"""Orders of little peak for one piece of a graph: best first while that is affordable, else a beam.

States are the sets of nodes that have run (closed under producers), as bit masks by node index;
running a node from a state needs the live tensors plus its output. Work is counted in steps looked
at, each for a set as large as its piece, so it is bounded whatever the graph.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from patchc.ir import Graph

# Steps looked at, each times the nodes of its piece and STEP_WORK: about a second in all. Networks
# people deploy need a few steps per node; only graphs with many parallel branches reach the limits.
EXACT_WORK = 12_000_000
BEAM_WORK = 50_000_000
STEP_WORK = 64
OPERANDS = 16  # with as many more operands a step counts as one more

Link = tuple["Link", int] | None  # the nodes that have run, the last one first


@dataclass(frozen=True, slots=True)
class Found:
    """An order of the nodes of a piece."""

    nodes: tuple[int, ...]
    peak: int  # bytes; of what came before as well
    optimal: bool


@dataclass(frozen=True, slots=True)
class State:
    """Between two nodes."""

    done: int  # mask of the nodes that have run
    ready: int  # mask of those that could run next
    alive: int  # bytes


class Liveness:
    """What is alive before, during and after each node of a graph, whatever the order."""

    def __init__(
        self,
        graph: Graph,
        size: dict[str, int],
        resident: Iterable[str],
        kept: Iterable[str],
        overwrites: Sequence[Sequence[str]],
    ) -> None:
        """`size`: bytes per tensor. `resident`: tensors that are there before anything runs.
        `kept`: those that stay to the end. `overwrites`: per node, operands whose memory it takes
        over if they die with it."""
        index = {node.output: i for i, node in enumerate(graph.nodes)}
        self.count = len(graph.nodes)
        self._size, self._kept = size, frozenset(kept)
        self._resident, self._overwrites = frozenset(resident), overwrites
        self._readers = {
            name: sum(1 << index[node.output] for node in nodes)
            for name, nodes in graph.consumers.items()
        }
        self._inputs = [tuple(dict.fromkeys(node.inputs)) for node in graph.nodes]
        self._outputs = [node.output for node in graph.nodes]
        # Images that the first reader loads.
        self._loaded = frozenset(name for name in graph.inputs if name not in self._resident)
        self.makers = [
            tuple(index[name] for name in inputs if name in index) for inputs in self._inputs
        ]
        self._needs = [sum(1 << maker for maker in makers) for makers in self.makers]
        self._looked = [1 + len(inputs) // OPERANDS for inputs in self._inputs]
        self._twins(graph)
        self._followers: list[list[int]] = [[] for _ in range(self.count)]
        for i, needs in enumerate(self._needs):
            for before in bits(needs):
                self._followers[before].append(i)

    def _twins(self, graph: Graph) -> None:
        """Nodes that read the same, make as much and are read by the same are interchangeable:
        each waits for the one before it in the file, so only one order of them is tried."""
        last: dict[object, int] = {}
        for i, output in enumerate(self._outputs):
            key = (
                self._inputs[i],
                tuple(self._overwrites[i]),
                graph.tensors[output].shape,
                self._readers[output],
                output in graph.outputs,
                output in self._kept,
            )
            if key in last:
                self._needs[i] |= 1 << last[key]
            last[key] = i

    def start(self) -> State:
        """Before the first node."""
        alive = sum(self._size[name] for name in self._resident if self._is_alive(name, 0))
        ready = sum(1 << i for i, needs in enumerate(self._needs) if not needs)
        return State(0, ready, alive)

    def _is_alive(self, name: str, done: int) -> bool:
        return name in self._kept or bool(self._readers[name] & ~done)

    def step(self, state: State, index: int) -> tuple[int, int]:
        """Bytes alive while node `index` runs, and afterwards."""
        done, after = state.done, state.done | 1 << index
        during, left = state.alive, state.alive
        for name in self._inputs[index]:
            if name in self._loaded and not self._readers[name] & done:
                during += self._size[name]
                left += self._size[name]
            if not self._is_alive(name, after):
                left -= self._size[name]
        made = self._outputs[index]
        if not any(not self._is_alive(name, after) for name in self._overwrites[index]):
            during += self._size[made]
        if self._is_alive(made, after):
            left += self._size[made]
        return during, left

    def after(self, state: State, index: int, alive: int) -> State:
        """The state once a node has run that leaves `alive` bytes."""
        done, ready = state.done | 1 << index, state.ready & ~(1 << index)
        for follower in self._followers[index]:
            if self._needs[follower] & ~done == 0:
                ready |= 1 << follower
        return State(done, ready, alive)

    def segment(self, state: State, peak: int, nodes: Iterable[int]) -> tuple[State, int]:
        """Nodes in a given order."""
        for index in nodes:
            need, alive = self.step(state, index)
            state, peak = self.after(state, index, alive), max(peak, need)
        return state, peak

    def settle(self, state: State, peak: int, link: Link, goal: int) -> tuple[State, Link, int]:
        """Run every node of the set `goal` that costs nothing: under the peak, and leaving no more
        alive. Any order that runs it later can be changed to run it now without a higher peak.
        Also gives the steps looked at."""
        looked, moved = 0, True
        while moved:
            moved = False
            for index in bits(state.ready & goal):
                looked += self._looked[index]
                need, alive = self.step(state, index)
                if alive <= state.alive and need <= peak:
                    state, link, moved = self.after(state, index, alive), (link, index), True
                    break
        return state, link, looked

    def children(self, state: State) -> Iterator[tuple[int, int, int, int]]:
        """Per node that could run next: index, bytes alive during and after it, steps that it
        counts as."""
        for index in bits(state.ready):
            need, alive = self.step(state, index)
            yield index, need, alive, self._looked[index]

    def bound(self, nodes: Sequence[int]) -> int:
        """Bytes that are alive during one of `nodes` whatever the order: what it reads and makes,
        and what its ancestors make and its descendants read."""
        before, behind = self.ancestors, self.descendants
        made = [(i, self._outputs[i]) for i in range(self.count)]
        most = 0
        for node in nodes:
            later = behind[node] | 1 << node
            inputs = self._inputs[node]
            total = sum(self._size[name] for name in inputs)
            if not self._overwrites[node]:
                total += self._size[self._outputs[node]]
            for i, name in made:
                needed = name in self._kept or self._readers[name] & later
                if needed and before[node] >> i & 1 and name not in inputs:
                    total += self._size[name]
            most = max(most, total)
        return most

    @cached_property
    def ancestors(self) -> list[int]:
        """Per node the mask of those that must run before it."""
        found: list[int] = []
        for makers in self.makers:
            mask = 0
            for maker in makers:
                mask |= found[maker] | 1 << maker
            found.append(mask)
        return found

    @cached_property
    def descendants(self) -> list[int]:
        """Per node the mask of those that must run behind it."""
        found = [0] * self.count
        for i in range(self.count - 1, -1, -1):
            for maker in self.makers[i]:
                found[maker] |= found[i] | 1 << i
        return found

    def pieces(self) -> list[list[int]]:
        """Nodes, in the file's order, between those that every other node runs before or behind:
        each order runs one piece after the other."""
        before, behind = self.ancestors, self.descendants
        found: list[list[int]] = []
        left = (1 << self.count) - 1
        for i in range(self.count):
            if before[i].bit_count() + behind[i].bit_count() == self.count - 1:
                mask = (before[i] | 1 << i) & left
                found.append(list(bits(mask)))
                left &= ~mask
        return [*found, list(bits(left))] if left else found


def best_first(live: Liveness, start: State, peak: int, piece: Sequence[int]) -> Found | None:
    """The order of least peak, exactly; ties go to the file's order. None: it is not affordable."""
    goal = start.done | sum(1 << i for i in piece)
    steps = EXACT_WORK // (live.count * (STEP_WORK + len(piece))) * len(piece)
    wide = 4 if live.count > 0xFFFF else 2
    # Entries: peak, nodes left, the nodes that have run (which is the tie-break too), state.
    heap: list[tuple[int, int, bytes, State]] = [(peak, len(piece), b"", start)]
    pushed: dict[int, tuple[int, bytes]] = {start.done: (peak, b"")}
    seen: set[int] = set()
    while heap and steps >= 0:
        peak, _, key, state = heapq.heappop(heap)
        if state.done in seen:
            continue
        seen.add(state.done)
        state, link, looked = live.settle(state, peak, None, goal)
        steps -= looked
        key += b"".join(index.to_bytes(wide, "big") for index in unlink(link))
        if state.done == goal:
            nodes = (key[i : i + wide] for i in range(0, len(key), wide))
            return Found(tuple(int.from_bytes(n, "big") for n in nodes), peak, optimal=True)
        seen.add(state.done)
        left = len(piece) - len(key) // wide - 1
        for index, need, alive, looked in live.children(state):
            steps -= looked
            done = state.done | 1 << index
            better = (max(peak, need), key + index.to_bytes(wide, "big"))
            if done not in seen and (done not in pushed or better < pushed[done]):
                pushed[done] = better
                heapq.heappush(heap, (better[0], left, better[1], live.after(state, index, alive)))
    return None


def beam(live: Liveness, start: State, peak: int, piece: Sequence[int]) -> Found:
    """An order of little peak: of the sets of as many nodes, those of least peak, then of fewest
    bytes alive, are carried on, as many as work allows, but one at least."""
    least = max(peak, live.bound(piece), live.segment(start, peak, piece)[0].alive)
    allowed = BEAM_WORK // (live.count * (STEP_WORK + len(piece)))  # steps per level
    goal = start.done | sum(1 << i for i in piece)
    # By the number of nodes that have run: mask -> peak, state, the nodes.
    levels: list[dict[int, tuple[int, State, Link]]] = [{} for _ in range(len(piece) + 1)]
    levels[0][start.done] = (least, start, None)
    for count in range(len(piece)):
        level, levels[count] = levels[count], {}
        steps = allowed
        for reached, state, link in sorted(level.values(), key=lambda s: (s[0], s[1].alive)):
            if steps < 0:
                break
            state, link, looked = live.settle(state, reached, link, goal)
            steps -= looked
            if state.done == goal:
                levels[-1].setdefault(goal, (reached, state, link))
                break  # the rest of the level has no lower peak
            into = levels[(state.done & ~start.done).bit_count() + 1]
            for index, need, alive, looked in live.children(state):
                steps -= looked
                done, high = state.done | 1 << index, max(reached, need)
                if done not in into or high < into[done][0]:
                    into[done] = (high, live.after(state, index, alive), (link, index))
    ((_, _, link),) = levels[-1].values()
    order = unlink(link)
    _, reached = live.segment(start, peak, order)
    return Found(order, reached, optimal=reached <= least)


def unlink(link: Link) -> tuple[int, ...]:
    """The nodes in the order in which they run."""
    found = []
    while link is not None:
        link, index = link
        found.append(index)
    return tuple(found[::-1])


def bits(mask: int) -> Iterator[int]:
    """The positions of the ones, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
