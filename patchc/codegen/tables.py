"""The constant tables of tunnels: columns of stripes, storages, steps, maps that windows see. Equal
ones are made once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from patchc.codegen.constants import Field, ParamStruct
from patchc.codegen.layout import COLUMNS, packed
from patchc.codegen.program import FileScope, Program
from patchc.geometry.clocks import RowClock, from_zero
from patchc.geometry.span import Span
from patchc.ir import Node, Padding
from patchc.schedule.types import Block, BufferKind, Step

# How a storage is called, by what its buffer is for.
_WORDS = {BufferKind.RING: "ring", BufferKind.SCRATCH: "tile"}


@dataclass(frozen=True, slots=True)
class ColumnTable:
    """`static const patchc_cols name[]`: the columns of each stripe."""

    name: str
    spans: tuple[Span, ...]

    @property
    def lines(self) -> list[str]:
        pairs = [f"{{{span.start}, {span.stop}}}" for span in self.spans]
        return packed(pairs, COLUMNS - len("    };"))


class Tables:
    """Makes each table once, and tells its name to those who ask again."""

    def __init__(self, program: Program, scope: FileScope) -> None:
        self._program, self._scope = program, scope
        self._cols: dict[tuple[Span, ...], str] = {}
        self._storages: dict[str, str] = {}
        self._structs: dict[tuple[str, tuple[Field, ...]], str] = {}
        self._new: list[ColumnTable | ParamStruct] = []

    def take(self) -> tuple[ColumnTable | ParamStruct, ...]:
        """What was made since the last time, in an order in which C can read it."""
        found, self._new = tuple(self._new), []
        return found

    def cols(self, tensor: str, spans: tuple[Span, ...]) -> str:
        """Tensors with the same columns share a table."""
        if spans not in self._cols:
            name = self._scope.name("cols", self._scope.stem(tensor))
            self._new.append(ColumnTable(name, spans))
            self._cols[spans] = name
        return self._cols[spans]

    def storage(self, tensor: str) -> str:
        if tensor not in self._storages:
            program = self._program
            storage = program.schedule.storages[tensor]
            whole = (Span(0, program.schedule.graph.tensors[tensor].shape[1]),)
            cols = "NULL" if storage.cols == whole else self.cols(tensor, storage.cols)
            word = _WORDS.get(program.kind(tensor), "map")
            members: dict[str, object] = {
                "offset": program.offset(tensor),
                "pitch": storage.pitch,
                "slots": storage.slots,
                "tile": storage.tile,
                "depth": storage.depth,
                "cols": cols,
            }
            ctype, slide = "patchc_storage", storage.slide
            if slide is not None:
                ctype = "patchc_sliding"
                members = {
                    "at": _nested(members),
                    "rows": _nested(clock_members(slide.clock)),
                    "every": slide.every,
                    "reverse": int(slide.reverse),
                }
            stem = self._scope.stem(tensor)
            self._storages[tensor] = self._table(word, stem, ctype, members)
        return self._storages[tensor]

    def step(self, block: Block, step: Step, stem: str) -> str:
        """The table of a step called `stem`."""
        widest = max(span.stop - span.start for span in step.cols)
        members = {
            "rows": _nested(clock_members(step.rows)),
            "cols": self.cols(step.piece, step.cols),
            "piece_rows": step.rows_per_call,
            "piece_cols": step.tile or widest,
            "reverse": int(block.reverse),
        }
        return self._table("step", stem, "patchc_step", members)

    def frame(self, node: Node) -> str:
        """The map that a node's window slides over, or that it reads as a whole."""
        height, width, _ = self._program.schedule.graph.tensors[node.inputs[0]].shape
        window = getattr(node.op, "window", None)
        pads = Padding() if window is None else window.pads
        members = {"height": height, "width": width, "top": pads.top, "left": pads.left}
        return self._table("frame", self._scope.stem(node.output), "patchc_frame", members)

    def _table(self, word: str, stem: str, ctype: str, members: Mapping[str, object]) -> str:
        """The name of a table, which is made where there is none like it."""
        fields = _fields(members)
        if (ctype, fields) not in self._structs:
            name = self._scope.name(word, stem)
            self._structs[ctype, fields] = name
            self._new.append(ParamStruct(name, ctype, fields, local=False))
        return self._structs[ctype, fields]


def _nested(members: Mapping[str, object]) -> tuple[Field, ...]:
    """The fields of a nested struct."""
    return tuple(Field(key, str(value)) for key, value in members.items())


def _fields(members: Mapping[str, object]) -> tuple[Field, ...]:
    """Members are numbers, names, or the fields of a nested struct."""
    return tuple(
        Field(key, value if isinstance(value, tuple) else str(value))
        for key, value in members.items()
    )


def clock_members(clock: RowClock) -> dict[str, int]:
    """The members of patchc_clock."""
    counted = from_zero(clock)
    return {
        "num": counted.num,
        "offset": counted.offset,
        "den": counted.den,
        "mul": counted.mul,
        "add": counted.add,
        "limit": counted.limit,
    }
