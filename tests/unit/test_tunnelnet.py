"""examples/tunnelnet, as far as it needs neither PyTorch nor scikit-learn: what it trains on, and
what is built. That training itself works is what the script shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.tunnelnet import BOTTLENECKS, CLASSES, FEATURES, STEM
from examples.pages import placed
from examples.tunnelnet import digits, pictures
from examples.tunnelnet.design import mobilenet
from examples.tunnelnet.digits import DIGIT, FRAME
from examples.tunnelnet.forms import PLAIN, forms
from examples.tunnelnet.needed import require
from examples.tunnelnet.table import Accuracy, Figures, Plan, furthest, table
from patchc.choices import Merge, Weights
from patchc.errors import PatchcError


def some_digits(count: int = 60) -> digits.Digits:
    random = np.random.default_rng(4)
    images = random.integers(1, 17, (count, 8, 8))
    return digits.upscaled(images, np.arange(count) % 10)


# -- digits -----------------------------------------------------------------------------------


def test_a_class_is_a_digit_and_the_quadrant_of_its_middle():
    data = some_digits()
    frames, classes = digits.placed(data, np.random.default_rng(0))
    assert frames.shape == (60, 1, FRAME, FRAME)
    assert frames.dtype == np.uint8
    seen = set()
    for frame, digit, found in zip(frames[:, 0], data.digits, classes, strict=True):
        rows, cols = (np.flatnonzero(frame.any(axis)) for axis in (1, 0))
        lower, right = (int(line.min() + DIGIT / 2 >= FRAME / 2) for line in (rows, cols))
        assert found == digit * 4 + 2 * lower + right
        seen.add(found % 4)
    assert seen == {0, 1, 2, 3}


def test_the_same_seed_and_epoch_give_the_same_batches():
    data = some_digits()
    one, same, other = (list(digits.batches(data, 16, 5, epoch)) for epoch in (3, 3, 4))
    assert [len(classes) for _, classes in one] == [16] * 3
    assert all((a[0] == b[0]).all() for a, b in zip(one, same, strict=True))
    assert any((a[0] != b[0]).any() for a, b in zip(one, other, strict=True))


def test_no_digit_is_both_trained_on_and_tested():
    data = some_digits()
    trained, tested = digits.split(data)
    assert len(trained.digits) + len(tested.digits) == 60
    known = {pixels.tobytes() for pixels in trained.pixels}
    assert known.isdisjoint(pixels.tobytes() for pixels in tested.pixels)
    frames, classes = digits.test_set(tested)
    assert len(frames) == len(classes) == digits.PLACES * len(tested.digits)
    assert (frames == digits.test_set(tested)[0]).all()


# -- pictures in folders ----------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(2)
    for name, count in (("cats", 20), ("dogs", 3)):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for index in range(count):
            pixels = random.integers(0, 256, (30, 40, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pets" / name / f"{index}.png")
    return tmp_path / "pets"


def test_a_folder_per_class(folder):
    found = pictures.find(folder)
    assert found.names == ("cats", "dogs")
    assert found.classes == (0,) * 20 + (1,) * 3
    trained, validated = pictures.split(found, 0)
    assert validated.classes == (0, 0, 1)
    assert set(trained.files).isdisjoint(validated.files)
    assert len(trained) + len(validated) == len(found)
    assert pictures.split(found, 0) == (trained, validated)
    assert pictures.split(found, 1) != (trained, validated)


def test_batches_of_pictures_are_the_same_for_the_same_epoch(folder):
    found = pictures.find(folder)
    one, same, other = (list(pictures.batches(found, 8, 16, 1, e)) for e in (0, 0, 1))
    assert [pixels.shape for pixels, _ in one] == [(8, 3, 16, 16)] * 2
    for (pixels, classes), (again, known) in zip(one, same, strict=True):
        np.testing.assert_array_equal(pixels, again)
        np.testing.assert_array_equal(classes, known)
    assert any((a[0] != b[0]).any() for a, b in zip(one, other, strict=True))
    assert pictures.centred(found.files[0], 24).shape == (3, 24, 24)


def test_folders_that_cannot_be_trained_on(folder, tmp_path):
    with pytest.raises(PatchcError, match="no folder: one with a folder of pictures per class"):
        pictures.find(tmp_path / "nothing")
    with pytest.raises(PatchcError, match="0 folders of pictures: at least 2 classes"):
        pictures.find(folder / "cats")
    (folder / "birds").mkdir()
    with pytest.raises(PatchcError, match="birds: 0 pictures: at least 2"):
        pictures.find(folder)
    (folder / "broken.png").write_text("no picture")
    with pytest.raises(PatchcError, match=r"broken\.png: no picture that can be read"):
        pictures.centred(folder / "broken.png", 8)


# -- what is built ----------------------------------------------------------------------------


def test_width_035_is_the_network_of_the_benchmark():
    design = mobilenet(224, CLASSES, 0.35, grid="2x2", center=True)
    assert (design.stem, design.stride) == (STEM, 32)
    found = [(b.expansion, b.channels, b.count, b.stride) for b in design.blocks]
    assert found == list(BOTTLENECKS)
    assert len(design.patches) == 5
    assert design.paths == 1
    assert design.merged == design.features
    assert design.features > FEATURES  # the benchmark has fewer


def test_forms_have_names_of_their_own_and_the_plain_one_is_first():
    found = forms()
    assert found[0].design == PLAIN
    assert not found[0].tuned
    assert len({form.file for form in found}) == len(found)
    for form in found:
        form.design.check()
    # The classifier of four patches side by side has the plain one's weights.
    assert found[1].design.merged == PLAIN.merged


def test_designs_that_cannot_be_built():
    with pytest.raises(PatchcError, match="--grid 3x3 does not divide 32 rows"):
        replace(PLAIN, grid="3x3").check()
    with pytest.raises(PatchcError, match="a patch has 4x4 pixels, less than the strides"):
        replace(PLAIN, grid="8x8").check()
    with pytest.raises(PatchcError, match="--size 40: a multiple of 16"):
        replace(PLAIN, size=40).check()
    with pytest.raises(PatchcError, match="--merge max: choose one of mean, concat"):
        replace(PLAIN, merge=Merge.MAX).check()
    assert replace(PLAIN, grid="2x2", weights=Weights.SEPARATE).paths == 4


def test_what_is_missing_is_said_with_the_way_to_get_it():
    require("numpy")
    with pytest.raises(PatchcError, match=r"is needed here.*pip install 'patchc\[train\]'"):
        require("numpy", "no_such_module_anywhere")


# -- the table --------------------------------------------------------------------------------


def test_the_table_has_mean_and_range_of_the_seeds_and_exact_tunnels_beside_the_plain_network():
    found = [{form.file: Accuracy(90 + seed, 89 + seed) for form in forms()} for seed in range(3)]
    figures = Figures(1000, Plan(9000, 5000), Plan(4000, 6000), Plan(3000, 7000))
    heads, _, layers, tunnels, *cut = table(found, {form.name: figures for form in forms()}).split(
        "\n"
    )
    assert heads.count("|") == layers.count("|") == cut[0].count("|")
    accuracy = "| from the start | 91.0 (90.0 to 92.0) | 90.0 (89.0 to 91.0) | 1,000 |"
    assert layers == f"| plain, layer by layer {accuracy} 9,000 | 5,000 | - | - |"
    assert tunnels == f"| plain, exact tunnels {accuracy} 4,000 | 6,000 | 3,000 | 7,000 |"
    assert len(cut) == len(forms())  # the last one is the end of the last line
    assert furthest(found) == 1


def test_a_table_without_firmware_has_accuracies_alone():
    found = [{form.file: Accuracy(90, 89) for form in forms()}]
    assert "| plain | from the start | 90.0 | 89.0 | - | - | - | - | - |" in table(found, {})


def test_a_text_is_put_between_its_comments():
    page = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n"
    assert placed(page, "x", "new\n") == page.replace("old", "new")
    with pytest.raises(ValueError, match="no place for 'y'"):
        placed(page, "y", "new\n")
