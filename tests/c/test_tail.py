"""`--tail c`: NAME_probabilities against numpy and onnxruntime, and what the example prints."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

import patchc
from patchc.errors import PatchcError
from patchc.frontend import import_model
from patchc.frontend.endings import Ending, endings
from patchc.frontend.tail import note
from patchc.numerics.probabilities import ONE
from patchc.outdir import read_source
from patchc.quantize.images import picture_pixels
from patchc.report.page.read import read_out
from patchc.report.text import to_text
from patchc.verify.golden import file_outputs
from tests.c.component import COMPILERS, WARNINGS, printed_by_run, run, same, sources
from tests.c.test_emitted_projects import sketch
from tests.unit.frontend_models import Net

SIZE = (9, 11)
X, VALUES = (0.017, 3), (0.11, 4)  # of the image, of what a Softmax is of


def network(
    behind: Callable[[Net, str], tuple[str, ...]],
    channels: int = 5,
    type_: type[np.generic] = np.int8,
    *,
    mean: bool = True,
) -> onnx.ModelProto:
    """A convolution, and its mean over all pixels as a vector; then what `behind` adds."""
    net = Net(type_)
    shift = 128 if type_ is np.uint8 else 0
    x = net.qdq(net.input("camera", 1, 3, *SIZE), (X[0], X[1] + shift))
    values = VALUES[0], VALUES[1] + shift
    y = net.qdq(net.op("Conv", x, net.weights(channels, 3, 3, 3, scale=0.1)), values)
    if mean:
        y = net.op("Flatten", net.qdq(net.op("GlobalAveragePool", y), values))
    return net.model(*behind(net, y))


def softmax(net: Net, y: str) -> tuple[str, ...]:
    return (net.op("Softmax", y, name="probable", axis=1),)


def sigmoid(net: Net, y: str) -> tuple[str, ...]:
    return (net.op("Sigmoid", y, name="probable"),)


def flattened(net: Net, y: str) -> tuple[str, ...]:
    return softmax(net, net.op("Flatten", y))


def channels_last(net: Net, y: str) -> tuple[str, ...]:
    """Of a transposed map, as a list of pixels."""
    y = net.op("Softmax", net.op("Transpose", y, perm=(0, 2, 3, 1)), axis=-1)
    return (net.op("Reshape", y, net.constant([1, -1, 5], np.int64), name="probable"),)


def dense(net: Net, y: str) -> str:
    """A layer that is not quantised again: its results are int32 sums in the C."""
    return net.op("Gemm", y, net.weights(7, 5, scale=0.3), transB=1)


def logits(net: Net, y: str) -> tuple[str, ...]:
    return softmax(net, dense(net, y))


def gates(net: Net, y: str) -> tuple[str, ...]:
    return sigmoid(net, dense(net, y))


def gated_map(net: Net, y: str) -> tuple[str, ...]:
    """Sums of pixels, channels last."""
    y = net.op("Conv", y, net.weights(3, 5, 1, 1, scale=0.3))
    return sigmoid(net, net.op("Transpose", y, perm=(0, 2, 3, 1)))


def both(net: Net, y: str) -> tuple[str, ...]:
    """Two outputs, and a third that is left to the host."""
    sums = dense(net, y)
    return (
        net.op("Softmax", y, name="probable", axis=-1),
        net.op("Sigmoid", sums, name="likely"),
        net.op("Neg", y, name="other"),
    )


NETWORKS = {
    "scores": network(softmax),
    "unsigned": network(softmax, type_=np.uint8),
    "many": network(softmax, 300),
    "one_value": network(sigmoid, 1),
    "independent": network(sigmoid),
    "pixels": network(softmax, mean=False),
    "all_pixels": network(flattened, mean=False),
    "heat": network(flattened, 1, mean=False),
    "channels_last": network(channels_last, mean=False),
    "mask": network(sigmoid, 1, np.uint8, mean=False),
    "logits": network(logits),
    "gates": network(gates),
    "gated_map": network(gated_map, mean=False),
}

# Reads values of the whole output, again and again, and writes their probabilities.
DRIVER = """#include <stdio.h>

#include "net.h"

static int8_t values[NET_OUT0_BYTES];
static uint32_t probabilities[NET_PROBABILITIES_COUNT];

int main(int argc, char **argv)
{
    FILE *const from = fopen(argv[argc - 2], "rb");
    FILE *const to = fopen(argv[argc - 1], "wb");

    while (fread(values, 1, sizeof values, from) == sizeof values) {
        net_probabilities(values, probabilities, NET_PROBABILITIES_COUNT);
        fwrite(probabilities, 4, NET_PROBABILITIES_COUNT, to);
    }
    fclose(from);
    return fclose(to);
}
"""


def compiled(name: str, folder: Path, **options) -> tuple[Path, Ending]:
    """OUT, and what its output ends in."""
    model, out = folder / "net.onnx", folder / "out"
    onnx.save(NETWORKS[name], model)
    patchc.compile(model, out, name="net", tail="c", **options)
    (ending,) = endings(import_model(model))
    return out, ending


def maps(model: Path, ending: Ending) -> np.ndarray:
    """int8 (cases, h, w, c): extremes, equal ones, random ones; sums worth little and much."""
    imported = import_model(model)
    (border,) = imported.outputs
    random = np.random.default_rng(7)
    if not border.sums:
        found = [np.full(border.shape, value, np.int8) for value in (-128, 0, 127)]
        found += [
            random.integers(-low, high, border.shape).astype(np.int8)
            for low, high in ((128, 128), (1, 2), (128, -120), (20, 20))
            for _ in range(5)
        ]
        return np.stack(found)
    shape = (*border.shape[:2], border.shape[2] // 4)
    least, most = np.iinfo(np.int32).min, np.iinfo(np.int32).max
    sums = [np.full(shape, value, "<i4") for value in (least, -1, 0, most)]
    sums += [random.integers(least, most, shape, "<i4", True) for _ in range(5)]
    for spread in (0.1, 1, 10, 80):
        for _ in range(10):
            sums.append(np.rint(random.normal(0, spread, shape) / border.sums).astype("<i4"))
    return np.stack([one.view(np.int8).reshape(border.shape) for one in sums])


def with_driver(name: str, folder: Path) -> tuple[Path, Ending, np.ndarray]:
    """A network compiled, with a driver in it and the values that this reads."""
    out, ending = compiled(name, folder)
    values = maps(folder / "net.onnx", ending)
    (out / "driver.c").write_text(DRIVER)
    (out / "values.bin").write_bytes(values.tobytes())
    return out, ending, values


def found_by_the_driver(out: Path, ending: Ending, values: np.ndarray) -> np.ndarray:
    """What it wrote: to the byte what numpy computes."""
    found = np.frombuffer((out / "found.bin").read_bytes(), "<u4").reshape(len(values), -1)
    np.testing.assert_array_equal(found, [ending.probabilities.of(one) for one in values])
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_the_c_computes_what_numpy_does_and_onnxruntime_to_a_millionth(name: str, tmp_path: Path):
    out, ending, values = with_driver(name, tmp_path)
    flags = ("-std=c99", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover")
    run("gcc", *flags, *WARNINGS, "-Iinclude", "driver.c", *sources(out), "-o", "driver", cwd=out)
    run(out / "driver", "values.bin", "found.bin", cwd=out)
    found = found_by_the_driver(out, ending, values)
    imported = import_model(tmp_path / "net.onnx")
    theirs = file_outputs(imported, [{ending.tensor: one} for one in values])
    for mine, outputs in zip(found, theirs, strict=True):
        np.testing.assert_allclose(
            mine[ending.order] / ONE, outputs[ending.output], rtol=0, atol=4e-6
        )


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        *((name, "tiles") for name in NETWORKS if name != "all_pixels"),  # in another order
        ("scores", "stream"),
        ("pixels", "extern"),
    ],
)
def test_the_example_prints_what_run_prints(name: str, mode: str, tmp_path: Path):
    out, _ = compiled(name, tmp_path, input_mode=mode)
    picture, photo = tmp_path / "photo.png", out / "photo.rgb"
    random = np.random.default_rng(11)
    Image.fromarray(random.integers(0, 256, (40, 50, 3), np.uint8)).save(picture)
    photo.write_bytes(picture_pixels(picture, NETWORKS[name]).tobytes())
    include, main = f"-I{out / 'include'}", out / "example" / "main.c"
    flags = ("-std=c99", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover")
    run("gcc", *flags, *WARNINGS, include, *sources(out), main, "-o", out / "example.elf")
    printed = run(out / "example.elf", photo).splitlines()
    wanted = printed_by_run(out, picture)
    assert [same(line) for line in printed] == [same(line) for line in wanted]


@pytest.mark.parametrize("name", ["scores", "mask", "logits", "gates"])
def test_every_compiler_takes_it_without_a_warning(name: str, tmp_path: Path):
    out, _ = compiled(name, tmp_path)
    for compiler in COMPILERS:
        files = [*sources(out), *([] if "riscv" in compiler[0] else [out / "example/main.c"])]
        run(*compiler, *WARNINGS, "-fsyntax-only", f"-I{out / 'include'}", *files)


def test_pixels_that_are_handed_over_in_parts(tmp_path: Path):
    """Each pixel has all of its channels; a Softmax over all pixels has not."""
    compiled("pixels", tmp_path, output_mode="rows")
    (tmp_path / "all").mkdir()
    with pytest.raises(PatchcError, match=r"handed over one after the other: choose --outputs"):
        compiled("all_pixels", tmp_path / "all", output_mode="rows")


def test_several_outputs_have_functions_of_their_own(tmp_path: Path):
    model, out = tmp_path / "net.onnx", tmp_path / "out"
    onnx.save(network(both), model)
    found = patchc.compile(model, out, name="net", tail="c")
    tails = {tail.output: tail.function for tail in found.report.tails}
    assert set(tails) == {"probable_out", "likely_out"}
    header = (out / "include/net.h").read_text()
    assert len(set(tails.values())) == 2
    assert all(f"void {function}(" in header for function in tails.values())
    assert found.report.host.trailing == ("other (Neg)",)
    inputs = {"camera": np.random.default_rng(2).normal(0, 1, (1, 3, *SIZE)).astype(np.float32)}
    patchc.compile(model, tmp_path / "host", name="net")
    here, there = patchc.run(out, inputs), patchc.run(tmp_path / "host", inputs)
    for name, values in there.items():
        np.testing.assert_allclose(here[name], values, rtol=0, atol=4e-6)
    np.testing.assert_array_equal(here["other_out"], there["other_out"])


@pytest.mark.parametrize(
    ("name", "mode"), [("scores", "arena"), ("pixels", "rows"), ("logits", "arena")]
)
def test_verify_compares_it(name: str, mode: str, tmp_path: Path):
    """And says so where the C's table is another one."""
    out, _ = compiled(name, tmp_path, output_mode=mode)
    (equal,) = [e for e in patchc.verify(out).equalities if "probabilities" in e.name]
    assert (equal.bytes_different, equal.first) == (0, None)
    assert equal.bytes_compared == 8 * 4 * {"scores": 5, "pixels": 5 * 63, "logits": 7}[name]
    helpers = out / "src/net_helpers.c"
    text = helpers.read_text()
    assert "    2147483648u, " in text
    helpers.write_text(text.replace("    2147483648u, ", "    2147483000u, "))
    found = patchc.verify(out)
    assert not found.passed
    assert "probabilities of the C = in numpy" in found.failures[0]


def test_a_sketch_prints_percent(tmp_path: Path):
    out, _ = compiled("scores", tmp_path, project="arduino")
    program = sketch(out, tmp_path)
    program.write_text(program.read_text() + "\nint main() { setup(); loop(); return 0; }\n")
    run("gcc", "-std=c99", "-c", *(out / "src").glob("*.c"), cwd=tmp_path)
    compiler = ("g++", "-Wall", "-Wextra", "-Werror", f"-I{out / 'src'}", "-include", "Arduino.h")
    run(*compiler, program, *tmp_path.glob("*.o"), "-o", tmp_path / "run", cwd=tmp_path)
    lines = [line for line in run(tmp_path / "run").splitlines() if line.endswith("%")]
    assert abs(sum(float(line.split()[1]) for line in lines) - 100) < 0.01
    assert len(lines) == 5


def test_it_is_not_both_cut_off_and_in_the_c(tmp_path: Path):
    with pytest.raises(PatchcError, match="--cut leaves 'probable' to the host, --tail c puts it"):
        compiled("scores", tmp_path, cut=["probable"])


def test_it_is_said_where_the_tail_runs(tmp_path: Path):
    out, _ = compiled("scores", tmp_path)
    report = json.loads((out / "report.json").read_text())
    (tail,) = report["tails"]
    assert (tail["node"], tail["function"]) == ("probable (Softmax)", "net_probabilities")
    assert report["host"]["trailing"] == []
    assert (
        "`net_probabilities(values, probabilities, NET_PROBABILITIES_COUNT)`"
        in (out / "README.md").read_text()
    )
    assert "--tail c" in (out / "src/net.c").read_text()
    assert read_source(out).tail == "c"
    text = to_text(read_out(out)[0])
    assert "tail     probable_out: probable (Softmax), in the C, by net_probabilities" in text
    patchc.report(out)
    patchc.compile(tmp_path / "net.onnx", tmp_path / "host", name="net")
    text = (tmp_path / "host/README.md").read_text()
    assert "behind its outputs in the model: probable (Softmax)." in text
    assert "net_top(" in (tmp_path / "host/include/net.h").read_text()
    assert "probabilities" not in (tmp_path / "host/src/net_helpers.c").read_text()


@pytest.mark.parametrize("tail", ["c", "host"])
def test_a_file_that_says_itself_to_cut_there(tail: str, tmp_path: Path):
    """As `patchc quantize` writes it. What is in the C after all is not said to be left out."""
    model = onnx.ModelProto()
    model.CopyFrom(NETWORKS["scores"])
    note(model, ["probable"])
    onnx.save(model, tmp_path / "net.onnx")
    patchc.compile(tmp_path / "net.onnx", tmp_path / "out", tail=tail)
    report = json.loads((tmp_path / "out/report.json").read_text())
    left = [text for text in report["notes"] if "is not in the C" in text]
    assert [text.partition(" and what")[0] for text in left] == (
        [] if tail == "c" else ["probable (Softmax)"]
    )
    assert report["host"]["trailing"] == ([] if tail == "c" else ["probable (Softmax)"])
