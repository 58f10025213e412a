"""NAME_helpers.c: what firmware may use in front of the network and behind it, without floats."""

from __future__ import annotations

from dataclasses import dataclass

from patchc.codegen.layout import COLUMNS, comment_block, packed
from patchc.codegen.options import Pixels
from patchc.codegen.ports import Port
from patchc.codegen.probabilities import TailFunction

# What the file may define, behind NAME_.
NAMES = ("pixels", "from_rgb", "from_bgr", "from_rgb565", "from_grey", "top")


@dataclass(frozen=True, slots=True)
class Helpers:
    """What the templates show of them."""

    name: str  # of the network
    pixels: Pixels | None
    outputs: tuple[Port, ...]
    tails: tuple[TailFunction, ...] = ()

    @property
    def file(self) -> str:
        return f"{self.name}_helpers.c"

    @property
    def are_there(self) -> bool:
        return self.pixels is not None or self.ranks or bool(self.tails)

    @property
    def names(self) -> tuple[str, ...]:
        """What is called so behind NAME_, and seen by NAME.c."""
        return (*NAMES, *(tail.word for tail in self.tails))

    @property
    def divides(self) -> bool:
        """Is there a Softmax?"""
        return any(not tail.is_sigmoid for tail in self.tails)

    @property
    def sums(self) -> bool:
        """Are there probabilities of int32 sums?"""
        return any(tail.port.sums for tail in self.tails)

    def tail_of(self, port: Port) -> TailFunction | None:
        """What makes probabilities of an output's values, if anything does."""
        return next((tail for tail in self.tails if tail.port == port), None)

    @property
    def ranks(self) -> bool:
        """Is there an output whose largest values somebody may look for?"""
        return any(port.is_vector and not port.handed for port in self.outputs)

    @property
    def channels(self) -> int:
        """Bytes of a pixel; 0: there are no functions for them."""
        return 0 if self.pixels is None else len(self.pixels.rows)

    @property
    def rows(self) -> list[list[str]]:
        """The table, each row as the lines of an initialiser; none where a difference does."""
        if self.pixels is None or self.pixels.shift is not None:
            return []
        return [packed([str(v) for v in row], COLUMNS - 8) for row in self.pixels.distinct]

    def value(self, channel: int, byte: str) -> str:
        """The int8 of a byte, in C."""
        assert self.pixels is not None
        if self.pixels.shift is not None:
            return f"(int8_t)({byte} - {self.pixels.shift})"
        row = channel if len(self.pixels.distinct) > 1 else 0
        return f"{self.name}_pixels[{row}][{byte}]"

    @property
    def comment(self) -> str:
        """Above the functions that make int8 of bytes."""
        assert self.pixels is not None
        size = f"{self.channels} bytes" if self.channels > 1 else "a byte"
        return comment_block(
            f"Bytes of a camera as {self.name.upper()}_IN0 takes them, which is what `patchc run "
            f"--image` makes of a picture's: {self.pixels.words}. `count` pixels of {size} each, "
            "packed; `dst` gets as many int8, and may be `pixels`."
        )
