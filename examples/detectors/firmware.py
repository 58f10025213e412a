"""The whole detector, network and decoding, on a core under QEMU, in guarded RAM."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from examples.detectors.detector import MAINS, Detector
from examples.detectors.found import Found
from patchc.pipeline import Stages
from patchc.programs.firmware import Firmware
from patchc.programs.firmware import build as build_firmware
from patchc.programs.program import ProgramTensor
from patchc.verify.golden import graph_inputs
from patchc.verify.network import stacked

NETWORK_SOURCES = "SOURCES = \\\n"  # a line of the emitted Makefile
WORD_BYTES = 4
STACK_BYTES = 1536  # of the region, for network and decoder


@dataclass(frozen=True, slots=True)
class Detections:
    """What the image found, and the memory that it took."""

    found: list[list[Found]]  # per photo
    ram_bytes: int  # of the guarded region: stack, statics, arena, what is found
    stack_bytes: int  # of it, the most that was used


def build(
    detector: Detector, out: Path, folder: Path, core: str, threshold: int, network_bytes: int
) -> Firmware:
    """The image for `core`, made from a copy of `out` in `folder`, which is replaced.

    network_bytes: arena and stack of the network alone. Raises PatchcError when a tool is missing
    or it does not build, also because the detector does not fit the RAM.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(out, folder, ignore=shutil.ignore_patterns("build", "*.a"))
    for name in (*detector.sources, *detector.headers):
        shutil.copy(detector.folder / name, folder / "src")
    shutil.copy(MAINS / "firmware_main.c", folder / "test" / "firmware" / "main.c")
    (folder / "src" / "threshold.h").write_text(f"#define THRESHOLD ({threshold})\n")
    makefile = folder / "Makefile"
    own = f"SOURCES = {' '.join(f'src/{name}' for name in detector.sources)} \\\n"
    makefile.write_text(makefile.read_text().replace(NETWORK_SOURCES, own, 1))
    ram_bytes = network_bytes + detector.decoder_bytes
    return build_firmware(folder, core, ram_bytes=ram_bytes, stack_bytes=STACK_BYTES)


def run(
    detector: Detector, firmware: Firmware, stages: Stages, photos: Sequence[np.ndarray]
) -> Detections:
    """What is in each photo, uint8 (side, side, 3). Raises PatchcError when the image ends in a
    fault: then it wrote outside its RAM."""
    words = 1 + detector.most * detector.words
    tensor = ProgramTensor("found", (1, 1, words * WORD_BYTES))
    interface = replace(firmware.interface, outputs=(tensor,))
    inputs = stacked(graph_inputs(stages.imported, [detector.inputs(photo) for photo in photos]))
    done = replace(firmware, interface=interface).run(inputs)
    rows = np.ascontiguousarray(done.outputs["found"]).view("<i4").reshape(len(photos), words)
    return Detections(
        found=[_found(detector, row.tolist()) for row in rows],
        ram_bytes=firmware.ram_bytes,
        stack_bytes=done.stack_high_water_bytes,
    )


def _found(detector: Detector, row: Sequence[int]) -> list[Found]:
    """From the count and the structs of C's struct `detector`."""
    count, *words = row
    starts = range(0, count * detector.words, detector.words)
    return [detector.from_words(words[start : start + detector.words]) for start in starts]
