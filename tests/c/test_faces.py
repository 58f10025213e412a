"""BlazeFace's decoding: by the published formulas, and the same in C as in Python."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest

import patchc
from examples.detectors import detector, photos
from examples.detectors.found import UNIT, Found, least_score
from examples.faces.decode import BOX_VALUES, GRIDS, MAX_FACES, SIZE, Grid, decode
from examples.faces.detector import DETECTOR, in_python
from examples.zoo import build_float, find
from patchc.programs.host import FLAVOURS
from tests.tools import require_tool

ZERO_POINTS = (42, -44)  # of scores, of boxes
SCALES = (0.044, 0.376)
PIXEL_TOLERANCE = 0.01  # scales are rounded to 1 / UNIT, once per 255 steps


def random_maps(seed: int, spread: int = 128) -> list[tuple[np.ndarray, np.ndarray]]:
    """int8 scores and boxes per grid."""
    random = np.random.default_rng(seed)
    return [
        tuple(
            random.integers(-spread, spread, (cells, cells, anchors, *rest)).astype(np.int8)
            for rest in ((), (BOX_VALUES,))
        )
        for cells, anchors in GRIDS
    ]


def as_grids(maps: list[tuple[np.ndarray, np.ndarray]]) -> list[Grid]:
    return [
        Grid(scores.astype(int) - ZERO_POINTS[0], boxes.astype(int) - ZERO_POINTS[1], *SCALES)
        for scores, boxes in maps
    ]


# Python


def by_formula(grid: Grid, row: int, column: int, anchor: int) -> list[float]:
    """Score, box corners and points in floating point, as MediaPipe defines them."""
    x, y = ((place + 0.5) * SIZE / len(grid.scores) for place in (column, row))
    values = grid.boxes[row, column, anchor] * grid.box_scale
    points = values[4:] + np.tile([x, y], len(values[4:]) // 2)
    corners = [x + values[0] - values[2] / 2, y + values[1] - values[3] / 2]
    corners += [corners[0] + values[2], corners[1] + values[3]]
    return [grid.scores[row, column, anchor] * grid.score_scale, *corners, *points]


@pytest.mark.parametrize("which", range(len(GRIDS)))
def test_an_anchor_is_decoded_as_published(which: int):
    maps = random_maps(which)
    for scores, _ in maps:
        scores[:] = -128
    cells, anchors = GRIDS[which]
    place = (cells - 2, 1, anchors - 1)
    maps[which][0][place] = 127
    (face,) = decode(as_grids(maps), least_score(0.75))
    found = [face.score, face.left, face.top, face.right, face.bottom]
    found += [value for point in face.points for value in point]
    wanted = by_formula(as_grids(maps)[which], *place)
    np.testing.assert_allclose(np.array(found) / UNIT, wanted, atol=PIXEL_TOLERANCE)


def two_anchors(score: int, width: int, other_score: int, other_width: int) -> list[Found]:
    """Decodes two anchors of one cell, steps above zero, with square boxes around its centre."""
    grids = [
        Grid(np.full((c, c, a), -100), np.zeros((c, c, a, BOX_VALUES), int), 0.05, 1.0)
        for c, a in GRIDS
    ]
    for anchor, (points, size) in enumerate(((score, width), (other_score, other_width))):
        grids[1].scores[3, 4, anchor] = points
        grids[1].boxes[3, 4, anchor, 2:4] = size
    return decode(grids, least_score(0.75))


def test_the_better_of_two_that_overlap_is_kept():
    assert [face.right - face.left for face in two_anchors(40, 20, 50, 22)] == [22 * UNIT]


def test_of_two_equal_scores_the_first_is_kept():
    assert [face.right - face.left for face in two_anchors(50, 20, 50, 22)] == [20 * UNIT]


def test_boxes_that_share_less_than_three_tenths_are_both_kept():
    assert len(two_anchors(50, 100, 50, 54)) == 2
    assert len(two_anchors(50, 100, 50, 55)) == 1


def test_a_score_at_the_threshold_is_no_face():
    grid = as_grids(random_maps(0))
    best = decode(grid, least_score(0.75))[0]
    assert not decode(grid, best.score)
    assert decode(grid, best.score - 1)


# C


class CGrid(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int32) for name in ("cells", "anchors")),
        *((name, ctypes.c_void_p) for name in ("scores", "boxes")),
        *((name, ctypes.c_int32) for name in ("score_zero_point", "box_zero_point")),
        *((name, ctypes.c_int32) for name in ("score_scale", "box_scale")),
    )


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    path = tmp_path_factory.mktemp("faces") / "face_decode.so"
    source = str(DETECTOR.folder / "face_decode.c")
    flags = [*FLAVOURS["release"].cflags, "-fPIC", "-shared"]
    subprocess.run([require_tool("gcc"), *flags, "-o", str(path), source], check=True)
    return ctypes.CDLL(str(path))


def decode_in_c(
    library: ctypes.CDLL, maps: list[tuple[np.ndarray, np.ndarray]], threshold: int
) -> list[Found]:
    scales = (int(SCALES[0] * UNIT + 0.5), int(SCALES[1] * UNIT / 2 + 0.5))
    grids = (CGrid * len(maps))(
        *(
            CGrid(*shape, scores.ctypes.data, boxes.ctypes.data, *ZERO_POINTS, *scales)
            for shape, (scores, boxes) in zip(GRIDS, maps, strict=True)
        )
    )
    words = (ctypes.c_int32 * (MAX_FACES * DETECTOR.words))()
    count = library.face_decode(grids, len(maps), threshold, words)
    rows = np.array(words).reshape(MAX_FACES, -1)[:count]
    return [DETECTOR.from_words(row) for row in rows.tolist()]


@pytest.mark.parametrize("probability", [0.01, 0.75, 0.9, 0.97])
@pytest.mark.parametrize("seed", range(10))
def test_c_finds_the_same_faces(library: ctypes.CDLL, seed: int, probability: float):
    """With more candidates than there is room for, with a few, and with many equal scores."""
    for spread in (128, 8):
        maps = random_maps(seed, spread)
        for scores, _ in maps:
            np.add(scores, 80 if spread == 8 else 0, out=scores)
        threshold = least_score(probability)
        assert decode_in_c(library, maps, threshold) == decode(as_grids(maps), threshold)


# All of it


def test_the_detector_in_c_equals_onnxruntime_and_python(tmp_path: Path):
    """On photos with and without faces, under sanitizers, in the least RAM of the frontier."""
    quantized, out = tmp_path / "blazeface.onnx", tmp_path / "out"
    network = find("blazeface_128")
    patchc.quantize(build_float(network.name), quantized, calibration=network.calibration())
    result = patchc.compile(quantized, out, budget="33kB", name=DETECTOR.name)
    pixels = [photos.pixels(photo, SIZE) for photo in photos.examples().values()]
    program = detector.build(DETECTOR, out, tmp_path / "detector", FLAVOURS["sanitize"])
    threshold = least_score(0.75)
    found = detector.in_c(DETECTOR, program, pixels, threshold)
    assert found == in_python(quantized, result.stages, pixels, threshold)
    # One face each in the first four, none in the last three.
    assert [len(faces) for faces in found[:4]] == [1] * 4
    assert not any(found[-3:])
