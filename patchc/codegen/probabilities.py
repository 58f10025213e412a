"""NAME_probabilities: the Softmax or Sigmoid behind an output, as the templates show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from patchc.codegen.layout import COLUMNS, comment_block, packed
from patchc.codegen.options import Tail
from patchc.codegen.ports import Port, defined_name
from patchc.errors import PatchcError
from patchc.numerics.probabilities import LN2, ONE, Function, Probabilities, powers_table

WORD = "probabilities"


@dataclass(frozen=True, slots=True)
class TailFunction:
    """One of them, and all that it needs in C."""

    name: str  # of the network
    word: str  # of the function, behind NAME_
    port: Port
    tail: Tail

    @property
    def function(self) -> str:
        return f"{self.name}_{self.word}"

    @property
    def macro(self) -> str:
        return self.function.upper()

    @property
    def probabilities(self) -> Probabilities:
        return self.tail.probabilities

    @property
    def is_sigmoid(self) -> bool:
        return self.probabilities.function is Function.SIGMOID

    @property
    def group(self) -> int:
        return self.probabilities.group

    @property
    def count(self) -> int:
        """Values of the output."""
        return self.port.bytes // 4 if self.port.sums else self.port.bytes

    @property
    def block(self) -> int:
        """Values that can be asked for at a time: whole pixels, and whole groups."""
        return max(self.group, len(self.port.sums) or 1)

    @property
    def one(self) -> int:
        """Units of a probability of 1."""
        return ONE

    @property
    def table(self) -> list[str]:
        return words(self.probabilities.table.tolist(), "u")

    @property
    def factors(self) -> list[str]:
        return words([factor for factor, _ in self.probabilities.factors])

    @property
    def shifts(self) -> list[str]:
        return words([shift for _, shift in self.probabilities.factors])

    @property
    def pairs(self) -> int:
        return len(self.probabilities.factors)

    @property
    def define_name(self) -> str:
        """The macro that holds the name in the file."""
        return defined_name(f"{self.macro}_NAME", self.tail.name)

    @property
    def comment(self) -> str:
        """Above its declaration."""
        kind, macro = self.probabilities.function.value, f"{self.name.upper()}_{self.port.macro}"
        what = f"int32_t sums of {macro}" if self.port.sums else f"int8 of {macro}"
        if self.block == self.count:
            of = f", which is {self.count}"
        elif self.block > 1:
            of = f", a multiple of {self.block}, from a pixel's first one on"
        else:
            of = ""
        each = "" if self.is_sigmoid or self.group == self.count else f" of {self.group} each"
        where = ", where no value is worth more than 256" if self.port.sums else ""
        return comment_block(
            f"The {kind}{each} behind {macro}, in integers. `values`: {what}, `count` of them{of}. "
            f"`probabilities` gets as many, in units of 2^-31: {self.macro}_ONE is 1. They are "
            f"within {self.probabilities.units} units of the exact ones{where}; larger values have "
            "no smaller ones."
        )


def words(values: Sequence[int], suffix: str = "") -> list[str]:
    """An initialiser's lines, but for their indentation."""
    return packed([f"{value}{suffix}" for value in values], COLUMNS - 4)


class _OfTensor(Protocol):
    @property
    def tensor(self) -> str: ...


def function_words(outputs: Sequence[str], tails: Sequence[_OfTensor]) -> tuple[str, ...]:
    """What the functions are called behind NAME_: one by its word, several with the number of
    their outputs. `outputs`: all of the network's."""
    if len(tails) == 1:
        return (WORD,)
    return tuple(f"{WORD}_out{outputs.index(tail.tensor)}" for tail in tails)


def tail_functions(
    name: str, tails: Sequence[Tail], outputs: Sequence[Port]
) -> tuple[TailFunction, ...]:
    """In their order. Raises PatchcError where an output is handed over in parts that a Softmax
    cannot do with."""
    ports = {port.tensor: port for port in outputs}
    found = []
    for tail, word in zip(tails, function_words(list(ports), tails), strict=True):
        port = ports[tail.tensor]
        made = TailFunction(name, word, port, tail)
        if port.handed and made.block > (len(port.sums) or port.channels):
            raise PatchcError(
                f"--tail c: the Softmax of {tail.name!r} runs over pixels that are handed over one "
                "after the other: choose --outputs arena, or leave --tail out"
            )
        found.append(made)
    return tuple(found)


def shared_tables() -> dict[str, object]:
    """What all functions of sums have in common, for the templates."""
    return {"powers": words(powers_table().tolist(), "u"), "ln2": LN2}
