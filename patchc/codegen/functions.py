"""Which static function of NAME.c computes which nodes: what counts per node are made from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from patchc.codegen.calls import BlockFunction
from patchc.codegen.tunnels import TunnelFunction
from patchc.schedule.types import Schedule


def describe_functions(
    schedule: Schedule, written: Sequence[BlockFunction | TunnelFunction], in_slices: bool
) -> list[dict[str, Any]]:
    """Per block, in the order in which they run: its function and those of its steps. A layer's
    only step has no function of its own: it is named by the block's. A tunnel has none where the
    program also runs in slices: it is named by that of its first step."""
    found = []
    for block, function in zip(schedule.blocks, written, strict=True):
        if isinstance(function, TunnelFunction):
            names = [step.name for step in function.steps]
        else:
            names = [function.name]
        steps = [
            {"function": name, "step": step.name, "nodes": list(step.nodes)}
            for name, step in zip(names, block.steps, strict=True)
        ]
        own = names[0] if in_slices else function.name
        found.append({"function": own, "steps": steps})
    return found
