"""Microcontrollers by name: which core, how much RAM and flash, how fast."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from patchc.targets.part_table import TABLE, USUAL

KIB = 1024
_CLOSE = 3  # names, where one is not known
# What vendors write in front when a part is ordered: ATSAMD21, MIMXRT1062, MK64F, MKL25Z128.
_ORDERED = re.compile(r"^(?:at(?=sam)|m(?=imxrt|kl?\d))")


@dataclass(frozen=True, slots=True)
class Part:
    """A part, or a group of parts that are alike in what is here."""

    name: str  # as in `--target`
    core: str
    ram_bytes: int  # in one piece
    flash_bytes: int  # on the chip; 0: there is none
    clock_mhz: float  # the fastest
    source: str  # the document that these are from


PARTS: dict[str, Part] = {
    name: Part(name, core, ram * KIB, flash * KIB, clock, source)
    for name, core, ram, flash, clock, source in sorted(TABLE)
}


def _word(name: str) -> str:
    """As the names of the table are written: RP2350-RISCV is rp2350riscv."""
    return _ORDERED.sub("", re.sub(r"[-_ ]", "", name.lower()))


def _covers(key: str, word: str) -> bool:
    """Is it the part `key`, in some package? With one more digit it is another: ESP32-C61."""
    return word.startswith(key) and not re.match(r"\d\d", key[-1] + word[len(key) :])


def part_called(name: str) -> Part | None:
    """The part of that name, in any case and with what a vendor writes behind it (the package,
    the temperature: STM32F411RET6), or in front of it (ATSAMD21G18); None where there is none."""
    word = _word(name)
    word = USUAL.get(word, word)
    found = [part for key, part in PARTS.items() if _covers(key, word)]
    return max(found, key=lambda part: len(part.name), default=None)


def close_names(name: str, others: Iterable[str] = ()) -> list[str]:
    """What somebody who wrote `name` may have meant: parts that begin so, else names of parts and
    `others` that look like it."""
    word = _word(name)
    begun = [key for key in PARTS if len(word) > 2 and key.startswith(word)]
    return begun[:_CLOSE] or difflib.get_close_matches(name.lower(), [*others, *PARTS], _CLOSE)
