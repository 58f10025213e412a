"""What every part of the emitted program is made from, and the names it is told apart by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from patchc.codegen.constants import Key, NodeConstants, constants_key
from patchc.codegen.names import Names
from patchc.codegen.ports import Port
from patchc.ir import Node
from patchc.memory.placement import Placement
from patchc.schedule.types import BufferKind, KernelCall, Schedule

# In every function that computes: the pointer to the arena.
ARENA = "arena"


@dataclass(frozen=True, slots=True)
class Program:
    """A schedule, placed, with the constants of its nodes."""

    schedule: Schedule
    placement: Placement
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    constants: Mapping[Key, NodeConstants]  # by constants.constants_key

    def node(self, call: KernelCall) -> Node:
        """The node that a call computes."""
        return self.schedule.graph.node(call.node)

    def constants_of(self, call: KernelCall, group: int) -> NodeConstants:
        return self.constants[constants_key(call, group)]

    def kind(self, tensor: str) -> BufferKind:
        """Of the buffer that a tensor lies in."""
        return self.schedule.buffers[self.schedule.storages[tensor].buffer].kind

    def slides(self, tensor: str) -> bool:
        """Does a tensor lie in a ring that moves its rows?"""
        return self.schedule.storages[tensor].slide is not None

    def base(self, tensor: str) -> str:
        """The pointer, in C, that a tensor's offset counts from."""
        if self.kind(tensor) is BufferKind.EXTERN:
            return f"inputs->{self.field(tensor)}"
        return ARENA

    def field(self, tensor: str) -> str:
        """The member of the inputs struct for a graph input."""
        (field,) = (port.field for port in self.inputs if port.tensor == tensor)
        return field

    def output_field(self, tensor: str) -> str:
        """The member of the outputs struct for a graph output."""
        (field,) = (port.field for port in self.outputs if port.tensor == tensor)
        return field

    def offset(self, tensor: str) -> int:
        """Bytes from `base` to the tensor's slot 0, position 0."""
        storage = self.schedule.storages[tensor]
        if self.kind(tensor) is BufferKind.EXTERN:
            return storage.offset
        return self.placement.offsets[storage.buffer] + storage.offset

    def working(self, call: KernelCall) -> tuple[str, ...]:
        """A pointer to the bytes that a call's kernel works in, where it takes one."""
        if call.scratch is None:
            return ()
        if call.scratch.bytes == 0:
            return (ARENA,)  # which it will not touch
        return (shifted(ARENA, self.placement.offsets[call.scratch.buffer] + call.scratch.offset),)

    def sums_offset(self, tensor: str) -> int:
        """Bytes from the arena's start to a tensor's sums."""
        sums = self.schedule.sums[tensor]
        return self.placement.offsets[sums.buffer] + sums.offset


def shifted(base: str, offset: int) -> str:
    """A pointer expression."""
    return f"{base} + {offset}" if offset else base


class FileScope:
    """Identifiers of the static functions and tables: a word that says what it is, then a tensor's
    own identifier. `taken` ones, which other files see, are left alone."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._stems = Names()
        self._stem_of: dict[str, str] = {}
        self._taken = set(taken)

    def stem(self, tensor: str) -> str:
        """A tensor's identifier."""
        if tensor not in self._stem_of:
            self._stem_of[tensor] = self._stems.identifier(tensor)
        return self._stem_of[tensor]

    def block(self, word: str, index: int, name: str) -> str:
        """`word_index_name`, where the index alone tells blocks apart."""
        return self.name(word, f"{index}_{Names().identifier(name)}")

    def name(self, word: str, stem: str) -> str:
        """`word_stem`, or the same with a number where that is taken."""
        name, number = f"{word}_{stem}", 2
        while name in self._taken:
            name, number = f"{word}_{stem}_{number}", number + 1
        self._taken.add(name)
        return name
