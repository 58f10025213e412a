"""Plan: the decisions about how a Graph is run. plan/json.py writes and reads it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from patchc.choices import InputMode, OutputMode
from patchc.ir import Graph


def handed_over(graph: Graph, mode: OutputMode) -> frozenset[str]:
    """Outputs that leave through a callback: those of several rows, inputs that are outputs
    excepted."""
    if mode is OutputMode.ARENA:
        return frozenset()
    made = (name for name in graph.outputs if name not in graph.inputs)
    return frozenset(name for name in made if graph.tensors[name].shape[0] > 1)


# Instead of a kernel: the node copies a rectangle of an image, which the callback brings as such.
FETCH = "fetch"


@dataclass(frozen=True, slots=True)
class StepPlan:
    """Nodes that run together, so that what the earlier ones make never exists as a whole row.

    One node: on its own. Several: a tree whose inner tensors are each read by one later node, run
    over small pieces of the last one's output.

    * tile > 0: `tile` columns at a time. Every node that reads inner tensors is 1x1 or
      element-wise, or the last one adds its input up (a mean). Depthwise + projection run like
      this, and so does what leads to the other operand of the sum behind them.
    * group > 0: `group` channels of the inner tensors at a time, over `rows` output rows, with the
      last node's sums in int32: expansion, depthwise, projection (bottleneck reordering). Or
      without sums, where a table ends the step: its kernel puts these channels among all.
    """

    nodes: tuple[str, ...]  # names, in execution order
    kernels: tuple[str, ...] = ()  # of each node: a name in kernels.registry; of sums, who adds
    tile: int = 0  # columns
    group: int = 0  # channels
    rows: int = 1  # rows of the last node's output per call
    # Rows after which the rings that it reads move, so that their rows always lie in order; such a
    # ring has slide - 1 rows more than it needs. 0: they wrap, and stay where they are.
    slide: int = 0

    @property
    def is_fetched(self) -> bool:
        """Is its node a rectangle that the caller's callback brings?"""
        return self.kernels == (FETCH,)


@dataclass(frozen=True, slots=True)
class TunnelPlan:
    """A run of steps computed patch by patch.

    `whole`: every step once, over its whole output: layer by layer when there is one step, all at
    once or `rows` rows per call. Otherwise rows stream through the steps, and `stripes` column
    stripes follow each other.
    """

    steps: tuple[StepPlan, ...]
    stripes: int = 1  # column stripes of the tunnel's outputs
    whole: bool = False
    reverse: bool = False  # rows from the last to the first
    rows: int = 0  # of a whole output per call; 0: all

    @property
    def nodes(self) -> tuple[str, ...]:
        """All its nodes in execution order."""
        return tuple(name for step in self.steps for name in step.nodes)


@dataclass(frozen=True, slots=True)
class Again:
    """A tensor that is made a second time for its later readers, so that it need not wait for them.

    `nodes` run again, under new names (plan/again.py): the last one makes the tensor, and the
    others what it is made of, as far as that does not lie there anyway.
    """

    nodes: tuple[str, ...]  # names, in execution order
    readers: tuple[str, ...]  # names of the nodes that read the second one


@dataclass(frozen=True, slots=True)
class Plan:
    """All decisions. The order of nodes is the concatenation of the tunnels."""

    input_mode: InputMode
    tunnels: tuple[TunnelPlan, ...]
    # tensor -> the operand whose memory its values overwrite, element by element
    in_place: tuple[tuple[str, str], ...] = ()
    output_mode: OutputMode = OutputMode.ARENA
    # One after the other: a later one may speak of what an earlier one has added.
    again: tuple[Again, ...] = ()

    def in_reverse(self, chosen: Collection[int]) -> Plan:
        """The same plan with the tunnels at these positions run from the last row to the first."""
        turned = (
            replace(tunnel, reverse=index in chosen) for index, tunnel in enumerate(self.tunnels)
        )
        return replace(self, tunnels=tuple(turned))
