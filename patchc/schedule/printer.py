"""The stable text form of a Schedule (`patchc inspect --dump schedule`)."""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Iterable, Iterator, Mapping

from patchc.geometry.clocks import RowClock, all_rows
from patchc.geometry.span import Span
from patchc.ir import format_graph
from patchc.ir.printer import word
from patchc.kernels.kernel import Slicing
from patchc.schedule.types import (
    Block,
    Buffer,
    Call,
    Compute,
    Finish,
    Load,
    Move,
    Overlap,
    Schedule,
    Slide,
    Step,
    Storage,
    Store,
    Sums,
)

WIDTH = 100  # columns; what is longer goes on in the next line, indented

# A space inside of a name, until lines are broken at the spaces between words.
_KEPT = "\0"


def format_schedule(schedule: Schedule, offsets: Mapping[str, int] | None = None) -> str:
    """A line per buffer, storage, sums, overlap, block, step and call, in the schedule's order.

    `offsets`: of the buffers in the arena, in bytes, where they are placed. The Graph, which has a
    text of its own, stands there by its name and a hash of that text. Different schedules have
    different texts, and so have different offsets.
    """
    lines: list[str] = []
    for line in _lines(schedule, offsets or {}):
        lines += [line] if len(line) <= WIDTH else _broken(line)
    return "\n".join(lines).replace(_KEPT, " ") + "\n"


def _broken(line: str) -> list[str]:
    """A line as several, the others indented by four more than the first."""
    indent = len(line) - len(line.lstrip())
    return textwrap.wrap(
        line,
        WIDTH,
        subsequent_indent=" " * (indent + 4),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _lines(schedule: Schedule, offsets: Mapping[str, int]) -> Iterator[str]:
    graph = schedule.graph
    digest = hashlib.sha256(format_graph(graph).encode()).hexdigest()[:8]
    yield f"schedule: graph {_word(graph.name)} {digest}, input {schedule.input_mode.value}"
    for buffer in schedule.buffers.values():
        yield "  " + _buffer(buffer, offsets.get(buffer.name))
    for storage in schedule.storages.values():
        yield "  " + _storage(storage)
    for sums in schedule.sums.values():
        yield "  " + _sums(sums)
    for overlap in schedule.overlaps:
        yield "  " + _overlap(overlap)
    for number, block in enumerate(schedule.blocks):
        yield "  " + _block(number, block)
        for step in block.steps:
            yield "    " + _step(step)
            yield from ("      " + _call(call) for call in step.calls)
            if step.finish:
                yield "      finish:"
                yield from ("        " + _call(call) for call in step.finish)


def _buffer(buffer: Buffer, offset: int | None) -> str:
    place = "" if offset is None else f", at {offset}"
    return (
        f"buffer {_word(buffer.name)}: {buffer.kind.value}, {buffer.bytes} bytes, "
        f"align {buffer.align}, blocks {buffer.first}..{buffer.last}{place}"
    )


def _storage(storage: Storage) -> str:
    return (
        f"storage {_word(storage.tensor)}: {_word(storage.buffer)} + {storage.offset}, "
        f"slots {storage.slots}, pitch {storage.pitch}, {_cols(storage.cols)}, "
        f"tile {storage.tile}, depth {storage.depth}"
        + ("" if storage.slide is None else f", {_slide(storage.slide)}")
    )


def _slide(slide: Slide) -> str:
    return (
        f"slide every {slide.every}, rows {format_clock(slide.clock)}"
        + " in reverse" * slide.reverse
    )


def _sums(sums: Sums) -> str:
    when = "before each piece" if sums.per_piece else "once"
    return (
        f"sums {_word(sums.tensor)}: {_word(sums.buffer)} + {sums.offset}, "
        f"{sums.rows}x{sums.cols}x{sums.channels}, zeroed {when}"
    )


def _overlap(overlap: Overlap) -> str:
    return (
        f"overlap: in block {overlap.block}, {_word(overlap.target)} over {_word(overlap.source)}, "
        f"distance {overlap.distance}" + ", reverse" * overlap.reverse
    )


def _block(number: int, block: Block) -> str:
    return (
        f"block {number} {_word(block.name)}: stripes {block.stripes}, ticks {block.ticks}"
        + ", reverse" * block.reverse
    )


def _step(step: Step) -> str:
    return (
        f"step {_word(step.name)}: {_word(step.piece)} rows {format_clock(step.rows)}, "
        f"{step.rows_per_call} at a time, {_cols(step.cols)}"
        + f", tile {step.tile}" * (step.tile != 0)
        + f", group {step.group}" * (step.group != 0)
    )


def _call(call: Call) -> str:
    made = _word(call.tensor)
    if isinstance(call, Load):
        return (
            f"load {made}"
            + ("" if call.source is None else f" of {_word(call.source)}")
            + f" from row {call.row}, col {call.col}" * (call.row != 0 or call.col != 0)
            + ("" if call.node is None else f" #{_KEPT}{_word(call.node)}")
        )
    if isinstance(call, Store | Move):
        return f"{type(call).__name__.lower()} {made}"
    kernel, node = _word(call.kernel.name), f" #{_KEPT}{_word(call.node)}"
    if call.scratch is not None:
        place = f"{_word(call.scratch.buffer)} + {call.scratch.offset}"
        node = f"with {call.scratch.bytes} bytes at {place} {node}"
    if isinstance(call, Finish):
        return f"{made} = {kernel}(sums of {made}) {node}"
    sign = "=" if isinstance(call, Compute) else "+="
    part = "" if call.slicing is Slicing.ALL else f"[{call.slicing.value}]"
    return f"{made} {sign} {kernel}{part}({', '.join(map(_word, call.reads))}) {node}"


def format_clock(clock: RowClock) -> str:
    """Rows finished after tick t: "2t+3 <= 12", "2*((3t-1)//4)+1 <= 9"; "12" where all are after
    the first."""
    if clock == all_rows(clock.limit):
        return f"{clock.limit}"
    rows = "t" if clock.num == 1 else f"{clock.num}t"
    if clock.offset:
        rows += f"{clock.offset:+d}"
    if clock.den != 1:
        rows = f"({rows})//{clock.den}" if clock.offset else f"{rows}//{clock.den}"
    if clock.mul != 1:
        rows = f"{clock.mul}*({rows})"
    elif clock.add and clock.den == 1:
        rows = f"({rows})"
    return rows + (f"{clock.add:+d}" if clock.add else "") + f" <= {clock.limit}"


def _cols(spans: Iterable[Span]) -> str:
    """The columns of each stripe, from the first up to the one behind the last."""
    text = " ".join(["cols", *(f"{span.start}:{span.stop}" for span in spans)])
    return text.replace(" ", _KEPT, 1)


def _word(name: str) -> str:
    return word(name).replace(" ", _KEPT)
