"""What a TunnelNet takes on a core under QEMU: its image through a callback, patch by patch, or its
current patch in the guarded RAM with it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import patchc
from patchc.errors import BudgetError, PatchcError
from patchc.independent.patches import Patch
from patchc.programs.firmware import Firmware
from patchc.programs.firmware import build as build_firmware

NAME = "tunnelnet"  # of the emitted network, which the C includes by name
SOURCES = Path(__file__).resolve().parent
NETWORK_SOURCES = "SOURCES = \\\n"  # a line of the emitted Makefile
STACK_BYTES = 64  # of the reader, in front of the network's reserve
PIXEL = 3  # bytes
WORD = 8  # bytes that stacks are multiples of


@dataclass(frozen=True, slots=True)
class Resident:
    """Bytes as linked, and what a run took of them."""

    region: int  # all that could be written
    network_and_patch: int  # arena, and the reader with its patch
    static: int
    stack: int  # the most that was used

    @property
    def total(self) -> int:
        return self.network_and_patch + self.static + self.stack


@dataclass(frozen=True, slots=True)
class Linked:
    """Bytes as linked and run; F."""

    arena: int
    total: int  # with stack and statics; the image comes through the callback
    resident: int  # the same with a patch of the image
    weights: int
    code: int
    overhead: float  # F

    @property
    def flash(self) -> int:
        return self.weights + self.code


HEADING = (
    "| patches | arena B | total B | with the patch B | weights B | code B | flash B | F |\n"
    "|---|---|---|---|---|---|---|---|"
)


def line(patches: int, found: Linked) -> str:
    """Of the table under HEADING."""
    cells = (found.arena, found.total, found.resident, found.weights, found.code, found.flash)
    return f"| {patches} | {' | '.join(map(str, cells))} | {found.overhead:.3f} |"


def linked(model: Path, folder: Path, core: str, patch: Patch, ram_bytes: int) -> Linked:
    """Compile `model` for `ram_bytes` with a patch in them, or where that is too little for the
    least there is; run it both ways, in guarded RAM. Raises PatchcError, also where an output
    differs from onnxruntime's."""
    out, budget = folder / "out", ram_bytes - PIXEL * patch.rows * patch.cols
    try:
        made = patchc.compile(model, out, budget=budget, target=core, name=NAME)
    except BudgetError as error:
        made = patchc.compile(model, out, budget=error.least_bytes, target=core, name=NAME)
        ram_bytes += error.least_bytes - budget
    found = patchc.verify(out, on="qemu", cases=1)
    if not found.passed:
        raise PatchcError(f"{model}: {found.failures}")
    (figures,) = found.firmware
    held = measure(out, folder / "resident", core, patch, ram_bytes)
    return Linked(
        made.report.ram.arena_bytes,
        figures.total_bytes,
        held.total,
        made.report.flash.weights_bytes,
        figures.code_bytes,
        made.report.cost.macs_overhead,
    )


def measure(out: Path, folder: Path, core: str, patch: Patch, ram_bytes: int) -> Resident:
    """Build the network in `out` with a reader that holds one patch of the image, in `folder`,
    which is replaced; run the golden vectors in `ram_bytes`.

    Raises PatchcError when a tool is missing, when it does not fit, when something outside of the
    region is written, or when an output differs from onnxruntime's.
    """
    firmware = _build(out, folder, core, patch, ram_bytes)
    interface = firmware.interface
    (image,) = interface.inputs
    values = np.fromfile(out / "test/golden_in.bin", np.int8).reshape(-1, *image.shape)
    done = firmware.run({image.tensor: values})
    expected = interface.read_outputs(out / "test/golden_out.bin", len(values))
    for name, found in done.outputs.items():
        differing = int((found != expected[name]).sum())
        if differing:
            raise PatchcError(f"{out}: {name}: {differing} bytes differ with a patch in RAM")
    return Resident(
        firmware.ram_bytes,
        firmware.arena_bytes,
        firmware.static_bytes,
        -(-done.stack_high_water_bytes // WORD) * WORD,
    )


def _build(out: Path, folder: Path, core: str, patch: Patch, ram_bytes: int) -> Firmware:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(out, folder, ignore=shutil.ignore_patterns("build", "*.a"))
    for name in ("resident_patch.c", "resident_patch.h"):
        shutil.copy(SOURCES / name, folder / "src")
    shutil.copy(SOURCES / "resident_main.c", folder / "test" / "firmware" / "main.c")
    size = f"#define PATCH_ROWS {patch.rows}\n#define PATCH_COLS {patch.cols}\n"
    (folder / "src" / "patch_size.h").write_text(size)
    makefile = folder / "Makefile"
    own = "SOURCES = src/resident_patch.c \\\n"
    makefile.write_text(makefile.read_text().replace(NETWORK_SOURCES, own, 1))
    reserve = _stack_reserve(folder)
    return build_firmware(folder, core, ram_bytes=ram_bytes, stack_bytes=reserve + STACK_BYTES)


def _stack_reserve(out: Path) -> int:
    """NAME_STACK_BYTES."""
    define = f"#define {NAME.upper()}_STACK_BYTES "
    lines = (out / "include" / f"{NAME}.h").read_text().splitlines()
    return next(int(line.removeprefix(define)) for line in lines if line.startswith(define))
