"""YOLOv8's decoding: by the published formulas, and the same in C as in Python."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from examples import yolov8n
from examples.boxes.decode import BINS, LOG2_E, SIDES, Map, decode, distance
from examples.boxes.detector import DETECTOR
from examples.detectors import photos
from examples.detectors.found import UNIT, Found, least_score, scaled
from patchc.programs.host import FLAVOURS
from tests.tools import require_tool

CLASSES = 18
LABELS = (12, 1)  # not in order: of equal scores that of the first is taken
SHAPES = ((12, 9, 8), (6, 4, 16), (3, 2, 32))  # rows, columns, pixels of a cell; 138 > MAX_BOXES
ZERO_POINTS = (-3, 26, 6)
SCALES = (0.143, 0.111, 0.079)
CELL_TOLERANCE = 0.003  # of a cell: powers of 2 lie on straight lines
COMPILERS = {
    "gcc": FLAVOURS["sanitize"].cflags,
    # Traps need no library of the compiler's, which is not installed everywhere.
    "clang": (*FLAVOURS["release"].cflags, "-fsanitize=undefined", "-fsanitize-trap=all"),
}
PROBABILITIES = (0.001, 0.25, 0.9, 0.99)


def random_maps(seed: int, spread: int = 128) -> list[np.ndarray]:
    """int8 maps of all cells."""
    random = np.random.default_rng(seed)
    shapes = [(rows, columns, SIDES * BINS + CLASSES) for rows, columns, _ in SHAPES]
    return [random.integers(-spread, spread, shape).astype(np.int8) for shape in shapes]


def as_maps(values: list[np.ndarray]) -> list[Map]:
    return [
        Map(value.astype(int) - zero_point, scale, cell)
        for value, zero_point, scale, (*_, cell) in zip(
            values, ZERO_POINTS, SCALES, SHAPES, strict=True
        )
    ]


# Python


def by_formula(steps: np.ndarray, scale: float) -> float:
    """The mean of a softmax, in cells."""
    weights = np.exp(scale * (steps - steps.max()))
    return float(weights @ np.arange(BINS) / weights.sum())


@pytest.mark.parametrize("scale", [0.001, 0.05, 0.143, 1.0, 50.0])
@pytest.mark.parametrize("spread", [1, 8, 128])
def test_a_distance_is_the_mean_of_a_softmax(scale: float, spread: int):
    random = np.random.default_rng(spread)
    for _ in range(50):
        steps = random.integers(-spread, spread, BINS)
        found = distance(steps.tolist(), scale) / UNIT
        assert found == pytest.approx(by_formula(steps, scale), abs=CELL_TOLERANCE)


@pytest.mark.parametrize("which", range(len(SHAPES)))
def test_a_cell_is_decoded_as_published(which: int):
    values = random_maps(which)
    for value in values:
        value[..., SIDES * BINS :] = -128
    row, column = (size - 1 for size in SHAPES[which][:2])
    values[which][row, column, SIDES * BINS + LABELS[1]] = 127
    map_ = as_maps(values)[which]
    (found,) = decode(as_maps(values), LABELS, least_score(0.25))
    sides = map_.steps[row, column, : SIDES * BINS].reshape(SIDES, BINS)
    left, top, right, bottom = (by_formula(side, map_.scale) for side in sides)
    x, y = column + 0.5, row + 0.5
    wanted = np.array([x - left, y - top, x + right, y + bottom])
    np.testing.assert_allclose(np.array(found.box) / map_.cell, wanted, atol=CELL_TOLERANCE)
    score = (127 - ZERO_POINTS[which]) * SCALES[which]
    assert found.score / UNIT == pytest.approx(score, abs=255 / UNIT)
    assert found.label == LABELS[1]


def test_other_classes_are_no_candidates():
    values = random_maps(0)
    for value in values:
        value[..., SIDES * BINS :] = 127
        value[..., [SIDES * BINS + label for label in LABELS]] = -128
    assert not decode(as_maps(values), LABELS, least_score(0.25))


# C


Case = tuple[int, list[np.ndarray]]  # a threshold and int8 maps


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """Few and many candidates, few and many equal scores, boxes that overlap much and little."""
    found = []
    for seed in range(10):
        wide, narrow = random_maps(seed, spread=8), random_maps(seed, spread=8)
        for value in (*wide, *narrow):
            value[..., SIDES * BINS :] += 60
        for value in narrow:
            value[..., : SIDES * BINS] = -128
            value[..., 1 : SIDES * BINS : BINS] = 127  # one cell to each side
        for probability in PROBABILITIES:
            kinds = (random_maps(seed), wide, narrow)
            found += [(least_score(probability), values) for values in kinds]
    return found


def decode_in_c(compiler: str, cases: list[Case], folder: Path) -> list[list[Found]]:
    """By box_decode.c."""
    program, file = folder / "boxes", folder / "cases.bin"
    labels = ",".join(map(str, LABELS))
    sources = [Path(__file__).with_name("boxes_main.c"), DETECTOR.folder / "box_decode.c"]
    flags = [*COMPILERS[compiler], f"-DLABELS={labels}", f"-I{DETECTOR.folder}"]
    command = [require_tool(compiler), *flags, *map(str, sources), "-o", str(program)]
    subprocess.run(command, check=True)
    content = b""
    for threshold, values in cases:
        content += np.int32(threshold).tobytes()
        for value, zero_point, scale, (*_, cell) in zip(
            values, ZERO_POINTS, SCALES, SHAPES, strict=True
        ):
            words = (*value.shape, cell, zero_point, scaled(scale, UNIT))
            content += np.array((*words, scaled(scale, LOG2_E * UNIT)), np.int32).tobytes()
            content += value.tobytes()
    file.write_bytes(content)
    done = subprocess.run([program, file], check=True, capture_output=True, text=True)
    found: list[list[Found]] = [[] for _ in cases]
    for line in done.stdout.splitlines():
        number, *words = (int(word) for word in line.split())
        found[number].append(DETECTOR.from_words(words))
    return found


@pytest.mark.parametrize("compiler", COMPILERS)
def test_c_finds_the_same_boxes(compiler: str, cases: list[Case], tmp_path: Path):
    found = [decode(as_maps(values), LABELS, threshold) for threshold, values in cases]
    assert decode_in_c(compiler, cases, tmp_path) == found


# All of it


def test_a_public_file_from_image_to_boxes(tmp_path: Path):
    """A photo with a face through the C and onnxruntime, and the file's own decoding."""
    photo = tmp_path / "portrait.png"
    photos.examples()["astronaut_half"].save(photo)
    words = [str(photo), "--output", str(tmp_path / "drawn")]
    result = CliRunner().invoke(yolov8n.main, words)
    assert result.exit_code == 0, result.output
    assert "FACE_FEMALE" in result.output
    assert "photos on which C, onnxruntime differ: 0 of 1" in result.output
    assert "do not share by 0.9: 0 of 1" in result.output
    assert "F 1.000" in result.output
    assert (tmp_path / "drawn" / "yolov8n_160" / "portrait.png").exists()


def test_boxes_that_one_side_lacks_are_counted():
    one, moved = Found(0, 0, 0, 100, 100, label=1), Found(0, 20, 0, 120, 100, label=1)
    other = Found(0, 0, 0, 100, 100, label=12)
    assert yolov8n.unlike([[one]], [[one]]) == 0
    assert yolov8n.unlike([[one], []], [[], []]) == 1
    assert yolov8n.unlike([[one]], [[moved]]) == 2
    assert yolov8n.unlike([[one]], [[other]]) == 2


def test_an_image_of_no_whole_cells_is_refused():
    result = CliRunner().invoke(yolov8n.main, ["--size", "100"])
    assert result.exit_code == 2
    assert "100 is not a multiple of 32" in result.output
