"""`--tail c` on a Cortex-M4 under QEMU: NAME_probabilities to the byte, and the example's text."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import patchc
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


@pytest.mark.parametrize("name", ["scores", "pixels", "logits", "mask"])
def test_verify_compares_them_on_each_core(name: str, tmp_path: Path):
    mode = "rows" if name == "pixels" else "arena"
    out, _ = compiled(name, tmp_path, output_mode=mode)
    found = patchc.verify(out, on="qemu", target=("cortex-m4", "rv32imac"), cases=2)
    assert found.passed
    probable = [one for one in found.equalities if one.name.startswith("probabilities")]
    assert [one.name for one in probable] == [
        f"probabilities of the C on {core} = in numpy" for core in ("cortex-m4", "rv32imac")
    ]
    assert all(one.bytes_compared and not one.bytes_different for one in probable)


def test_verify_on_a_core_sees_a_wrong_probability(tmp_path: Path):
    """A table of exponentials with another number in it."""
    out, _ = compiled("scores", tmp_path)
    (file,) = (out / "src").glob("*_helpers.c")
    text = file.read_text()
    table = text.index("_table[")
    number = re.compile(r"(?<=[ {])\d+(?=u)").search(text, text.index("{", table))
    assert number is not None
    file.write_text(f"{text[: number.start()]}{int(number[0]) // 2 + 1}{text[number.end() :]}")
    found = patchc.verify(out, on="qemu", target="cortex-m4", cases=8)
    assert [one.name for one in found.equalities if one.bytes_different] == [
        "probabilities of the C on cortex-m4 = in numpy"
    ]
    assert not found.passed


@pytest.mark.parametrize("name", ["scores", "pixels", "logits"])
def test_the_example_prints_on_a_core_what_run_prints(name: str, tmp_path: Path):
    out, _ = compiled(name, tmp_path)
    picture, photo = tmp_path / "photo.png", out / "photo.rgb"
    random = np.random.default_rng(11)
    Image.fromarray(random.integers(0, 256, (40, 50, 3), np.uint8)).save(picture)
    photo.write_bytes(picture_pixels(picture, NETWORKS[name]).tobytes())
    printed = [same(line) for line in example_on_a_core(out, photo)]
    assert printed == [same(line) for line in printed_by_run(out, picture)]
