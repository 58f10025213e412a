"""The detector in C and in Python, and the file's own decoding in floats to compare both with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx

from examples.boxes.decode import MAX_BOXES, OVERLAP, Map, decode
from examples.boxes.network import INPUT, LABELS, OUTPUT
from examples.detectors.detector import Detector, Photos
from examples.detectors.found import UNIT, Found, kept
from patchc.pipeline import Stages
from patchc.verify.sessions import session

CERTAIN = 1 - 1e-6  # the score of 1 is infinite


def from_words(words: Sequence[int]) -> Found:
    """A box from the numbers of C's struct, in its order."""
    score, left, top, right, bottom, label = words
    return Found(score, left, top, right, bottom, label=label)


def inputs(photo: np.ndarray) -> Mapping[str, np.ndarray]:
    return {INPUT: photo.transpose(2, 0, 1)[None].astype(np.float32) / np.float32(255)}


DETECTOR = Detector(
    name="yolov8n",
    folder=Path(__file__).resolve().parent,
    decoder="box_decode",
    most=MAX_BOXES,
    words=6,
    from_words=from_words,
    inputs=inputs,
    decoder_bytes=2 * 1024,
)


def in_python(model: Path, stages: Stages, photos: Photos, threshold: int) -> list[list[Found]]:
    """The boxes in each photo, decoded from what onnxruntime answers for the quantised `model` in
    the place where the C ends."""
    # The finest first, as in the file.
    heads = sorted(stages.imported.outputs, key=lambda head: -head.shape[0])
    names = [head.onnx_name for head in heads]
    running = session(onnx.load(model), exposed=names, signed_integers=True)
    found = []
    for photo in photos:
        maps = []
        for head, answer in zip(heads, running.run(names, dict(inputs(photo))), strict=True):
            quant = stages.graph.tensors[head.tensor].quant
            steps = head.to_map(answer).astype(int) - quant.zero_point
            maps.append(Map(steps, quant.scale, len(photo) // len(steps)))
        found.append(decode(maps, tuple(LABELS), threshold))
    return found


def by_file(model: Path, photos: Photos, probability: float) -> list[list[Found]]:
    """The boxes in each photo as the file itself, float or quantised, decodes them in floats."""
    running = session(onnx.load(model), signed_integers=True)
    found = []
    for photo in photos:
        ((answer,),) = running.run([OUTPUT], dict(inputs(photo)))
        scores = answer[[4 + label for label in LABELS]]
        candidates = [
            _box(answer[:4, cell], scores[:, cell])
            for cell in np.flatnonzero(scores.max(0) > probability)
        ]
        found.append(kept(candidates, MAX_BOXES, OVERLAP))
    return found


def _box(centre: np.ndarray, probabilities: np.ndarray) -> Found:
    """Centre, width and height as `Found` has it."""
    x, y, width, height = centre.astype(float)
    best = int(probabilities.argmax())
    probability = min(float(probabilities[best]), CERTAIN)
    values = (np.log(probability / (1 - probability)), x - width / 2, y - height / 2)
    values += (x + width / 2, y + height / 2)
    return Found(*(round(UNIT * float(value)) for value in values), label=tuple(LABELS)[best])
