"""Whose kernels a compilation may take: the options of that, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from patchc.choices import Kernels, LibraryMode, Numerics, member
from patchc.errors import PatchcError
from patchc.libraries.cmsis_nn import CmsisNN, find, require
from patchc.planner.kernel_choice import machine_for
from patchc.planner.machine import Machine
from patchc.targets.core import Core


@dataclass(frozen=True, slots=True)
class KernelOptions:
    """As the user gives them."""

    kernels: str | None = None  # None: auto
    numerics: str = Numerics.EXACT.value
    cmsis_nn_dir: str | Path | None = None
    cmsis_nn: str = LibraryMode.COPY.value


@dataclass(frozen=True)
class KernelChoice:
    """What they come to."""

    kernels: Kernels  # PATCHC also where all might be taken, and there is no library
    numerics: Numerics
    library: CmsisNN | None
    mode: LibraryMode

    def machine(self, core: Core) -> Machine:
        """A core with these kernels, as the planner sees it."""
        return machine_for(core, self.kernels, self.numerics, self.library)

    def priced(self, core: Core) -> Machine:
        """The same, whose costs are those of the core, whatever is preferred."""
        if self.library is None:
            return self.machine(core)
        found = machine_for(core, Kernels.AUTO, self.numerics, self.library)
        return replace(found, cost=machine_for(core, Kernels.PATCHC).cost)


def kernel_choice(options: KernelOptions) -> KernelChoice:
    """Raises PatchcError for a value that there is not, for options that clash, and for a library
    that is asked for and missing, or cannot be used."""
    kernels = member(Kernels, options.kernels or Kernels.AUTO.value, "--kernels")
    numerics = member(Numerics, options.numerics, "--numerics")
    mode = member(LibraryMode, options.cmsis_nn, "--cmsis-nn")
    folder = None if options.cmsis_nn_dir is None else Path(options.cmsis_nn_dir)
    if kernels is Kernels.PATCHC:
        if folder is not None:
            raise PatchcError("--cmsis-nn-dir: not with --kernels patchc, which calls no CMSIS-NN")
        if numerics is not Numerics.EXACT:
            raise PatchcError(
                f"--numerics {numerics.value}: not with --kernels patchc, which calls no CMSIS-NN"
            )
        return KernelChoice(kernels, numerics, None, mode)
    needed = kernels is Kernels.CMSIS_NN or numerics is not Numerics.EXACT
    library = require(folder) if needed else find(folder)
    return KernelChoice(kernels if library else Kernels.PATCHC, numerics, library, mode)
