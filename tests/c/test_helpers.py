"""Around the network in C: bytes of a camera as its int8, the largest of its outputs."""

from __future__ import annotations

import ctypes
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

import patchc
from patchc.frontend import import_model
from patchc.quantize.images import as_input, picture_shape
from patchc.quantize.options import METADATA_KEY
from patchc.verify.golden import graph_inputs
from tests.c.calling import library
from tests.unit.frontend_models import Net

LAST = (0, 3, 1, 2)  # NHWC -> NCHW
SMALL, LARGE = (6, 7), (18, 20)  # fewer pixels than a byte has values, and more


def network(
    before: Callable[[Net, str], str],
    *,
    rows_cols: tuple[int, int] = LARGE,
    channels: int = 3,
    last: bool = False,
    dtype: type[np.generic] = np.float32,
    quant: tuple[float, int] = (0.017, 3),
    metadata: dict | None = None,
) -> onnx.ModelProto:
    """`before` leads from the file's image to what is quantised; five classes."""
    net = Net()
    rows, cols = rows_cols
    shape = (1, rows, cols, channels) if last else (1, channels, rows, cols)
    x = net.qdq(before(net, net.input("camera", *shape, dtype=dtype)), quant)
    y = net.qdq(net.op("Conv", x, net.weights(5, channels, 3, 3, scale=0.1)), (0.04, -9))
    y = net.op("Flatten", net.qdq(net.op("GlobalAveragePool", y), (0.01, 4)))
    found = net.model(net.op("Identity", y, name="classes"))
    if metadata is not None:
        found.metadata_props.add(key=METADATA_KEY, value=json.dumps(metadata))
    return found


def normalised(net: Net, x: str) -> str:
    """(x - mean) / std, per channel, NCHW."""
    mean = net.constant(np.reshape([123.7, 116.3, 103.5], (3, 1, 1)))
    return net.op(
        "Div", net.op("Sub", x, mean), net.constant(np.reshape([58, 57, 57.5], (3, 1, 1)))
    )


def from_last(net: Net, x: str) -> str:
    """The same of NHWC, then transposed."""
    x = net.op("Mul", net.op("Sub", x, net.constant([120.0, 110, 100])), net.constant(0.016))
    return net.op("Transpose", x, perm=LAST)


def curved(net: Net, x: str) -> str:
    """A gamma, clipped."""
    x = net.op("Sqrt", net.op("Mul", x, net.constant(1 / 255)))
    return net.op("Clip", x, net.constant(0.1), net.constant(0.9))


def of_bytes(net: Net, x: str) -> str:
    return net.op("Mul", net.op("Cast", x, to=onnx.TensorProto.FLOAT), net.constant(1 / 127.5))


def as_it_is(net: Net, x: str) -> str:
    return x


PREPARED = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "scale": 1 / 255}

NETWORKS = {
    "normalised": network(normalised),
    "normalised_small": network(normalised, rows_cols=SMALL),
    "channels_last": network(from_last, last=True),
    "curved": network(curved, quant=(0.0035, -128)),
    "of_bytes": network(of_bytes, dtype=np.uint8),
    "grey": network(curved, channels=1, quant=(0.0035, -128)),
    "grey_small": network(as_it_is, channels=1, rows_cols=SMALL, quant=(1.0, -128)),
    "prepared": network(as_it_is, metadata=PREPARED, quant=(0.0186, -14)),
    "prepared_bytes": network(as_it_is, quant=(1.0, -128)),
}


def compiled(model: onnx.ModelProto, folder: Path) -> Path:
    file, out = folder / "net.onnx", folder / "out"
    onnx.save(model, file)
    patchc.compile(file, out, name="net")
    return out


def converted(net: ctypes.CDLL, function: str, pixels: np.ndarray) -> np.ndarray:
    """What a function of the C makes of pixels, in place."""
    memory = pixels.copy(order="C")
    count = memory.size // memory.shape[-1]
    getattr(net, f"net_{function}")(
        ctypes.c_void_p(memory.ctypes.data), ctypes.c_void_p(memory.ctypes.data), count
    )
    return memory.view(np.int8)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_byte_of_every_channel_is_what_run_makes_of_it(name: str, tmp_path: Path):
    """Pictures of one byte each, and two of mixed ones, through onnxruntime and the C."""
    out = compiled(NETWORKS[name], tmp_path)
    net, imported = library(out), import_model(tmp_path / "net.onnx")
    shape = picture_shape(imported.onnx_model)
    random = np.random.default_rng(5)
    pictures = [np.full(shape, byte, np.uint8) for byte in range(256)]
    pictures += [random.integers(0, 256, shape, np.uint8) for _ in range(2)]
    cases = [{"camera": as_input(pixels, imported.onnx_model)} for pixels in pictures]
    expected = [maps[imported.inputs[0].tensor] for maps in graph_inputs(imported, cases)]
    assert len({maps.tobytes() for maps in expected}) > 100
    forth, back = slice(None), slice(None, None, -1)
    functions = {1: {"from_grey": forth}, 3: {"from_rgb": forth, "from_bgr": back}}[shape[2]]
    for function, order in functions.items():
        for pixels, maps in zip(pictures, expected, strict=True):
            np.testing.assert_array_equal(converted(net, function, pixels[..., order]), maps)


@pytest.mark.parametrize("name", ["normalised", "prepared_bytes"])
def test_pixels_of_16_bits_are_widened(name: str, tmp_path: Path):
    """All 65 536 of them, in both orders of bytes, beside what the bytes give."""
    net = library(compiled(NETWORKS[name], tmp_path))
    values = np.arange(1 << 16, dtype=np.uint16)
    red, green, blue = values >> 11, values >> 5 & 63, values & 31
    wide = [red << 3 | red >> 2, green << 2 | green >> 4, blue << 3 | blue >> 2]
    assert np.abs(wide[0] - np.rint(red * 255 / 31)).max() <= 1
    expected = converted(net, "from_rgb", np.stack(wide, axis=-1).astype(np.uint8))
    for swapped, pixels in ((0, values), (1, values.byteswap())):
        found = np.zeros((len(values), 3), np.int8)
        net.net_from_rgb565(
            ctypes.c_void_p(found.ctypes.data),
            ctypes.c_void_p(pixels.ctypes.data),
            len(values),
            swapped,
        )
        np.testing.assert_array_equal(found, expected)


def test_a_difference_needs_no_table(tmp_path: Path):
    """Bytes that the file takes as they are; three equal rows are one."""
    text = (compiled(NETWORKS["prepared_bytes"], tmp_path) / "src/net_helpers.c").read_text()
    assert "(int8_t)(first - 128)" in text
    assert "[256]" not in text
    (tmp_path / "curved").mkdir()
    text = (compiled(NETWORKS["curved"], tmp_path / "curved") / "src/net_helpers.c").read_text()
    assert "net_pixels[1][256]" in text


def mean_image(net: Net, x: str) -> str:
    """As many constants as pixels, not all alike."""
    mean = np.full((3, *LARGE), 100.0)
    mean[1, 4, 5] = 103
    return net.op("Sub", x, net.constant(mean))


def swapped(net: Net, x: str) -> str:
    return net.op("Gather", x, net.constant([2, 1, 0], np.int64), axis=1)


def mirrored(net: Net, x: str) -> str:
    return net.op("Sub", x, net.op("Transpose", x, perm=(0, 1, 3, 2)))


def averaged(net: Net, x: str) -> str:
    return net.op("Sub", x, net.op("ReduceMean", x, axes=[2, 3]))


@pytest.mark.parametrize(
    "model",
    [
        network(mean_image, quant=(1.0, 0)),
        network(swapped, quant=(1.0, -128)),
        network(mirrored, rows_cols=(18, 18), quant=(1.0, 0)),
        network(averaged, quant=(1.0, 0)),
        network(as_it_is, channels=4),
    ],
    ids=["mean_image", "swapped", "mirrored", "averaged", "four_channels"],
)
def test_no_functions_where_a_byte_does_not_say_all(model: onnx.ModelProto, tmp_path: Path):
    out = compiled(model, tmp_path)
    assert "_from_" not in (out / "include/net.h").read_text()


def test_constants_for_all_pixels_may_be_one_for_each(tmp_path: Path):
    def flat(net: Net, x: str) -> str:
        return net.op("Sub", x, net.constant(np.full((3, *LARGE), 100.0)))

    out = compiled(network(flat, quant=(1.0, 0)), tmp_path)
    assert "net_from_rgb" in (out / "include/net.h").read_text()


def test_the_largest_are_those_that_run_prints(tmp_path: Path):
    """Ties, too: the first of equal ones comes first, as in a stable sort."""
    net = library(compiled(NETWORKS["grey"], tmp_path))
    random = np.random.default_rng(3)
    for count in (1, 2, 5, 40):
        for spread in (1, 4, 128):
            values = random.integers(-spread, spread, count).astype(np.int8)
            for k in (0, 1, 3, count, count + 2):
                best = np.full(count + 3, -1, np.int32)
                address = ctypes.c_void_p(best.ctypes.data)
                found = net.net_top(ctypes.c_void_p(values.ctypes.data), count, address, k)
                expected = np.argsort(-values.astype(np.float64), kind="stable")[:k]
                assert found == len(expected)
                assert best[:found].tolist() == expected.tolist()
                assert (best[found:] == -1).all()


def test_a_photo_gets_the_class_that_run_prints(tmp_path: Path):
    """From bytes to the class: the C with its helpers, and patchc run on the same picture."""
    out = compiled(NETWORKS["normalised"], tmp_path)
    pixels = np.random.default_rng(1).integers(0, 256, (*LARGE, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    (tmp_path / "main.c").write_text(MAIN)
    sources = [str(path) for path in sorted(out.glob("src/*.c"))]
    flags = ("-std=c99", "-Wall", "-Wextra", "-Werror", f"-I{out}/include")
    command = ["gcc", *flags, "-o", str(tmp_path / "main"), str(tmp_path / "main.c"), *sources]
    subprocess.run(command, check=True)
    run = subprocess.run([tmp_path / "main"], input=pixels.tobytes(), capture_output=True)
    classes = patchc.run(out, image=tmp_path / "photo.png")["classes_out"][0]
    expected = np.argsort(-classes.astype(np.float64), kind="stable")[:3]
    assert run.stdout.decode().split() == [str(index) for index in expected]


MAIN = """
#include <stdio.h>

#include "net.h"

static uint8_t camera[NET_IN0_HEIGHT][NET_IN0_WIDTH * NET_IN0_CHANNELS];
static int32_t arena[(NET_ARENA_BYTES + 3) / 4];

static int read_rows(void *ctx, int32_t row, int32_t col, int32_t rows, int32_t cols, int8_t *dst)
{
    int32_t i;

    (void)ctx;
    for (i = 0; i < rows; i++) {
        net_from_rgb(dst + i * cols * NET_IN0_CHANNELS,
                     &camera[row + i][col * NET_IN0_CHANNELS], cols);
    }
    return 0;
}

int main(void)
{
    const net_inputs in = {.camera = {read_rows, NULL}};
    int8_t classes[NET_OUT0_BYTES];
    const net_outputs out = {.classes_out = classes};
    int32_t best[3];
    int32_t i;

    if (fread(camera, sizeof camera, 1, stdin) != 1 || net_run(arena, &in, &out) != 0) {
        return 1;
    }
    for (i = 0; i < net_top(classes, NET_OUT0_BYTES, best, 3); i++) {
        printf("%d\\n", (int)best[i]);
    }
    return 0;
}
"""
