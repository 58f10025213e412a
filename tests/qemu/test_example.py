"""OUT/example/main.c on a core under QEMU, as the compiler's own startup and C library run it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

import patchc
from patchc.quantize.images import picture_pixels
from tests.c.test_helpers import NETWORKS
from tests.tools import require_tool

pytestmark = pytest.mark.qemu

# What the board wants of an image beside the C library's _start, which takes its stack from QEMU.
VECTORS = """extern void _start(void);

__attribute__((section(".vectors"), used)) static void (*const vectors[2])(void) = {
    (void (*)(void))0x20100000, _start};
"""


@pytest.mark.parametrize("mode", ["tiles", "stream", "resident"])
def test_it_prints_on_a_core_what_run_prints(mode: str, tmp_path: Path):
    model, out, picture = tmp_path / "net.onnx", tmp_path / "out", tmp_path / "photo.png"
    onnx.save(NETWORKS["normalised"], model)
    random = np.random.default_rng(11)
    Image.fromarray(random.integers(0, 256, (40, 50, 3), np.uint8)).save(picture)
    patchc.compile(model, out, name="net", input_mode=mode)
    (out / "photo.rgb").write_bytes(picture_pixels(picture, NETWORKS["normalised"]).tobytes())
    (out / "vectors.c").write_text(VECTORS)
    build = [require_tool("arm-none-eabi-gcc"), "-std=c99", "-O2", "-mcpu=cortex-m4", "-mthumb"]
    build += ["--specs=rdimon.specs", "-DEXAMPLE_FILES=1", "-Iinclude", "example/main.c"]
    build += [*map(str, sorted((out / "src").glob("*.c"))), "vectors.c"]
    build += ["-Wl,--section-start=.vectors=0", "-o", "example.elf"]
    subprocess.run(build, cwd=out, check=True)
    run = [require_tool("qemu-system-arm"), "-M", "mps2-an386", "-kernel", "example.elf"]
    run += ["-display", "none", "-monitor", "none", "-serial", "null", "-chardev", "stdio,id=host"]
    words = "enable=on,target=native,chardev=host,arg=example,arg=photo.rgb"
    run += ["-semihosting-config", words]
    keywords = {"capture_output": True, "text": True, "timeout": 60}
    done = subprocess.run(run, cwd=out, stdin=subprocess.DEVNULL, **keywords)
    assert done.returncode == 0, done.stderr
    ((name, found),) = patchc.run(out, image=picture).items()
    values = found.ravel()
    best = np.argsort(-values.astype(np.float64), kind="stable")[:5]
    wanted = [f"{name}: the {len(best)} largest of {len(values)} values"]
    wanted += [f"  {values[index]:>12.6g}  {index:>4}" for index in best]
    assert done.stdout.splitlines() == wanted
