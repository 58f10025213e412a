"""The detector twice: all of it in C, and onnxruntime followed by the decoding in Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx

from examples.detectors.detector import Detector
from examples.detectors.found import Found
from examples.faces.decode import MAX_FACES, POINTS, Grid, decode
from examples.zoo.onnx_builder import IMAGE
from patchc.pipeline import Stages
from patchc.verify.sessions import session

Outputs = Mapping[str, np.ndarray]  # of the ONNX file, by name


def from_words(words: Sequence[int]) -> Found:
    """A face from the numbers of C's struct, in its order."""
    score, left, top, right, bottom, *points = words
    places = tuple(zip(points[::2], points[1::2], strict=True))
    return Found(score, left, top, right, bottom, places)


def inputs(photo: np.ndarray) -> Outputs:
    return {IMAGE: photo.transpose(2, 0, 1)[None].astype(np.float32)}


DETECTOR = Detector(
    name="blazeface",
    folder=Path(__file__).resolve().parent,
    decoder="face_decode",
    most=MAX_FACES,
    words=5 + 2 * POINTS,
    from_words=from_words,
    inputs=inputs,
    decoder_bytes=6 * 1024,
)


def in_python(
    model: Path, stages: Stages, photos: Sequence[np.ndarray], threshold: int
) -> list[list[Found]]:
    """The faces in each photo, decoded from what onnxruntime answers for the quantised `model`."""
    running = session(onnx.load(model), signed_integers=True)
    names = [output.name for output in running.get_outputs()]
    found = []
    for photo in photos:
        answers = dict(zip(names, running.run(names, dict(inputs(photo))), strict=True))
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
