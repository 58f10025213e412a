"""What `patchc quantize` says and stores about the quantised network's answers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from click.testing import CliRunner
from onnx import helper, numpy_helper
from PIL import Image

import patchc
from patchc.choices import Format
from patchc.classes import Right, best_classes, read_labels, right
from patchc.cli import main
from patchc.quality import METADATA_KEY, Quality, Ratio
from patchc.quantize.measured import COMPARED, LOW_DB
from patchc.quantize.options import ImagePreparation, QuantizeOptions
from patchc.report.words import WIDTH
from tests.onnx_float import quantized_cnn, samples, tiny_cnn


@pytest.fixture(scope="module")
def floating(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("quality") / "float.onnx"
    onnx.save_model(tiny_cnn(), file)
    return file


def answers(model: Path, cases: dict[str, np.ndarray]) -> list[np.ndarray]:
    """As the file is written."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    run = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    (name,) = cases
    return [run.run(None, {name: case[None]})[0] for case in cases[name]]


def quality(model: Path) -> Quality:
    found = Quality.of(onnx.load(model))
    assert found is not None
    return found


def test_ratios_and_classes_are_those_of_the_files(tmp_path: Path, floating: Path):
    """Computed once more, from the answers of both."""
    cases = samples()
    theirs = answers(floating, cases)
    labels = tuple(int(values.argmax()) for values in theirs)
    options = QuantizeOptions(labels=labels)
    model = patchc.quantize(floating, tmp_path / "q.onnx", calibration=cases, options=options)
    ours = answers(model, cases)
    found = quality(model)
    signal = sum(float(np.sum(np.float64(one) ** 2)) for one in theirs)
    noise = sum(
        float(np.sum((np.float64(one) - other) ** 2))
        for one, other in zip(theirs, ours, strict=True)
    )
    (output,) = found.outputs
    assert output.db == pytest.approx(10 * np.log10(signal / noise), abs=0.06)
    assert found.samples == len(labels)
    assert found.floating is not None
    assert (found.floating.top1, found.floating.samples) == (len(labels), len(labels))
    same = sum(int(one.argmax()) == label for one, label in zip(ours, labels, strict=True))
    assert found.quantized is not None
    assert found.quantized.top1 == same
    assert found.layers
    assert all(0 < ratio.db <= 99.9 for ratio in found.layers)


def test_quality_goes_into_the_report_and_onto_the_page(tmp_path: Path):
    model = quantized_cnn(tmp_path / "q.onnx")
    report = patchc.compile(model, tmp_path / "out").report
    assert report.quality == quality(model)
    (first, *_) = report.quality.lines()
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert first.split(None, 1)[1] in page


def test_operators_in_the_place_of_pairs_have_ratios_of_outputs(tmp_path: Path):
    found = quality(quantized_cnn(tmp_path / "q.onnx", format_=Format.QOPERATOR))
    assert len(found.outputs) == 1
    assert found.outputs[0].db > 10


def test_the_same_samples_give_the_same_bytes(tmp_path: Path):
    one, other = (quantized_cnn(tmp_path / name).read_bytes() for name in ("a.onnx", "b.onnx"))
    assert one == other


def test_files_without_or_with_damaged_quality(floating: Path):
    model = onnx.load(floating)
    assert Quality.of(model) is None
    model.metadata_props.add(key=METADATA_KEY, value='{"samples": "many"}')
    assert Quality.of(model) is None
    kept = Quality(1, (Ratio("y", 30.0),), (), None, Right(2, 1, 2), ("w",))
    again = onnx.load(floating)
    again.metadata_props.add(key=METADATA_KEY, value=kept.to_json())
    assert Quality.of(again) == kept


def picture_network(leading: bool) -> onnx.ModelProto:
    """A convolution and a mean over 8 x 8 pictures, which it scales itself where `leading`."""
    random = np.random.default_rng(3)
    weights = random.normal(size=(6, 3, 3, 3)).astype(np.float32)
    constants = [numpy_helper.from_array(weights, "w")]
    nodes, image = [], "image"
    if leading:
        constants.append(numpy_helper.from_array(np.array(127.5, np.float32), "half"))
        nodes.append(helper.make_node("Div", ["image", "half"], ["scaled"]))
        image = "scaled"
    nodes += [
        helper.make_node("Conv", [image, "w"], ["c"]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["g"]),
        helper.make_node("Flatten", ["g"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "pictures",
        [helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, [1, 6])],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    random = np.random.default_rng(5)
    for index in range(5):
        pixels = np.full((8, 8, 3), 40 * index, np.uint8) + random.integers(0, 9, (8, 8, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{index}.png")
    return folder


@pytest.mark.parametrize("leading", [False, True])
@pytest.mark.parametrize("prepared", [False, True])
def test_pixels_that_nobody_scales(tmp_path: Path, pictures: Path, leading: bool, prepared: bool):
    model = tmp_path / "f.onnx"
    onnx.save_model(picture_network(leading), model)
    image = ImagePreparation((127.5,), (127.5,)) if prepared else ImagePreparation()
    options = QuantizeOptions(image=image)
    out = patchc.quantize(model, tmp_path / "q.onnx", calibration=pictures, options=options)
    warned = any("pixels 0..255" in text for text in quality(out).warnings)
    assert warned == (not leading and not prepared)


def test_samples_that_are_all_of_one_class(tmp_path: Path, floating: Path):
    one = {"image": np.repeat(samples()["image"][:1], 5, axis=0)}
    model = patchc.quantize(floating, tmp_path / "q.onnx", calibration=one)
    assert any("puts all 5 samples into class" in text for text in quality(model).warnings)


def test_a_low_ratio_is_worth_a_warning(tmp_path: Path, floating: Path):
    """One sample behind those that are compared is so large that they have a few steps left."""
    cases = samples(COMPARED + 1)
    cases["image"][-1] *= 300
    found = quality(patchc.quantize(floating, tmp_path / "q.onnx", calibration=cases))
    (output,) = found.outputs
    assert output.db < LOW_DB
    assert f"{output.tensor}: {output.db:.1f} dB are few" in " ".join(found.warnings)


def test_a_good_ratio_is_not(tmp_path: Path, floating: Path):
    found = quality(patchc.quantize(floating, tmp_path / "q.onnx", calibration=samples()))
    assert found.outputs[0].db >= LOW_DB
    assert not any("are few" in text for text in found.warnings)


def test_labels_count_in_quantize_and_verify(tmp_path: Path, floating: Path):
    cases, labels, out = tmp_path / "x.npz", tmp_path / "labels.txt", tmp_path / "out"
    np.savez(cases, **samples())
    best = [int(values.argmax()) for values in answers(floating, samples())]
    labels.write_text("\n".join(map(str, best)))
    model = tmp_path / "q.onnx"
    ran = command("quantize", floating, "-o", model, "--calibration", cases, "--labels", labels)
    assert f"float    top-1 {len(best)} of {len(best)}" in ran
    lines = [line for line in ran.splitlines() if not line.startswith("wrote ")]  # a path
    assert max(map(len, lines)) <= WIDTH
    counted = quality(model).quantized
    command("compile", model, "-o", out)
    assert f"the C: {counted}" in command("verify", out, "--inputs", cases, "--labels", labels)
    kept = json.loads((out / "verify.json").read_text())["right"]
    assert counted is not None
    assert kept["top1"] == counted.top1


def command(*words: object) -> str:
    ran = CliRunner().invoke(main, [str(word) for word in words])
    assert ran.exit_code == 0, ran.output
    return ran.output


def test_wrong_labels(tmp_path: Path, floating: Path):
    with pytest.raises(patchc.PatchcError, match="2 labels for 8 samples"):
        patchc.quantize(
            floating,
            tmp_path / "q.onnx",
            calibration=samples(),
            options=QuantizeOptions(labels=(1, 2)),
        )
    assert not (tmp_path / "q.onnx").exists()
    with pytest.raises(patchc.PatchcError, match="no vector of classes"):
        right([()], [1])
    (tmp_path / "labels.txt").write_text("cat\n")
    with pytest.raises(patchc.PatchcError, match="one class number a line"):
        read_labels(tmp_path / "labels.txt")


def test_best_classes():
    assert best_classes(np.array([[1.0, 3.0, 3.0, 0.0, 2.0, -1.0]])) == (1, 2, 4, 0, 3)
    assert best_classes(np.zeros((1, 2, 2, 1))) == ()
    assert right([(1, 0), (0, 1), (2, 0)], [1, 1, 3]) == Right(3, 1, 2)
