"""`--tail c` on a Cortex-M4 under QEMU: NAME_probabilities to the byte, and the example's text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from patchc.quantize.images import picture_pixels
from tests.c.component import example_on_a_core, on_a_core, printed_by_run, same
from tests.c.test_tail import NETWORKS, compiled, found_by_the_driver, with_driver

pytestmark = pytest.mark.qemu

KINDS = ("scores", "many", "pixels", "mask", "logits", "gated_map")


@pytest.mark.parametrize("name", KINDS)
def test_probabilities_are_those_of_numpy(name: str, tmp_path: Path):
    out, ending, values = with_driver(name, tmp_path)
    on_a_core(out, "driver.c", "values.bin", "found.bin")
    found_by_the_driver(out, ending, values)


@pytest.mark.parametrize("name", ["scores", "pixels", "logits"])
def test_the_example_prints_on_a_core_what_run_prints(name: str, tmp_path: Path):
    out, _ = compiled(name, tmp_path)
    picture, photo = tmp_path / "photo.png", out / "photo.rgb"
    random = np.random.default_rng(11)
    Image.fromarray(random.integers(0, 256, (40, 50, 3), np.uint8)).save(picture)
    photo.write_bytes(picture_pixels(picture, NETWORKS[name]).tobytes())
    printed = [same(line) for line in example_on_a_core(out, photo)]
    assert printed == [same(line) for line in printed_by_run(out, picture)]
