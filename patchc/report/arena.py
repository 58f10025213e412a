"""Schedule + Placement -> the report's blocks and the buffers of the arena."""

from __future__ import annotations

from patchc.memory import Placement, live_bytes
from patchc.report.data import ArenaBuffer, Block, Held
from patchc.schedule.types import Buffer, Schedule


def block_reports(schedule: Schedule) -> tuple[Block, ...]:
    """The blocks, in the order in which they run."""
    found = []
    for block, live in zip(schedule.blocks, live_bytes(schedule), strict=False):
        nodes = tuple(dict.fromkeys(name for step in block.steps for name in step.nodes))
        first, last = block.steps[0].name, block.steps[-1].name
        name = first if len(block.steps) == 1 else f"{nodes[0]} .. {nodes[-1]}" if nodes else last
        found.append(Block(name, nodes, block.stripes, block.ticks, block.reverse, live))
    return tuple(found)


def alive_by_node(schedule: Schedule) -> dict[str, int]:
    """Node -> bytes of the arena that are alive while it is computed."""
    return {
        name: live
        for block, live in zip(schedule.blocks, live_bytes(schedule), strict=False)
        for step in block.steps
        for name in step.nodes
    }


def arena_report(schedule: Schedule, placement: Placement) -> tuple[ArenaBuffer, ...]:
    """The buffers of the arena, by offset."""
    placed = [(offset, schedule.buffers[name]) for name, offset in placement.offsets.items()]
    placed.sort(key=lambda item: (item[0], item[1].first, item[1].name))
    return tuple(
        ArenaBuffer(
            name=buffer.name,
            kind=buffer.kind.value,
            holds=_held(schedule, buffer),
            offset=offset,
            bytes=buffer.bytes,
            first=buffer.first,
            last=buffer.last,
        )
        for offset, buffer in placed
    )


def _held(schedule: Schedule, buffer: Buffer) -> tuple[Held, ...]:
    shapes = {name: tensor.shape for name, tensor in schedule.graph.tensors.items()}
    values = [
        Held(one.tensor, shapes[one.tensor], one.slots, one.tile, one.depth, False)
        for one in schedule.storages.values()
        if one.buffer == buffer.name
    ]
    sums = [
        Held(one.tensor, shapes[one.tensor], one.rows, one.cols, one.channels, True)
        for one in schedule.sums.values()
        if one.buffer == buffer.name
    ]
    return (*values, *sums)
