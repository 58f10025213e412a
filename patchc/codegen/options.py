"""What emit() is told beside the schedule and the placement."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from patchc.choices import LibraryMode, Project, Rounding, RuntimeMode, WeightsMode
from patchc.codegen.names import C_WORDS
from patchc.errors import PatchcError
from patchc.libraries.cmsis_nn import CmsisNN
from patchc.numerics.probabilities import Probabilities
from patchc.planner.slices import Prices

# Of what is emitted and of runtime_c: NOTICE says what it means. The templates name it, too.
LICENCE = "Apache-2.0 OR 0BSD"


@dataclass(frozen=True, slots=True)
class GoldenVectors:
    """Inputs and the outputs they must give, int8 NHWC, tensors concatenated per case."""

    cases: int
    inputs: bytes
    outputs: bytes


@dataclass(frozen=True, slots=True)
class Pixels:
    """The network's int8 of a camera's byte, where that is a function of one byte per channel."""

    rows: tuple[tuple[int, ...], ...]  # per channel, 256 of them
    words: str  # what is computed, for a comment

    @property
    def shift(self) -> int | None:
        """What every byte less that is its int8, where there is such a number."""
        shifts = {byte - value for row in self.rows for byte, value in enumerate(row)}
        return shifts.pop() if len(shifts) == 1 else None

    @property
    def distinct(self) -> tuple[tuple[int, ...], ...]:
        """The rows, one for all channels where they are equal."""
        return self.rows[:1] if len(set(self.rows)) == 1 else self.rows


@dataclass(frozen=True, slots=True)
class Tail:
    """A Softmax or Sigmoid behind an output of the network that the C computes, too."""

    tensor: str  # the output, in the Graph
    name: str  # of the probabilities in the ONNX file
    probabilities: Probabilities


@dataclass(frozen=True, slots=True)
class EmitOptions:
    """The facts that go into headers and comments, and the few choices of form.

    Raises PatchcError when `name` cannot prefix C identifiers.
    """

    name: str  # prefix of files and functions; in upper case of macros
    patchc_version: str
    model_file: str  # file name, without its folder
    model_sha256: str
    command_line: str
    target: str
    stack_bytes: int  # NAME_STACK_BYTES
    weights: WeightsMode = WeightsMode.INLINE
    runtime: RuntimeMode = RuntimeMode.PRIVATE
    project: Project | None = None  # whose tools OUT is laid out for; None: make and CMake
    golden: GoldenVectors | None = None
    names: Mapping[str, str] = field(default_factory=dict)  # of inputs and outputs in the ONNX file
    pixels: Pixels | None = None
    # Output -> is it a vector in the ONNX file, in its order? Of others: as it looks in C.
    vectors: Mapping[str, bool] = field(default_factory=dict)
    tails: tuple[Tail, ...] = ()
    report: Mapping[str, Any] | None = None  # the data of report.json, for README.md
    # With NAME_step: what each step's pieces take; None: without.
    pieces: Prices | None = None
    cmsis_nn: CmsisNN | None = None  # for kernels that call it
    cmsis_nn_mode: LibraryMode = LibraryMode.COPY
    cmsis_nn_rounding: Rounding = Rounding.SINGLE

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", self.name) or self.name in C_WORDS:
            raise PatchcError(
                f"--name {self.name!r} is not a C identifier: use letters, digits and "
                "underscores, a letter first, and no C keyword"
            )
        if self.name.lower().startswith("patchc"):
            raise PatchcError(f"--name {self.name!r}: names in patchc* belong to the kernels")
