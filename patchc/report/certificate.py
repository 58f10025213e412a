"""certificate.json: what the C in OUT rests on, as plain numbers, for a checker to prove again.

Written from the schedule, the placement and the constants that the C is printed from.
`patchc/certificate.py` reads it, and shares nothing with what made it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from patchc.choices import WeightsMode
from patchc.codegen.constants import (
    Field,
    constants_key,
    grouped_calls,
    node_constants,
)
from patchc.geometry.clocks import RowClock
from patchc.ir import Conv, Graph, MatMul
from patchc.kernels.kernel import Kernel
from patchc.kernels.narrow import NARROW
from patchc.memory import Placement
from patchc.numerics.forms import HIGH
from patchc.numerics.structs import (
    ConvCmsisNNParams,
    ConvDspParams,
    ConvParams,
    GlobalParams,
    MatmulParams,
    Params,
    Rare,
)
from patchc.numerics.thresholds import (
    Channels,
    conv_channels,
    every_step,
    pool_channels,
    product_channels,
)
from patchc.schedule.types import Block, Call, KernelCall, Load, Schedule, Step, Storage

FORMAT = 1
REQUANTISING = ConvParams | ConvDspParams | ConvCmsisNNParams | GlobalParams | MatmulParams


def certificate(
    schedule: Schedule,
    placement: Placement,
    prefix: str,
    weights: WeightsMode,
    files: Mapping[str, str | bytes],
    model_sha256: str,
) -> str:
    """The text of certificate.json. `files`: those of OUT whose content it speaks of."""
    found = {
        "format": FORMAT,
        "model_sha256": model_sha256,
        "files": {name: _digest(content) for name, content in sorted(files.items())},
        "name": prefix,
        "input_mode": schedule.input_mode.value,
        "arena_bytes": placement.arena_bytes,
        "buffers": [
            asdict(buffer) | {"offset": placement.offsets.get(buffer.name)}
            for buffer in schedule.buffers.values()
        ],
        "storages": [_storage(storage) for storage in schedule.storages.values()],
        "sums": [asdict(sums) for sums in schedule.sums.values()],
        "overlaps": [
            {"block": one.block, "target": one.target, "source": one.source}
            for one in schedule.overlaps
        ],
        "blocks": [_block(block) for block in schedule.blocks],
        "requantisation": list(_forms(schedule, prefix, weights)),
    }
    return json.dumps(found, indent=1) + "\n"


def _digest(content: str | bytes) -> str:
    data = content.encode("utf-8") if isinstance(content, str) else content
    return hashlib.sha256(data).hexdigest()


def _clock(clock: RowClock) -> list[int]:
    return [clock.mul, clock.num, clock.offset, clock.den, clock.add, clock.limit]


def _storage(storage: Storage) -> dict[str, Any]:
    slide = storage.slide
    moved = None
    if slide is not None:
        moved = {"clock": _clock(slide.clock), "every": slide.every, "reverse": slide.reverse}
    cols = [[span.start, span.stop] for span in storage.cols]
    return asdict(storage) | {"cols": cols, "slide": moved}


def _block(block: Block) -> dict[str, Any]:
    return {
        "name": block.name,
        "stripes": block.stripes,
        "ticks": block.ticks,
        "reverse": block.reverse,
        "steps": [_step(step) for step in block.steps],
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "piece": step.piece,
        "rows": _clock(step.rows),
        "rows_per_call": step.rows_per_call,
        "cols": [[span.start, span.stop] for span in step.cols],
        "tile": step.tile,
        "group": step.group,
        "calls": [_call(call) for call in step.calls],
        "finish": [_call(call) for call in step.finish],
    }


def _call(call: Call) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": type(call).__name__, "tensor": call.tensor}
    if isinstance(call, Load):
        found |= {"node": call.node, "image": call.image, "row": call.row, "col": call.col}
    if isinstance(call, KernelCall):
        found |= {"node": call.node, "kernel": call.kernel.name, "reads": list(call.reads)}
        found["scratch"] = None if call.scratch is None else asdict(call.scratch)
        if hasattr(call, "slicing"):
            found["slicing"] = call.slicing.value
    return found


# --- requantisation


def _forms(schedule: Schedule, prefix: str, weights: WeightsMode) -> Iterator[dict[str, Any]]:
    """One entry for each set of constants."""
    constants = node_constants(schedule, prefix, weights)
    groups = {constants_key(call, group): (call, group) for call, group in _calls(schedule)}
    for key, (call, group) in groups.items():
        assert call.kernel.pack is not None
        params = call.kernel.pack(schedule.graph, schedule.graph.node(call.node), group)
        if isinstance(params, REQUANTISING):
            if isinstance(params, MatmulParams):
                params = params.out
            found = {"node": call.node, "kernel": call.kernel.name, "group": group}
            symbols = _symbols(constants[key].params.fields)
            steps = _steps(_channels(schedule.graph, call.node))
            yield found | _numbers(params, call.kernel, symbols) | steps


def _calls(schedule: Schedule) -> Iterator[tuple[KernelCall, int]]:
    """The first call of each set of constants comes last: dictionaries keep the last one."""
    yield from reversed(list(grouped_calls(schedule)))


def _symbols(fields: tuple[Field, ...]) -> dict[str, str]:
    """Member of the C struct -> the array that it points to, where it is one of these."""
    arrays = ("form", "rare", "multiplier", "shift")
    inner = (one for field in fields if isinstance(field.value, tuple) for one in field.value)
    return {field.name: str(field.value) for field in (*fields, *inner) if field.name in arrays}


def _numbers(params: Params, kernel: Kernel, symbols: Mapping[str, str]) -> dict[str, Any]:
    if isinstance(params, ConvCmsisNNParams):
        return {
            "word": "cmsis-nn",
            "symbols": {name: symbols[name] for name in ("multiplier", "shift")},
            "multiplier": params.multiplier.tolist(),
            "shift": params.shift.tolist(),
        }
    assert isinstance(params, ConvParams | ConvDspParams | GlobalParams)
    forms = (params.form,) if isinstance(params, GlobalParams) else params.form
    pieces = kernel.flavour == NARROW and isinstance(params, ConvParams)
    found: dict[str, Any] = {
        "word": "pieces" if pieces else HIGH.word.value,
        "lift": 0 if pieces else HIGH.lift,
        "drop": params.drop if isinstance(params, ConvParams) else HIGH.drop,
        "symbols": {
            name: symbols[name]
            for name in ("form", "rare")
            if symbols.get(name, "NULL") != "NULL" and not symbols[name].startswith("(")
        },
        "form": [[one.factor, one.offset] for one in forms],
        "rare": [_rare(one) for one in params.rare or ()],
    }
    return found


def _rare(one: Rare) -> list[int]:
    return [one.bias, one.scale.mantissa, one.scale.shift, one.lift, one.drop]


def _channels(graph: Graph, name: str) -> Channels:
    node = graph.node(name)
    x, y = graph.tensors[node.inputs[0]], graph.tensors[node.output]
    if isinstance(node.op, Conv):
        return conv_channels(node.op, x, y)
    if isinstance(node.op, MatMul):
        return product_channels(node.op, x, graph.tensors[node.inputs[1]], y)
    return pool_channels(node.op, x, y)  # type: ignore[arg-type]


def _steps(channels: Channels) -> dict[str, Any]:
    """The sums that can come up, and those at which the output takes its first and its last step;
    None for a channel whose bias may wrap, or whose output is always the same."""
    known, found = every_step(channels)
    first: list[int | None] = [None] * len(channels)
    last: list[int | None] = [None] * len(channels)
    for row, channel in enumerate(np.flatnonzero(known)):
        bottom, top = int(found.bottom[row]), int(found.top[row])
        if bottom < top:
            first[channel] = int(found.at[row, bottom + 1 - found.lo])
            last[channel] = int(found.at[row, top - found.lo])
    return {
        "least_sum": channels.low.tolist(),
        "largest_sum": channels.high.tolist(),
        "first_step": first,
        "last_step": last,
    }
