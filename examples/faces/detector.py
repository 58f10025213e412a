"""The detector twice: all of it in C, and onnxruntime followed by the decoding in Python."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx

from examples.faces.decode import POINTS, Face, Grid, decode
from examples.zoo.onnx_builder import IMAGE
from patchc.pipeline import Stages
from patchc.programs.host import FLAVOURS, Flavour, compiler
from patchc.programs.program import run_command, tool
from patchc.verify.sessions import session

SOURCES = Path(__file__).resolve().parent
NAME = "blazeface"  # of the emitted network, which the C includes by name
SECONDS = 300
FACE_WORDS = 5 + 2 * POINTS  # of the struct `face`
Outputs = Mapping[str, np.ndarray]  # of the ONNX file, by name


def build(out: Path, folder: Path, flavour: Flavour = FLAVOURS["release"]) -> Path:
    """The program of host_main.c with the network in `out`, built in `folder`.

    Raises PatchcError when a tool is missing or it does not build.
    """
    folder.mkdir(parents=True, exist_ok=True)
    library, program = folder.resolve() / f"lib{NAME}.a", folder / "detector"
    flags = list(flavour.cflags)
    settings = [f"CC={compiler(flavour)}", f"CFLAGS={' '.join(flags)}"]
    settings += [f"BUILD={folder.resolve() / 'network'}", f"LIBRARY={library}"]
    run_command([tool("make"), "-C", str(out), *settings], SECONDS)
    sources = [str(SOURCES / name) for name in ("host_main.c", "detector.c", "face_decode.c")]
    command = [compiler(flavour), *flags, f"-I{out}/include", *sources, str(library)]
    run_command([*command, "-o", str(program)], SECONDS)
    return program


def in_c(program: Path, photos: Sequence[np.ndarray], threshold: int) -> list[list[Face]]:
    """The faces in each photo, uint8 (SIZE, SIZE, 3), as the program prints them."""
    with tempfile.TemporaryDirectory(prefix="patchc-") as folder:
        files = [Path(folder, f"{number}.rgb") for number in range(len(photos))]
        for file, photo in zip(files, photos, strict=True):
            file.write_bytes(np.ascontiguousarray(photo).tobytes())
        text = run_command([str(program), str(threshold), *map(str, files)], SECONDS)
    found: list[list[Face]] = [[] for _ in photos]
    for line in text.splitlines():
        number, *words = (int(word) for word in line.split())
        found[number].append(from_words(words))
    return found


def from_words(words: Sequence[int]) -> Face:
    """A face from the numbers of C's struct, in its order."""
    score, left, top, right, bottom, *points = words
    return Face(score, left, top, right, bottom, tuple(zip(points[::2], points[1::2], strict=True)))


def in_python(
    model: Path, stages: Stages, photos: Sequence[np.ndarray], threshold: int
) -> list[list[Face]]:
    """The faces in each photo, decoded from what onnxruntime answers for the quantised `model`."""
    running = session(onnx.load(model), signed_integers=True)
    names = [output.name for output in running.get_outputs()]
    found = []
    for photo in photos:
        image = photo.transpose(2, 0, 1)[None].astype(np.float32)
        answers = dict(zip(names, running.run(names, {IMAGE: image}), strict=True))
        found.append(decode(grids(stages, answers), threshold))
    return found


def grids(stages: Stages, outputs: Outputs) -> list[Grid]:
    """The answers for both grids, from the outputs of the ONNX file."""
    graph = stages.graph
    described = stages.imported.onnx_model.graph.output
    scales = {
        output.name: graph.tensors[tensor].quant.scale
        for output, tensor in zip(described, graph.outputs, strict=True)
    }
    found = []
    for cells in (16, 8):
        scores, boxes = f"scores_{cells}", f"boxes_{cells}"
        shape = (cells, cells, -1)
        found.append(
            Grid(
                scores=_steps(outputs[scores], scales[scores]).reshape(*shape),
                boxes=_steps(outputs[boxes], scales[boxes]).reshape(*shape, 4 + 2 * POINTS),
                score_scale=scales[scores],
                box_scale=scales[boxes],
            )
        )
    return found


def _steps(values: np.ndarray, scale: float) -> np.ndarray:
    """What was dequantised, in steps above the zero point."""
    steps = np.rint(values / np.float32(scale)).astype(np.int64)
    if not np.array_equal(steps.astype(np.float32) * np.float32(scale), values):
        raise ValueError(f"not multiples of {scale}")
    return steps
