"""Graph -> Graph: one file per pass, and the one list that names their order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from patchc.ir import Graph, GraphError, verify
from patchc.passes.constant_operands import table_constants
from patchc.passes.dead_nodes import drop_dead_nodes
from patchc.passes.drop_repeats import drop_repeats
from patchc.passes.fold_clips import fold_clips
from patchc.passes.identity_tables import drop_identity_tables
from patchc.passes.merge_tables import merge_tables


@dataclass(frozen=True, slots=True)
class Pass:
    """A rewriting of the Graph that keeps its meaning: every output byte stays the same."""

    name: str  # as in `patchc inspect --dump after=NAME`
    run: Callable[[Graph], Graph]


# Merging before what looks at single tables: two in a row may be a clip, or nothing, only together;
# and before it whatever makes tables. Dead nodes last.
PASSES: tuple[Pass, ...] = (
    Pass("table-constants", table_constants),
    Pass("merge-tables", merge_tables),
    Pass("drop-identity-tables", drop_identity_tables),
    Pass("fold-clips", fold_clips),
    Pass("drop-repeats", drop_repeats),
    Pass("drop-dead-nodes", drop_dead_nodes),
)


def run_passes(graph: Graph) -> Graph:
    """All passes in order. Raises GraphError, naming the pass, where one breaks a rule."""
    verify(graph)
    for item in PASSES:
        graph = item.run(graph)
        try:
            verify(graph)
        except GraphError as error:
            raise GraphError(f"after {item.name}: {error}") from error
    return graph


__all__ = ["PASSES", "Pass", "run_passes"]
