"""A detector in C: the emitted network and the decoding of its maps, as a program of this machine.

The folder of a detector holds detector.c and detector.h, which name the network, and its decoder;
host_main.c and firmware_main.c here run any of them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from examples.detectors.found import Found
from patchc.programs.host import FLAVOURS, Flavour, compiler
from patchc.programs.program import run_command, tool

Photos = Sequence[np.ndarray]  # uint8 (side, side, 3)

MAINS = Path(__file__).resolve().parent
SECONDS = 300


@dataclass(frozen=True, slots=True)
class Detector:
    name: str  # of the emitted network, which the C includes by name
    folder: Path
    decoder: str  # a .c and a .h in `folder`
    most: int  # that it finds
    words: int  # int32_t in C's struct of one that is found
    from_words: Callable[[Sequence[int]], Found]  # in the struct's order
    inputs: Callable[[np.ndarray], Mapping[str, np.ndarray]]  # of the ONNX file, of a photo
    decoder_bytes: int  # of RAM beside the network's: what is found, and a deeper stack

    @property
    def sources(self) -> tuple[str, ...]:
        return ("detector.c", f"{self.decoder}.c")

    @property
    def headers(self) -> tuple[str, ...]:
        return ("detector.h", f"{self.decoder}.h")


def build(
    detector: Detector, out: Path, folder: Path, flavour: Flavour = FLAVOURS["release"]
) -> Path:
    """The program of host_main.c with the network in `out`, built in `folder`.

    Raises PatchcError when a tool is missing or it does not build.
    """
    folder.mkdir(parents=True, exist_ok=True)
    library, program = folder.resolve() / f"lib{detector.name}.a", folder / "detector"
    flags = list(flavour.cflags)
    settings = [f"CC={compiler(flavour)}", f"CFLAGS={' '.join(flags)}"]
    settings += [f"BUILD={folder.resolve() / 'network'}", f"LIBRARY={library}"]
    run_command([tool("make"), "-C", str(out), *settings], SECONDS)
    sources = [str(MAINS / "host_main.c"), *(str(detector.folder / s) for s in detector.sources)]
    includes = [f"-I{out}/include", f"-I{detector.folder}"]
    command = [compiler(flavour), *flags, *includes, *sources, str(library)]
    run_command([*command, "-o", str(program)], SECONDS)
    return program


def in_c(detector: Detector, program: Path, photos: Photos, threshold: int) -> list[list[Found]]:
    """What is in each photo, as the program prints it."""
    with tempfile.TemporaryDirectory(prefix="patchc-") as folder:
        files = [Path(folder, f"{number}.rgb") for number in range(len(photos))]
        for file, photo in zip(files, photos, strict=True):
            file.write_bytes(np.ascontiguousarray(photo).tobytes())
        text = run_command([str(program), str(threshold), *map(str, files)], SECONDS)
    found: list[list[Found]] = [[] for _ in photos]
    for line in text.splitlines():
        number, *words = (int(word) for word in line.split())
        found[number].append(detector.from_words(words))
    return found
