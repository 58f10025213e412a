"""The whole detector, network and decoding, on a core under QEMU, in guarded RAM."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from examples.faces.decode import MAX_FACES, Face
from examples.faces.detector import FACE_WORDS, SOURCES, from_words
from examples.zoo.onnx_builder import IMAGE
from patchc.pipeline import Stages
from patchc.programs.firmware import Firmware
from patchc.programs.firmware import build as build_firmware
from patchc.programs.program import ProgramTensor
from patchc.verify.golden import graph_inputs
from patchc.verify.network import stacked

NETWORK_SOURCES = "SOURCES = \\\n"  # a line of the emitted Makefile
OWN_SOURCES = ("detector.c", "face_decode.c")
WORD_BYTES = 4
DECODER_RAM_BYTES = 6 * 1024  # beside the network's: MAX_FACES candidates and a deeper stack
STACK_BYTES = 1536  # of the region, for network and decoder


@dataclass(frozen=True, slots=True)
class Detections:
    """What the image found, and the memory that it took."""

    faces: list[list[Face]]  # per photo
    ram_bytes: int  # of the guarded region: stack, statics, arena, faces
    stack_bytes: int  # of it, the most that was used


def build(out: Path, folder: Path, core: str, threshold: int, network_bytes: int) -> Firmware:
    """The image for `core`, made from a copy of `out` in `folder`, which is replaced.

    network_bytes: arena and stack of the network alone. Raises PatchcError when a tool is missing
    or it does not build, also because the detector does not fit the RAM.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(out, folder, ignore=shutil.ignore_patterns("build", "*.a"))
    for name in (*OWN_SOURCES, "detector.h", "face_decode.h"):
        shutil.copy(SOURCES / name, folder / "src")
    shutil.copy(SOURCES / "firmware_main.c", folder / "test" / "firmware" / "main.c")
    (folder / "src" / "threshold.h").write_text(f"#define THRESHOLD ({threshold})\n")
    makefile = folder / "Makefile"
    own = f"SOURCES = {' '.join(f'src/{name}' for name in OWN_SOURCES)} \\\n"
    makefile.write_text(makefile.read_text().replace(NETWORK_SOURCES, own, 1))
    return build_firmware(
        folder, core, ram_bytes=network_bytes + DECODER_RAM_BYTES, stack_bytes=STACK_BYTES
    )


def run(firmware: Firmware, stages: Stages, photos: Sequence[np.ndarray]) -> Detections:
    """The faces in each photo, uint8 (SIZE, SIZE, 3). Raises PatchcError when the image ends in a
    fault: then it wrote outside its RAM."""
    words = 1 + MAX_FACES * FACE_WORDS
    tensor = ProgramTensor("faces", (1, 1, words * WORD_BYTES))
    interface = replace(firmware.interface, outputs=(tensor,))
    cases = [{IMAGE: photo.transpose(2, 0, 1)[None].astype(np.float32)} for photo in photos]
    inputs = stacked(graph_inputs(stages.imported, cases))
    done = replace(firmware, interface=interface).run(inputs)
    rows = np.ascontiguousarray(done.outputs["faces"]).view("<i4").reshape(len(photos), words)
    return Detections(
        faces=[_faces(row.tolist()) for row in rows],
        ram_bytes=firmware.ram_bytes,
        stack_bytes=done.stack_high_water_bytes,
    )


def _faces(row: Sequence[int]) -> list[Face]:
    """From the count and the faces of C's struct `detector`."""
    count, *words = row
    starts = range(0, count * FACE_WORDS, FACE_WORDS)
    return [from_words(words[start : start + FACE_WORDS]) for start in starts]
