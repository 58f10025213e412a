"""The commands, on tiny models: what they write, what they print, how they fail."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import click.testing
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper
from PIL import Image

import patchc
from patchc.choices import Activation, Format
from patchc.cli import main
from patchc.plan.printer import format_plan
from patchc.quantize.options import METADATA_KEY
from patchc.report.words import WIDTH
from patchc.schedule.printer import format_schedule
from patchc.verify.sessions import saturates, session
from tests.onnx_float import CLASSES, IMAGE, quantized_cnn, samples, tiny_cnn


@dataclass(frozen=True)
class Ran:
    """A finished command."""

    status: int
    stdout: str
    stderr: str


def patchc_command(*words: object) -> Ran:
    result = click.testing.CliRunner().invoke(main, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


def error_of(*words: object) -> str:
    """The message of a command that must fail as users are promised."""
    ran = patchc_command(*words)
    assert ran.status == 2
    assert ran.stdout == ""
    assert "Traceback" not in ran.stderr
    assert ran.stderr.startswith("patchc: error: ")
    return ran.stderr.removeprefix("patchc: error: ").rstrip("\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="module")
def model(folder: Path) -> Path:
    return quantized_cnn(folder / "tiny.onnx")


@pytest.fixture(scope="module")
def out(folder: Path, model: Path) -> Path:
    """A compiled network, for tests that do not change it."""
    path = folder / "out"
    patchc.compile(model, path, name="net")
    return path


def float_model(folder: Path, **changes: object) -> Path:
    path = folder / "float.onnx"
    onnx.save_model(tiny_cnn(**changes), path)
    return path


def onnxruntime_outputs(model: Path, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    running = session(onnx.load(model))
    names = [output.name for output in running.get_outputs()]
    return dict(zip(names, running.run(names, feeds), strict=True))


# patchc itself


def test_without_a_command_the_help_is_printed():
    ran = patchc_command()
    assert ran.status == 0
    assert "patchc compile int8.onnx -o out --budget 64k" in ran.stdout


def test_version():
    assert patchc_command("--version").stdout == f"patchc {patchc.__version__}\n"


@pytest.mark.parametrize("command", ["compile", "quantize", "verify", "run", "inspect"])
def test_every_command_explains_itself_with_examples(command: str):
    ran = patchc_command(command, "--help")
    assert ran.status == 0
    assert f"patchc {command} " in ran.stdout
    assert "Examples:" in ran.stdout


def test_an_unknown_option_is_one_message_and_a_hint():
    """click's own words differ between its versions."""
    message = error_of("compile", "m.onnx", "--bugdet", "64k")
    assert message.lower().startswith("no such option")
    assert "--budget" in message
    assert message.endswith("\ntry: patchc compile --help")


def test_debug_shows_where_an_error_comes_from():
    with pytest.raises(patchc.PatchcError):
        patchc_command("--debug", "inspect", "missing.onnx")


# compile


def test_compile_writes_everything_and_prints_the_tables(tmp_path: Path, model: Path):
    ran = patchc_command("compile", model, "-o", tmp_path / "out", "--budget", "64k", "--check")
    assert ran.status == 0
    assert max(len(line) for line in ran.stdout.splitlines()[:-1]) <= WIDTH
    assert "budget 65,536" in ran.stdout
    written = {path.name for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert {"tiny.h", "tiny.c", "Makefile", "plan.json", "report.json", "model.onnx"} <= written
    assert (tmp_path / "out/test/model.onnx").read_bytes() == model.read_bytes()


def test_compile_in_slices(tmp_path: Path, model: Path):
    """The command stands in the C, layers that it cuts in plan.json; what it makes is verified."""
    out = tmp_path / "out"
    ran = patchc_command("compile", model, "-o", out, "--step", "--prefer", "layers")
    assert ran.status == 0
    assert " --step " in (out / "src/tiny.c").read_text()
    assert (
        "int tiny_step(void *arena, tiny_state *state, uint32_t max_work);"
        in (out / "include/tiny.h").read_text()
    )
    assert "`tiny_step(arena, &state, max_work)`" in (out / "README.md").read_text()
    assert patchc.verify(out, cases=2).passed
    plain = tmp_path / "plain"
    patchc.compile(model, plain, prefer="layers")
    reports = [json.loads((place / "report.json").read_text()) for place in (out, plain)]
    assert reports[0]["ram"] == reports[1]["ram"]


def test_compile_json_is_report_json(tmp_path: Path, model: Path):
    ran = patchc_command("compile", model, "-o", tmp_path / "out", "--json", "--reserve", "1k")
    assert ran.stdout == (tmp_path / "out/report.json").read_text()
    ram = json.loads(ran.stdout)["ram"]
    assert ram["total_bytes"] == ram["arena_bytes"] + 1024


def test_the_floor_that_the_error_names_can_be_compiled_and_one_byte_less_cannot(
    tmp_path: Path, model: Path
):
    message = error_of("compile", model, "-o", tmp_path / "a", "--budget", 900)
    found = re.match(r"budget 900 B not reachable: least is (\d+) B\n", message)
    assert found
    total = int(found.group(1))
    assert "  set by " in message
    assert patchc_command("compile", model, "-o", tmp_path / "b", "--budget", total).status == 0
    message = error_of("compile", model, "-o", tmp_path / "c", "--budget", total - 1)
    assert message.startswith(f"budget {total - 1} B not reachable: least is {total} B\n")
    assert not (tmp_path / "c").exists()


@pytest.mark.slow
def test_a_budget_below_layer_by_layer_is_met_by_tunnels(tmp_path: Path, model: Path):
    whole = patchc.compile(model, tmp_path / "a", prefer="layers").report.ram
    report = patchc.compile(model, tmp_path / "b", budget=whole.total_bytes - 1).report
    assert report.ram.total_bytes < whole.total_bytes
    assert report.ram.layerwise_bytes == whole.arena_bytes
    assert patchc.verify(tmp_path / "b", cases=2).passed


def test_when_the_image_sets_the_floor_extern_is_offered_with_its_figure(tmp_path: Path):
    """A strided 1x1 convolution to one channel: the image is most of the peak."""
    weights = helper.make_tensor("w", TensorProto.FLOAT, [1, 3, 1, 1], [0.5, 0.25, 0.125])
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "w"], ["y"], "stem", strides=[4, 4])],
        "strided",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, list(IMAGE))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 3, 3])],
        [weights],
    )
    opsets = [helper.make_opsetid("", 17)]
    float_ = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    strided = quantized_cnn(tmp_path / "strided.onnx", float_)
    resident = ("--budget", "200", "--reserve", 0, "--input", "resident")
    message = error_of("compile", strided, "-o", tmp_path / "o", *resident)
    assert "9 B fits  --input extern" in message
    fits = patchc_command(
        *("compile", strided, "-o", tmp_path / "o", "--budget", "200", "--reserve", 0),
        *("--input", "extern"),
    )
    assert fits.status == 0


def test_compile_quantises_a_float_model_when_it_has_samples(tmp_path: Path):
    np.savez(tmp_path / "samples.npz", **samples())
    source = float_model(tmp_path)
    words = ("--calibration", tmp_path / "samples.npz", "--format", "qoperator")
    assert patchc_command("compile", source, "-o", tmp_path / "out", *words).status == 0
    patchc_command("quantize", source, "-o", tmp_path / "q.onnx", *words)
    assert (tmp_path / "out/test/model.onnx").read_bytes() == (tmp_path / "q.onnx").read_bytes()


def test_a_plan_is_replayed(tmp_path: Path, model: Path):
    first = tmp_path / "first"
    patchc_command("compile", model, "-o", first, "--input", "extern")
    ran = patchc_command("compile", model, "-o", tmp_path / "again", "--plan", first / "plan.json")
    assert ran.status == 0
    for name in ("plan.json", "report.json", "src/tiny.c"):
        assert (tmp_path / "again" / name).read_bytes() == (first / name).read_bytes()


def test_a_plan_of_tunnels_replays_to_the_same_bytes_of_c(tmp_path: Path, model: Path):
    whole = patchc.compile(model, tmp_path / "whole", prefer="layers").report.ram.total_bytes
    first = tmp_path / "first"
    patchc.compile(model, first, budget=whole - 1)
    patchc.compile(model, tmp_path / "again", budget=whole - 1, plan=first / "plan.json")
    for path in first.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "again" / path.relative_to(first)).read_bytes()


def test_an_earlier_output_is_replaced_as_a_whole(tmp_path: Path, model: Path):
    patchc_command("compile", model, "-o", tmp_path / "out", "--name", "one")
    patchc_command("compile", model, "-o", tmp_path / "out", "--name", "two")
    assert not (tmp_path / "out/src/one.c").exists()
    assert (tmp_path / "out/src/two.c").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path, model: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.tex").write_text("years of work")
    message = error_of("compile", model, "-o", tmp_path / "out")
    assert message == (
        f"{tmp_path / 'out'} holds files that patchc did not write: give -o a new or empty folder"
    )
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.tex"]


def test_a_failed_compile_leaves_the_earlier_output(tmp_path: Path, model: Path):
    patchc_command("compile", model, "-o", tmp_path / "out")
    before = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    error_of("compile", model, "-o", tmp_path / "out", "--budget", 10)
    assert before == {
        path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()
    }
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_nothing_is_half_written_when_writing_fails(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("patchc.api.write_files", full)
    assert "No space left on device" in error_of("compile", model, "-o", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


BAD_COMPILES = {
    "missing file": (["nowhere.onnx"], "nowhere.onnx: cannot be read: No such file or directory"),
    "unknown unit": (["--budget", "64q"], "'64q' is not a number of bytes: write 65536, 64k"),
    "unknown target": (
        ["--target", "cortex-m44"],
        "no target 'cortex-m44': did you mean cortex-m4",
    ),
    "bad reserve": (["--reserve", "much"], "'much' is not a number of bytes"),
    "keyword": (["--name", "while"], "--name 'while' is not a C identifier"),
    "options of quantising": (["--mean", "0.5"], "--mean: only with --calibration"),
    "missing plan": (["--plan", "nowhere.json"], "nowhere.json: cannot be read: No such file"),
    "bad shape": (["--input-shape", "image"], "Invalid value for '--input-shape': 'image' is not"),
    "shape of no input": (["--input-shape", "x=1,2"], "--input-shape names x"),
    "already quantised": (["--calibration", "x.npz"], "it is quantised already"),
}


@pytest.mark.parametrize("case", BAD_COMPILES)
def test_compile_says_what_is_wrong(case: str, tmp_path: Path, model: Path):
    words, message = BAD_COMPILES[case]
    source = words[:1] if case == "missing file" else [model, *words]
    assert message in error_of("compile", *source, "-o", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_float_model_without_samples_is_refused_with_the_way_on(tmp_path: Path):
    source = float_model(tmp_path)
    assert "a float model; pass --calibration" in error_of("compile", source, "-o", tmp_path / "o")


def test_what_is_wrong_with_the_quantised_form_is_said_of_the_users_file(tmp_path: Path):
    """The temporary file that quantisation writes is nobody's business."""
    model = tiny_cnn()
    model.graph.node[5].CopyFrom(helper.make_node("GlobalLpPool", ["sum"], ["mean"], "pool", p=2))
    onnx.save_model(model, tmp_path / "odd.onnx")
    np.savez(tmp_path / "samples.npz", **samples())
    message = error_of(
        *("compile", tmp_path / "odd.onnx", "-o", tmp_path / "o"),
        *("--calibration", tmp_path / "samples.npz"),
    )
    assert message.startswith(f"{tmp_path / 'odd.onnx'}, quantised: ")
    assert "pool (GlobalLpPool)" in message


def test_input_mode_and_plan_may_not_contradict_each_other(tmp_path: Path, model: Path, out: Path):
    message = error_of(
        *("compile", model, "-o", tmp_path / "o", "--input", "stream"),
        *("--plan", out / "plan.json"),
    )
    assert message == "--input stream contradicts the plan, which is for tiles"


def test_the_prefix_comes_from_the_file_name(tmp_path: Path, model: Path):
    shutil.copy(model, tmp_path / "3-mobilenet v2.int8.onnx")
    result = patchc.compile(tmp_path / "3-mobilenet v2.int8.onnx", tmp_path / "out")
    assert result.report.model.name == "net_3_mobilenet_v2_int8"


@pytest.mark.slow
def test_open_dimensions_are_given_by_input_shape(tmp_path: Path):
    source = float_model(tmp_path, height="rows")
    np.savez(tmp_path / "samples.npz", **samples())
    words = ["compile", source, "-o", tmp_path / "out", "--calibration", tmp_path / "samples.npz"]
    assert "--input-shape image=" in error_of(*words)
    assert patchc_command(*words, "--input-shape", "image=1,3,12,12").status == 0
    assert patchc_command("verify", tmp_path / "out", "--cases", 1).status == 0


# verify


@pytest.mark.slow
@pytest.mark.parametrize(
    ("format_", "activation", "mode"),
    [
        (Format.QDQ, Activation.UINT8, "tiles"),
        (Format.QDQ, Activation.INT8, "stream"),
        (Format.QOPERATOR, Activation.UINT8, "extern"),
        (Format.QOPERATOR, Activation.INT8, "resident"),
    ],
)
def test_verify_passes_for_every_form_and_input_mode(
    tmp_path: Path, format_: Format, activation: Activation, mode: str
):
    model = quantized_cnn(tmp_path / "m.onnx", None, format_, activation)
    patchc.compile(model, tmp_path / "out", input_mode=mode)
    ran = patchc_command("verify", tmp_path / "out", "--cases", 3)
    assert (ran.status, "all comparisons hold" in ran.stdout) == (0, True)
    assert ("note: on this processor" in ran.stdout) is saturates(onnx.load(model))
    found = json.loads((tmp_path / "out/verify.json").read_text())
    assert found["passed"] is True
    assert found["cases"] == 3
    assert found["versions"]["onnxruntime"] == onnxruntime.__version__
    assert [e["bytes_compared"] for e in found["equalities"]] == [3 * CLASSES, CLASSES]
    assert [d["values"] for d in found["golden"]["integer"]] == [3 * CLASSES]


@pytest.mark.slow
def test_verify_takes_cases_of_ones_own(tmp_path: Path, out: Path):
    np.savez(tmp_path / "x.npz", **samples(4))
    ran = patchc_command("verify", out, "--inputs", tmp_path / "x.npz", "--sanitize", "--json")
    assert ran.status == 0
    found = json.loads(ran.stdout)
    assert (found["cases"], found["inputs"], found["sanitize"]) == (4, "x.npz", True)


@pytest.mark.slow
def test_verify_fails_when_the_c_computes_something_else(tmp_path: Path, model: Path):
    """One offset changed in the emitted C: exit code 1, the first byte named."""
    patchc.compile(model, tmp_path / "out", name="net", target="cortex-m3")
    (weights,) = (tmp_path / "out").glob("src/net_weights_*.c")
    text = weights.read_text()
    changed = re.sub(r"(classifier_form\[\d+\] = {\s*{\d+), -?\d+", r"\1, 1000000000", text)
    assert changed != text
    weights.write_text(changed)
    ran = patchc_command("verify", tmp_path / "out", "--cases", 2)
    assert ran.status == 1
    assert "MISMATCH: C = graph in numpy: " in ran.stdout
    assert "bytes differ from onnxruntime's integer kernels" in " ".join(ran.stdout.split())
    found = json.loads((tmp_path / "out/verify.json").read_text())
    assert found["passed"] is False
    assert found["equalities"][0]["first"]["index"] == [0, 0, 0]


def test_verify_of_another_folder(tmp_path: Path):
    assert f"{tmp_path} is not a folder that patchc compile wrote" in error_of("verify", tmp_path)


BAD_INPUTS = {
    "name": ({"picture": samples(2)["image"]}, "holds 'picture'; the model's inputs are 'image'"),
    "type": (
        {"image": samples(2)["image"].astype(np.float64)},
        "'image' is float64 [1, 3, 12, 12]; the model takes float32 [1, 3, 12, 12]",
    ),
    "shape": ({"image": samples(2)["image"][:, :, 1:]}, "the model takes float32 [1, 3, 12, 12]"),
    "no case": ({"image": samples(2)["image"][:0]}, "different numbers of cases, or none"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", BAD_INPUTS)
def test_verify_says_what_is_wrong_with_the_inputs(case: str, tmp_path: Path, out: Path):
    arrays, message = BAD_INPUTS[case]
    np.savez(tmp_path / "x.npz", **arrays)
    assert message in error_of("verify", out, "--inputs", tmp_path / "x.npz")


def test_verify_with_no_cases_or_no_archive(tmp_path: Path, out: Path):
    (tmp_path / "x.npz").write_text("no zip")
    assert "--cases 0: at least 1" in error_of("verify", out, "--cases", 0)
    assert "not an .npy or .npz file" in error_of("verify", out, "--inputs", tmp_path / "x.npz")
    assert "no such file" in error_of("verify", out, "--inputs", tmp_path / "y.npz")


# run


def test_run_equals_onnxruntime_on_the_file(tmp_path: Path, model: Path, out: Path):
    """Float in, float out, under the names of the ONNX file: equal with ==."""
    image = samples(1)["image"]
    np.savez(tmp_path / "x.npz", image=image)
    np.save(tmp_path / "x.npy", image)
    expected = onnxruntime_outputs(model, {"image": image})
    for name in ("x.npz", "x.npy"):
        ran = patchc_command("run", out, "--input", tmp_path / name, "--output", tmp_path / "y.npz")
        assert ran.status == 0
        with np.load(tmp_path / "y.npz") as found:
            assert list(found) == list(expected)
            for output, values in expected.items():
                np.testing.assert_array_equal(found[output], values, strict=True)


@pytest.mark.slow
def test_run_runs_the_float_operators_at_the_end_too(tmp_path: Path):
    model = quantized_cnn(tmp_path / "m.onnx", tiny_cnn(last="Softmax"))
    patchc.compile(model, tmp_path / "out")
    image = samples(1)["image"]
    found = patchc.run(tmp_path / "out", {"image": image})
    np.testing.assert_array_equal(
        found["last"], onnxruntime_outputs(model, {"image": image})["last"], strict=True
    )
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert report["host"]["trailing"] == ["last (Softmax)"]


def test_run_takes_several_cases_from_python(out: Path):
    cases = [{"image": values[None]} for values in samples(3)["image"]]
    assert [list(found) for found in patchc.run(out, cases)] == [["scores"]] * 3


def test_run_on_a_picture_prints_the_best_classes(tmp_path: Path, out: Path):
    random = np.random.default_rng(0)
    Image.fromarray(random.integers(0, 256, (30, 20, 3), np.uint8)).save(tmp_path / "x.png")
    (tmp_path / "labels.txt").write_text("\n".join(f"class {i}" for i in range(CLASSES)) + "\n")
    words = ("run", out, "--image", tmp_path / "x.png", "--labels", tmp_path / "labels.txt")
    ran = patchc_command(*words, "--top", 2)
    assert ran.status == 0
    lines = ran.stdout.splitlines()
    assert lines[0] == f"scores: the 2 largest of {CLASSES} values"
    assert [line.split("class ")[1] for line in lines[1:]] == [
        line.split()[1] for line in lines[1:]
    ]
    scores = [float(line.split()[0]) for line in lines[1:]]
    assert scores == sorted(scores, reverse=True)


def test_run_says_what_is_wrong(tmp_path: Path, out: Path):
    assert "give either inputs (--input) or a picture (--image)" in error_of("run", out)
    (tmp_path / "x.png").write_text("no picture")
    assert "cannot be read as a picture" in error_of("run", out, "--image", tmp_path / "x.png")
    np.save(tmp_path / "x.npy", samples(1)["image"][0])
    assert "the model takes float32 [1, 3, 12, 12]" in error_of(
        "run", out, "--input", tmp_path / "x.npy"
    )
    np.save(tmp_path / "x.npy", samples(1)["image"])
    (tmp_path / "labels.txt").write_text("one\ntwo\n")
    message = error_of(
        "run", out, "--input", tmp_path / "x.npy", "--labels", tmp_path / "labels.txt"
    )
    assert message == f"--labels: 2 lines for the {CLASSES} values of 'scores'"


# quantize


def test_quantize_writes_the_same_bytes_again(tmp_path: Path):
    source = float_model(tmp_path)
    np.savez(tmp_path / "samples.npz", **samples())
    for name in ("a.onnx", "b.onnx"):
        words = ("-o", tmp_path / name, "--calibration", tmp_path / "samples.npz")
        assert patchc_command("quantize", source, *words).status == 0
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_quantize_with_pictures_and_their_preparation(tmp_path: Path):
    random = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for number in range(3):
        pixels = random.integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")
    source = float_model(tmp_path)
    words = ("--calibration", tmp_path / "photos", "--mean", "127.5", "--std", "127.5,127,126")
    ran = patchc_command("quantize", source, "-o", tmp_path / "q.onnx", *words)
    assert ran.status == 0
    metadata = {entry.key: entry.value for entry in onnx.load(tmp_path / "q.onnx").metadata_props}
    assert json.loads(metadata[METADATA_KEY])["std"] == [127.5, 127.0, 126.0]


def test_quantize_says_what_is_wrong(tmp_path: Path):
    source = float_model(tmp_path)
    assert "'--calibration'" in error_of("quantize", source, "-o", tmp_path / "q.onnx")
    words = ("quantize", source, "-o", tmp_path / "q.onnx", "--calibration", tmp_path / "no.npz")
    assert "calibration takes an .npz" in error_of(*words)
    assert "'a,b' is not a list of numbers" in error_of(*words, "--mean", "a,b")
    assert not (tmp_path / "q.onnx").exists()


# inspect


def test_inspect_lists_layers_and_totals(model: Path):
    ran = patchc_command("inspect", model)
    assert ran.status == 0
    assert max(len(line) for line in ran.stdout.splitlines()) <= WIDTH
    assert [line.split()[0] for line in ran.stdout.splitlines()[2:8]] == [
        *("stem", "depthwise", "project", "add", "pool", "classifier")
    ]
    data = json.loads(patchc_command("inspect", model, "--json").stdout)
    assert data["macs"] == sum(layer["macs"] for layer in data["layers"])
    assert data["inputs"] == ["image float32 [1, 3, 12, 12]"]
    tensors = 3 * 6 * 6 * 8
    scratch = data["layerwise_bytes"] - tensors
    assert 0 < scratch < 100  # the kernels of the default core widen their operands
    of_m3 = patchc_command("inspect", model, "--json", "--target", "cortex-m3").stdout
    assert json.loads(of_m3)["layerwise_bytes"] == tensors
    assert "no target 'm9'" in error_of("inspect", model, "--target", "m9")


def test_inspect_dumps_the_graph_after_any_pass(model: Path):
    whole = patchc_command("inspect", model, "--dump", "graph").stdout
    assert whole.startswith("graph ")
    assert patchc_command("inspect", model, "--dump", "after=drop-dead-nodes").stdout
    message = error_of("inspect", model, "--dump", "after=lunch")
    assert message.startswith("--dump 'after=lunch': choose one of graph, after=")
    assert message.endswith(", plan, schedule")


def test_inspect_dumps_the_plan_and_the_schedule_that_compile_would_make(
    tmp_path: Path, model: Path
):
    """For every option that chooses them; twice the same."""
    words = ("--budget", 1300, "--target", "cortex-m0", "--input", "stream", "--outputs", "rows")
    words = (*words, "--reserve", 800)
    stages = patchc.compile(
        *(model, tmp_path / "out"),
        **{"budget": 1300, "target": "cortex-m0", "input_mode": "stream", "output_mode": "rows"},
        reserve=800,
    ).stages
    assert "tunnel" in format_plan(stages.plan)
    texts = {
        "plan": format_plan(stages.plan),
        "schedule": format_schedule(stages.schedule, stages.placement.offsets),
    }
    for stage, text in texts.items():
        ran = patchc_command("inspect", model, "--dump", stage, *words)
        assert (ran.status, ran.stderr) == (0, "")
        assert ran.stdout == text
        replayed = ("--plan", tmp_path / "out/plan.json")
        assert patchc_command("inspect", model, "--dump", stage, *replayed).stdout == text
        assert patchc.dump(model, stage, plan=stages.plan) == text
    assert patchc_command("inspect", model, "--dump", "plan").stdout != texts["plan"]


BAD_DUMPS = {
    "no such stage": (["--dump", "lunch"], "--dump 'lunch': choose one of graph, after="),
    "a plan for a graph": (
        ["--dump", "graph", "--budget", "64k", "--input", "tiles"],
        "--budget, --input: only with --dump plan or schedule",
    ),
    "a plan for a table": (["--plan", "plan.json"], "--plan: only with --dump"),
    "JSON of a text": (["--dump", "plan", "--json"], "--json: not with --dump"),
    "too little": (["--dump", "plan", "--budget", "900"], "budget 900 B not reachable: least is"),
    "unknown target": (["--dump", "plan", "--target", "z80"], "no target 'z80'"),
    "missing plan": (["--dump", "plan", "--plan", "nowhere.json"], "nowhere.json: cannot be read"),
}


@pytest.mark.parametrize("case", BAD_DUMPS)
def test_inspect_says_what_is_wrong_with_a_dump(case: str, model: Path):
    words, message = BAD_DUMPS[case]
    assert error_of("inspect", model, *words).startswith(message)


def test_inspect_says_what_is_not_supported_and_why(tmp_path: Path, model: Path):
    odd = onnx.load(model)
    position = [node.op_type for node in odd.graph.node].index("GlobalAveragePool")
    odd.graph.node[position].op_type = "GlobalLpPool"
    onnx.save_model(odd, tmp_path / "odd.onnx")
    ran = patchc_command("inspect", tmp_path / "odd.onnx")
    assert ran.status == 2
    assert "odd.onnx: 1 operator is not supported" in ran.stdout
    assert "pool (GlobalLpPool): " in ran.stdout
    data = json.loads(patchc_command("inspect", tmp_path / "odd.onnx", "--json").stdout)
    assert [item["operator"] for item in data["unsupported"]] == ["GlobalLpPool"]


def test_the_search_says_how_good_its_plan_is(tmp_path: Path, model: Path):
    whole = patchc.compile(model, tmp_path / "whole", prefer="layers").report.ram.total_bytes
    result = patchc.compile(model, tmp_path / "tunnels", budget=whole - 1)
    assert result.search_gap is not None
    assert result.search_gap >= 0
    plan = tmp_path / "tunnels" / "plan.json"
    assert patchc.compile(model, tmp_path / "again", plan=plan).search_gap is None
    ran = patchc_command("compile", model, "-o", tmp_path / "c", "--budget", whole - 1)
    assert "\nsearch   " in ran.stdout


@pytest.mark.slow
def test_explore_shows_points_that_compile_meets(tmp_path: Path, model: Path):
    ran = patchc_command("explore", model, "-o", tmp_path / "frontier.json", "--json")
    found = json.loads(ran.stdout)
    assert found == json.loads((tmp_path / "frontier.json").read_text())
    totals = [point["total_bytes"] for point in found["points"]]
    assert totals == sorted(totals, reverse=True)
    for point in found["points"]:
        report = patchc.compile(model, tmp_path / "out", budget=point["total_bytes"]).report
        assert report.ram.total_bytes <= point["total_bytes"]
    text = patchc_command("explore", model).stdout
    assert max(map(len, text.splitlines())) <= 80
    assert all(f"{total:,}" in text for total in totals)


@pytest.mark.parametrize("command", sorted(main.commands))
def test_help_fits_a_terminal(command: str):
    text = patchc_command(command, "--help").stdout
    assert max(map(len, text.splitlines())) <= WIDTH
