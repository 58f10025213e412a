"""What calls of patchc.api are given, as what the compiler works with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from patchc.budget import parse_budget
from patchc.choices import Kernels, Project, member
from patchc.codegen.projects import ECOSYSTEMS
from patchc.errors import PatchcError
from patchc.frontend.tflite import converted, is_tflite
from patchc.kernel_options import KernelOptions
from patchc.targets.cores import core
from patchc.targets.parts import Part, part_called
from patchc.targets.reserve import Reserve

PathLike = str | Path
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the C will run."""

    core: str
    part: Part | None
    budget: str | int | None  # bytes or text; of a part all of its RAM, unless told otherwise

    @property
    def budget_words(self) -> str:
        """What a budget stands for, behind its bytes: whose RAM it is, or on what it was missed."""
        if self.part is None:
            return ""
        whole = self.budget == self.part.ram_bytes
        return f", the RAM of {self.part.name}," if whole else f" on {self.part.name}"

    def clock_mhz(self, given: float | None) -> float | None:
        """As given, else the fastest of a part; None where cycles of its core are not known."""
        if given is not None or self.part is None or core(self.core).cost_table is None:
            return given
        return self.part.clock_mhz

    @property
    def notes(self) -> tuple[str, ...]:
        if self.part is None:
            return ()
        flash = self.part.flash_bytes
        words = f"{flash:,} B of flash" if flash else "flash outside of the chip"
        return (
            f"{self.part.name}: a {self.core} with {self.part.ram_bytes:,} B of RAM in one piece "
            f"and {words}, up to {self.part.clock_mhz:g} MHz ({self.part.source})",
        )

    def too_much(self, weights_bytes: int) -> tuple[str, ...]:
        """A note where constants alone fill the flash."""
        if self.part is None or not 0 < self.part.flash_bytes < weights_bytes:
            return ()
        return (
            f"{weights_bytes:,} B of constants are more than the flash of {self.part.name} holds: "
            "--weights extern puts them elsewhere",
        )


def place_of(target: str, budget: str | int | None = None) -> Place:
    """A core, or a part with a core and, as a budget, its RAM. Raises PatchcError."""
    chosen = core(target)
    part = None if target == chosen.name else part_called(target)
    if part is not None and budget is None:
        budget = part.ram_bytes
    return Place(chosen.name, part, budget)


def project_for(
    given: str | None, target: str, kernels: KernelOptions
) -> tuple[Project | None, KernelOptions]:
    """`--project`, and the kernels that it leaves to choose from. Raises PatchcError where cores
    of the target's family, or CMSIS-NN, have no place in it."""
    if given is None:
        return None, kernels
    project = member(Project, given, "--project")
    ecosystem = ECOSYSTEMS[project]
    family = core(target).toolchain.family
    if family not in ecosystem.families:
        known = " or ".join(ecosystem.families)
        raise PatchcError(
            f"--project {given} is for cores of the family {known}, and {target} is none: choose "
            "another --target (patchc targets lists them)"
        )
    if ecosystem.flags_per_file:
        return project, kernels
    own = KernelOptions(kernels=Kernels.PATCHC.value)
    if replace(kernels, kernels=own.kernels) != own or kernels.kernels == Kernels.CMSIS_NN.value:
        raise PatchcError(
            f"--project {given}: CMSIS-NN's files need flags of their own, which {ecosystem.title} "
            "does not give them: leave out the options of CMSIS-NN, or take --kernels patchc"
        )
    return project, own


def reserve_for(target: str, given: str | int | None) -> Reserve:
    """The target's, or one for all plans. Raises PatchcError for a target that there is not."""
    chosen = core(target)
    return chosen.reserve if given is None else Reserve.of_all(parse_budget(given))


def as_onnx(source: Path, folder: Path, notes: list[str]) -> Path:
    """`source` itself, or the ONNX form of a TensorFlow Lite file, in `folder`, with a note."""
    try:
        with source.open("rb") as file:
            start = file.read(8)
    except OSError:
        return source  # for the reader of ONNX files to refuse
    if not is_tflite(start):
        return source
    output = folder / f"{source.stem}.onnx"
    notes.append(converted(source, output))
    return output


@contextmanager
def blaming(file: Path, name: str | Path) -> Iterator[None]:
    """Errors about a temporary `file`, which nobody will find, call it `name`."""
    try:
        yield
    except PatchcError as error:
        if str(file) == str(name):
            raise
        raise PatchcError(str(error).replace(str(file), str(name))) from error
