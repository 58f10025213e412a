"""The selfie segmentation example, on one photo, with tensors made twice."""

from __future__ import annotations

import numpy as np
from click.testing import CliRunner
from PIL import Image

from examples import segmentation
from examples.detectors import photos


def test_a_photo_is_drawn_and_every_byte_is_onnxruntimes(tmp_path):
    photo = photos.examples()["astronaut_half"]
    photo.save(tmp_path / "portrait.png")
    words = [str(tmp_path / "portrait.png"), "--output", str(tmp_path / "drawn")]
    result = CliRunner().invoke(segmentation.main, words)
    assert result.exit_code == 0, result.output
    assert "layer by layer 786528 B, F 1.19" in result.output
    assert "photos on which C and onnxruntime differ: 0 of 1" in result.output
    with Image.open(tmp_path / "drawn" / segmentation.NETWORK / "portrait.png") as drawn:
        assert drawn.size == photo.size
        changed = np.any(np.asarray(drawn) != np.asarray(photo), axis=2)
    assert 0.2 < changed.mean() < 0.8  # the rest of the photo, not the person


def test_what_is_no_person_fades_and_what_is_one_stays():
    photo = Image.new("RGB", (64, 32), (200, 100, 50))
    mask = np.zeros((segmentation.SIZE, segmentation.SIZE), np.float32)
    mask[:, segmentation.SIZE // 2 :] = 1
    drawn = np.asarray(segmentation.draw(photo, mask))
    assert np.all(drawn[:, 40:] == (200, 100, 50))
    wanted = np.add(np.multiply(0.2, (200, 100, 50)), np.multiply(0.8, segmentation.BACKGROUND))
    assert np.all(np.abs(drawn[:, :24] - wanted) <= 1)


def test_two_files_of_one_name_are_refused(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / folder / "me.png")
    words = [str(tmp_path / folder / "me.png") for folder in ("a", "b")]
    result = CliRunner().invoke(segmentation.main, words)
    assert result.exit_code == 2
    assert "two of the files have the same name" in result.output
