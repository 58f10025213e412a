"""The table of `benchmarks.speed --flavours`: whose kernels a network runs by, beside each other.

The file is aligned first (`patchc align`), so that CMSIS-NN may compute all of its convolutions.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import patchc
from benchmarks import cmsis_nn
from patchc.kernel_options import KernelOptions
from patchc.planner.kernel_choice import Kernels

BUDGET = 65536  # bytes
LAYERS = "layers"  # CMSIS-NN layer by layer, with all the RAM it likes
HEADINGS = (
    LAYERS,
    *(kernels.value for kernels in (Kernels.PATCHC, Kernels.CMSIS_NN, Kernels.AUTO)),
)
_WIDTH = 12


@dataclass(frozen=True, slots=True)
class Count:
    """Of one inference."""

    instructions: int
    cycles: int  # estimated
    bytes_different: int


@dataclass(frozen=True, slots=True)
class FlavourRow:
    """A network on a core."""

    network: str
    core: str
    counts: dict[str, Count]  # by the names in HEADINGS
    borrowed: bool  # is some of `layers` patchc's, as CMSIS-NN has no function for it?

    @property
    def auto_is_slower(self) -> bool:
        """Than patchc's own, or than CMSIS-NN's in 64 KiB, by estimated cycles."""
        auto = self.counts[Kernels.AUTO.value].cycles
        return auto > min(self.counts[k.value].cycles for k in (Kernels.PATCHC, Kernels.CMSIS_NN))


def budgeted(
    model: Path, name: str, library: cmsis_nn.Library, wait_states: int, folder: Path
) -> dict[str, Count]:
    """In 64 KiB. Raises PatchcError."""
    found = {}
    for kernels in (Kernels.PATCHC, Kernels.CMSIS_NN, Kernels.AUTO):
        root = None if kernels is Kernels.PATCHC else library.root
        options = KernelOptions(kernels.value, cmsis_nn_dir=root)
        out = folder / kernels.value
        patchc.compile(
            model, out, budget=BUDGET, prefer="speed", target=name, name="net", kernels=options
        )
        count = patchc.bench(out, wait_states=wait_states)
        found[kernels.value] = Count(count.instructions, count.cycles, count.bytes_different)
    return found


def heading() -> str:
    return " ".join(["network".ljust(22), "core", *(name.rjust(_WIDTH) for name in HEADINGS)])


def line(row: FlavourRow) -> list[str]:
    """Instructions / cycles, in millions."""
    cells = []
    for name in HEADINGS:
        count = row.counts[name]
        mark = "*" if name == LAYERS and row.borrowed else ""
        cells.append(f"{count.instructions / 1e6:.1f}{mark}/{count.cycles / 1e6:.1f}".rjust(_WIDTH))
    words = [row.network.ljust(22), row.core.removeprefix("cortex-").ljust(4), *cells]
    lines = [" ".join(words)]
    wrong = {name: one.bytes_different for name, one in row.counts.items() if one.bytes_different}
    lines += [f"  {name}: {count} BYTES DIFFER" for name, count in wrong.items()]
    lines += ["  auto IS SLOWER"] if row.auto_is_slower else []
    return lines
