"""The arena over time, and the bytes that are alive."""

from __future__ import annotations

from patchc.report.data import ArenaBuffer, Block, Held, Report
from patchc.report.page.axis import LEFT, RIGHT, STRIP, Frame
from patchc.report.page.picture import (
    CHARACTER,
    WIDTH,
    Column,
    Figure,
    Key,
    Line,
    Mark,
    Picture,
    Table,
    Words,
    fitted,
    table,
)
from patchc.report.words import count, several, shape, size

KINDS = {
    "input": "an input, held in full",
    "output": "an output, held in full",
    "map": "any other tensor, held in full",
    "ring": "the last rows of a tensor",
    "accumulator": "int32 sums that outlive a piece",
    "scratch": "what a step works in",
}
_HEIGHT = 340.0
_LOW = 150.0
_TOP = 22.0  # above the frames, for words
_LABEL = 12.0  # pixels that one line of a label takes


def peak_block(report: Report) -> int:
    """The first block with the most bytes alive."""
    return max(range(len(report.blocks)), key=lambda i: report.blocks[i].bytes)


def arena_limit(report: Report) -> int | None:
    """What the budget leaves for the arena."""
    if report.budget_bytes is None:
        return None
    return report.budget_bytes - report.ram.static_bytes - report.ram.stack_bytes


def block_title(index: int, block: Block) -> str:
    """All that there is to say of a block, on one line."""
    words = [f"block {index}: {block.name}", f"{size(block.bytes)} alive"]
    if block.nodes:
        words.append(several(len(block.nodes), "node"))
    if block.ticks > 1:
        words.append(several(block.ticks, "tick"))
    if block.stripes > 1:
        words.append(several(block.stripes, "stripe"))
    return ", ".join([*words, *(["from the last row to the first"] if block.reverse else [])])


def held_words(held: Held) -> str:
    """A tensor, and how much of it there is."""
    words = f"{'sums of ' if held.sums else ''}{held.tensor} {shape(held.shape)}"
    here = (held.rows, held.columns, held.channels)
    return words if here == held.shape and not held.sums else f"{words} ({shape(here)} of it)"


def buffer_title(report: Report, buffer: ArenaBuffer) -> str:
    """Name, kind, tensors, place and lifetime."""
    tensors = "; ".join(held_words(held) for held in buffer.holds)
    first, last = report.blocks[buffer.first].name, report.blocks[buffer.last].name
    life = f"block {buffer.first} ({first})"
    if buffer.last != buffer.first:
        life = f"blocks {buffer.first} ({first}) to {buffer.last} ({last})"
    return (
        f"{buffer.name}, {buffer.kind}, {size(buffer.bytes)} at {count(buffer.offset)}"
        f"{f': {tensors}' if tensors else ''}; alive in {life}"
    )


def arena_figure(report: Report) -> Figure:
    """Each buffer a rectangle: blocks wide, bytes high."""
    ram, limit = report.ram, arena_limit(report)
    top = max(ram.arena_bytes, 1)
    shown = limit is not None and limit <= 1.5 * top
    frame = Frame(len(report.blocks), max(top, limit or 0 if shown else 0), _TOP, _HEIGHT)
    nodes = {layer.tensor: layer.node for layer in report.layers}
    # Later ones lie on top: what grows over another map hides the part that nobody reads again.
    buffers = sorted(report.arena, key=lambda one: (one.first, one.offset))
    marks = [_buffer_mark(report, frame, buffer, nodes) for buffer in buffers]
    words = list(frame.numbers())
    over = [frame.level(top, "edge")]
    above = frame.up(top) - 6
    if shown and limit is not None:
        over.append(frame.level(limit, "budget"))
        y = frame.up(limit) - 6
        above = y if above - y < _LABEL else above
        words.append(Words(LEFT, y, f"budget less stack and statics {size(limit)}", "budget"))
    words.append(Words(WIDTH - RIGHT, above, f"arena {size(top)}", "strong", "end"))
    blocks = frame.strip(_titles(report), peak_block(report))
    kinds = {buffer.kind for buffer in report.arena}
    return Figure(
        "The arena over time",
        "Blocks of the program from left to right, addresses upwards. Each buffer is a rectangle: "
        "as wide as it lives, as high as it is large. Where two overlap, a map is written over "
        "rows of another that nobody reads again.",
        (
            _over_blocks(
                f"{several(len(report.arena), 'buffer')} in an arena of {size(ram.arena_bytes)}, "
                f"over {several(len(report.blocks), 'block')}",
                frame,
                (*marks, *blocks),
                over,
                words,
            ),
        ),
        tuple(Key(kind, f"{kind}: {text}") for kind, text in KINDS.items() if kind in kinds),
        _buffers(report),
    )


def _over_blocks(
    name: str, frame: Frame, marks: tuple[Mark, ...], over: list[Line], words: list[Words]
) -> Picture:
    """The frame's grid below the marks, lines and words above them."""
    height = frame.bottom + STRIP
    return Picture(
        name, WIDTH, height, marks=marks, lines=frame.grid(), over=tuple(over), words=tuple(words)
    )


def _titles(report: Report) -> list[str]:
    return [block_title(index, block) for index, block in enumerate(report.blocks)]


def _buffer_mark(report: Report, frame: Frame, buffer: ArenaBuffer, nodes: dict[str, str]) -> Mark:
    left, right = frame.at(buffer.first) + 0.5, frame.at(buffer.last + 1) - 0.5
    low, high = frame.up(buffer.offset), frame.up(buffer.offset + buffer.bytes)
    tensor = buffer.holds[-1].tensor if buffer.holds else ""
    name = nodes.get(tensor, tensor or buffer.name)
    width, height = right - left, low - high
    free = frame.at(_covered(report, buffer)) - 0.5 - left  # what no later one hides
    turned = height > free
    label = fitted(name, height if turned else free)
    if min(free, height) < _LABEL:
        label = ""
    title = buffer_title(report, buffer)
    at = left + free / 2
    return Mark(left, high, width, height, buffer.kind, title, label, turned, at)


def _covered(report: Report, buffer: ArenaBuffer) -> int:
    """The first block in which another buffer, made later, lies over a part of this one."""
    end = buffer.offset + buffer.bytes
    over = (
        other.first
        for other in report.arena
        if buffer.first < other.first <= buffer.last
        and other.offset < end
        and buffer.offset < other.offset + other.bytes
    )
    return min(over, default=buffer.last + 1)


def _buffers(report: Report) -> Table:
    columns = (
        Column("buffer"),
        Column("kind"),
        Column("holds", letters=60),
        Column("offset", numeric=True),
        Column("bytes", numeric=True),
        Column("blocks", numeric=True),
    )
    rows = [
        (
            buffer.name,
            buffer.kind,
            "; ".join(held_words(held) for held in buffer.holds),
            count(buffer.offset),
            count(buffer.bytes),
            f"{buffer.first}..{buffer.last}",
        )
        for buffer in report.arena
    ]
    return table("Buffers of the arena, by address", columns, rows)


def liveness_figure(report: Report) -> Figure:
    """Bytes alive per block, the budget, the peak."""
    limit, peak = arena_limit(report), peak_block(report)
    top = max(max(block.bytes for block in report.blocks), 1)
    shown = limit is not None and limit <= 1.5 * top
    frame = Frame(len(report.blocks), max(top, limit or 0 if shown else 0), _TOP, _LOW)
    marks = [
        _alive_mark(frame, index, block, index == peak) for index, block in enumerate(report.blocks)
    ]
    over, words = [], list(frame.numbers())
    if shown and limit is not None:
        over.append(frame.level(limit, "budget"))
        y = frame.up(limit) - 6
        words.append(Words(LEFT, y, f"budget less stack and statics {size(limit)}", "budget"))
    steps = [
        point
        for index, block in enumerate(report.blocks)
        for point in (
            (frame.at(index), frame.up(block.bytes)),
            (frame.at(index + 1), frame.up(block.bytes)),
        )
    ]
    over.append(Line(tuple(steps), "curve"))
    named = f"block {peak}, {report.blocks[peak].name}"
    text = f"Block {peak} sets the peak, {size(top)}: {report.blocks[peak].name}."
    if limit is not None:
        text += f" The budget leaves {size(limit)} for the arena."
    blocks = frame.strip(_titles(report), peak)
    return Figure(
        "Bytes alive",
        text,
        (
            _over_blocks(
                f"bytes alive in each of {several(len(report.blocks), 'block')}; "
                f"the most are {size(top)}, in {named}",
                frame,
                (*marks, *blocks),
                over,
                words,
            ),
        ),
        (Key("live", "bytes alive"), Key("live peak", "the block that sets the peak")),
        _blocks(report),
    )


def _alive_mark(frame: Frame, index: int, block: Block, peak: bool) -> Mark:
    """A bar with its number, where there is room for all of that."""
    width, high = frame.column - 1, frame.bottom - frame.up(block.bytes)
    number = count(block.bytes)
    turned = width < CHARACTER * len(number)
    long, short = (high, width) if turned else (width, high)
    fits = long >= CHARACTER * len(number) and short >= _LABEL
    return Mark(
        frame.at(index) + 0.5,
        frame.up(block.bytes),
        width,
        high,
        "live peak" if peak else "live",
        block_title(index, block),
        number if fits else "",
        turned,
    )


def contrast_figure(report: Report) -> Figure:
    """Bytes alive at each layer, with tunnels and without."""
    limit = arena_limit(report)
    found = [(one, one.layerwise_bytes) for one in report.layers if one.layerwise_bytes is not None]
    top = max([1, *(max(one.bytes, alone) for one, alone in found)])
    frame = Frame(len(found), top, _TOP, _LOW)
    marks, rows = [], []
    for index, (one, alone) in enumerate(found):
        title = (
            f"{one.node}: {size(alone)} alive layer by layer, {size(one.bytes)} in this plan "
            f"(block {one.tunnel})"
        )
        left, width = frame.at(index) + 0.5, max(frame.column - 1, 0.8)
        for kind, number in (("plain", alone), ("arena", one.bytes)):
            high = frame.bottom - frame.up(number)
            marks.append(Mark(left, frame.bottom - high, width, high, kind, title))
        rows.append((str(one.tunnel), one.node, count(alone), count(one.bytes)))
    over, words = [], list(frame.numbers())
    if limit is not None and limit <= top:
        over.append(frame.level(limit, "budget"))
        y = frame.up(limit) - 6
        name = f"budget less stack and statics {size(limit)}"
        words.append(Words(WIDTH - RIGHT, y, name, "budget", "end"))
    columns = (
        Column("block", numeric=True),
        Column("node", letters=60),
        Column("layer by layer B", numeric=True),
        Column("this plan B", numeric=True),
    )
    whole, here = size(report.ram.layerwise_bytes), size(report.ram.arena_bytes)
    return Figure(
        "Bytes alive at each layer",
        "While a layer is computed whole, its operands and its output are there in full. In a "
        "tunnel only rows of them are, and all layers of the tunnel share what it holds.",
        (
            Picture(
                f"bytes alive at each of {several(len(found), 'layer')}: layer by layer up to "
                f"{whole}, in this plan up to {here}",
                WIDTH,
                frame.bottom + 8,
                marks=tuple(marks),
                lines=frame.grid(),
                over=tuple(over),
                words=tuple(words),
            ),
        ),
        (Key("plain", "layer by layer"), Key("arena", "in this plan")),
        table("Bytes alive, in the order in which layers run", columns, rows),
    )


def _blocks(report: Report) -> Table:
    columns = (
        Column("block", numeric=True),
        Column("name", letters=60),
        Column("nodes", numeric=True),
        Column("stripes", numeric=True),
        Column("ticks", numeric=True),
        Column("bytes alive", numeric=True),
    )
    rows = [
        (
            str(index),
            block.name,
            count(len(block.nodes)),
            count(block.stripes),
            count(block.ticks),
            count(block.bytes),
        )
        for index, block in enumerate(report.blocks)
    ]
    return table("Blocks, in the order in which they run", columns, rows)
