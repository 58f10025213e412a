"""OUT/example/main.c on a core under QEMU, as the compiler's own startup and C library run it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

import patchc
from patchc.quantize.images import picture_pixels
from tests.c.component import example_on_a_core, printed_by_run
from tests.c.test_helpers import NETWORKS

pytestmark = pytest.mark.qemu


@pytest.mark.parametrize("mode", ["tiles", "stream", "resident"])
def test_it_prints_on_a_core_what_run_prints(mode: str, tmp_path: Path):
    model, out, picture = tmp_path / "net.onnx", tmp_path / "out", tmp_path / "photo.png"
    onnx.save(NETWORKS["normalised"], model)
    random = np.random.default_rng(11)
    Image.fromarray(random.integers(0, 256, (40, 50, 3), np.uint8)).save(picture)
    patchc.compile(model, out, name="net", input_mode=mode)
    photo = out / "photo.rgb"
    photo.write_bytes(picture_pixels(picture, NETWORKS["normalised"]).tobytes())
    assert example_on_a_core(out, photo) == printed_by_run(out, picture)
