"""patchc tunnel: what it writes, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import click.testing
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

import patchc
from patchc.cli import main
from patchc.errors import PatchcError
from patchc.quantize.quantize import Format, QuantizeOptions
from tests.float_builder import FloatBuilder
from tests.independent import FOOT, SIZE, classifier, detector, samples, saved


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return saved(classifier(), tmp_path / "net.onnx")


def cut(model: Path, **options) -> onnx.ModelProto:
    patchc.tunnel(model, model.with_name("cut.onnx"), **options)
    return onnx.load(model.with_name("cut.onnx"))


def run(model: onnx.ModelProto, image: np.ndarray, *outputs: str) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(list(outputs) or None, {model.graph.input[0].name: image})


def exposed(model: onnx.ModelProto, tensor: str) -> onnx.ModelProto:
    model.graph.output.append(helper.make_empty_tensor_value_info(tensor))
    return model


def weights_of(model: onnx.ModelProto, node: str) -> list[str]:
    return [n.input[1] for n in model.graph.node if n.name.startswith(f"{node}_patch")]


def features(image: np.ndarray) -> np.ndarray:
    """What the classifier's path makes of a patch, whatever its size: by the network without its
    last layer, over that size."""
    whole = classifier()
    flat = next(node.input[0] for node in whole.graph.node if node.op_type == "Gemm")
    for axis in (2, 3):
        whole.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = image.shape[axis]
    return run(exposed(whole, flat), image, flat)[0]


QUARTERS = [(0, 0), (0, 12), (12, 0), (12, 12)]
COMPUTE = {
    "mean": lambda parts: np.mean(parts, axis=0),
    "max": lambda parts: np.max(parts, axis=0),
    "sum": lambda parts: np.sum(parts, axis=0),
    "concat": lambda parts: np.concatenate(parts, axis=1),
}


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("merge", COMPUTE)
def test_every_patch_runs_on_its_own_and_what_they_make_is_merged(merge, center, model):
    made = cut(model, grid="2x2", center=center, merge=merge)
    image = samples(1)["image"][0]
    corners = [*QUARTERS, *([(6, 6)] if center else [])]
    parts = [features(image[:, :, r : r + 12, c : c + 12]) for r, c in corners]
    flat = next(node.input[0] for node in made.graph.node if node.op_type == "Gemm")
    found = run(exposed(made, flat), image, flat)[0]
    np.testing.assert_allclose(found, COMPUTE[merge](parts), rtol=1e-4, atol=1e-5)


def test_a_widened_classifier_says_what_the_mean_of_the_patches_says(model):
    image = samples(1)["image"][0]
    mean, concat = (
        run(cut(model, grid="2x3", center=True, merge=merge), image)[0]
        for merge in ("mean", "concat")
    )
    np.testing.assert_allclose(mean, concat, rtol=1e-4, atol=1e-5)


def test_neighbours_share_the_overlap(model):
    made = patchc.tunnel(model, model.with_name("cut.onnx"), grid="2x3", overlap=6, center=True)
    assert [(p.row, p.col, p.rows, p.cols) for p in made.patches] == [
        *[(0, 0, 15, 12), (0, 6, 15, 12), (0, 12, 15, 12)],
        *[(9, 0, 15, 12), (9, 6, 15, 12), (9, 12, 15, 12)],
        (4, 6, 15, 12),
    ]


@pytest.mark.parametrize("overlap", [0, 12])
def test_tiles_make_the_map_again(overlap, model):
    """With enough overlap those pixels are right whose windows stay inside of a patch."""
    made = cut(model, grid="2x2", overlap=overlap, merge="tile", until=FOOT)
    image = samples(1)["image"][0]
    found, expected = (run(exposed(m, FOOT), image, FOOT)[0] for m in (made, classifier()))
    assert found.shape == expected.shape
    equal = np.isclose(found, expected, rtol=1e-4, atol=1e-5).all(axis=(0, 1))
    assert equal.all() == (overlap == 12)
    assert equal[:4, :4].all()


def test_shared_weights_stay_one_constant_and_biases_are_one_per_branch(model):
    shared, separate = (cut(model, grid="2x2", weights=w) for w in ("shared", "separate"))
    assert len(set(weights_of(shared, "conv_0"))) == 1
    assert len(weights_of(separate, "conv_0")) == len(set(weights_of(separate, "conv_0"))) == 4
    for made in (shared, separate):
        biases = {n.input[2] for n in made.graph.node if n.name.startswith("conv_0_patch")}
        assert len(biases) == 4
        values = {t.name: numpy_helper.to_array(t) for t in made.graph.initializer}
        assert all((values[name] == values[next(iter(biases))]).all() for name in biases)


def test_nothing_unused_is_left(model):
    for weights in ("shared", "separate"):
        graph = cut(model, grid="2x2", weights=weights, merge="concat").graph
        read = {name for node in graph.node for name in node.input}
        assert {tensor.name for tensor in graph.initializer} <= read


def test_the_same_request_gives_the_same_bytes(model):
    files = [model.with_name(f"{i}.onnx") for i in range(2)]
    for file in files:
        patchc.tunnel(model, file, grid="2x2", center=True)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_several_ends_are_merged_each(tmp_path):
    source = saved(detector(), tmp_path / "net.onnx")
    ends = ["relu_5", "relu_9"]
    found = patchc.tunnel(source, tmp_path / "cut.onnx", grid="2x2", merge="tile", until=ends)
    assert found.until == tuple(ends)


def test_the_command_says_what_it_did(model):
    ran = click.testing.CliRunner().invoke(
        main, ["tunnel", str(model), "-o", str(model.with_name("t.onnx")), "--grid", "2x2"]
    )
    assert ran.exit_code == 0, ran.output
    assert "image: 4 patches of 12x12, each through 17 nodes up to flatten_" in ran.output


def test_a_window_larger_than_a_patchs_map_is_noted(tmp_path):
    net = FloatBuilder("deep")
    x = net.conv_relu(net.conv_relu(net.input(3, SIZE, SIZE), 4, 3, 4), 4, 5)
    model = saved(net.build(net.dense(net.mean(x), 2)), tmp_path / "net.onnx")
    (note,) = patchc.tunnel(model, tmp_path / "cut.onnx", grid="2x2").notes
    assert note.endswith("(Conv): its 5x5 window is larger than the 3x3 map of a patch")


REFUSED = {
    "no number": ({"grid": "2by2"}, "--grid '2by2': rows x columns expected, for example 2x2"),
    "nothing": ({"grid": "0x2"}, "--grid 0x2: at least 1x1"),
    "one": ({"grid": "1x1"}, "--grid 1x1: a single patch cuts nothing"),
    "not dividing": (
        {"grid": "5x2"},
        "--grid 5x2 does not divide 24 rows that overlap by 0 into 5 patches of one size; "
        "--overlap 4 does",
    ),
    "not dividing columns": ({"grid": "1x7"}, "--grid 1x7 does not divide 24 columns"),
    "more patches than rows": ({"grid": "25x1"}, "more patches than the 24 rows that are cut"),
    "overlap": (
        {"grid": "2x2", "overlap": 14},
        "--overlap 14: larger than a patch: --grid 2x2 divides 24 rows into 2 x 12",
    ),
    "negative overlap": ({"grid": "2x2", "overlap": -2}, "--overlap -2: at least 0"),
    "two centres": ({"grid": "3x3", "center": True}, "is the central one already"),
    "unknown": (
        {"grid": "2x2", "until": "relu_111"},
        "--until 'relu_111': no node or tensor is called so; did you mean",
    ),
    "unknown start": ({"grid": "2x2", "start": "nothing"}, "--from 'nothing': no node or tensor"),
    "no image": ({"grid": "2x2", "start": "flatten_16"}, "an image [1, channels, rows, columns]"),
    "end before start": (
        {"grid": "2x2", "start": FOOT, "until": "relu_1"},
        "--until 'relu_1' does not depend on 'add_7', which is cut",
    ),
    "read by others": (
        {"grid": "2x2", "until": "relu_3"},
        "node 'relu_1' (Relu) is read by 'add_7' outside of the patches' path, which ends at "
        "'relu_3'",
    ),
    "start beside a skip": (
        {"grid": "2x2", "start": "relu_3"},
        "node 'add_7' (Add) reads 'relu_1', which is not made from 'relu_3' alone",
    ),
    "small patch": ({"grid": "12x12"}, "a patch has 2x2 pixels there, less than its 3x3 window"),
    "concat": (
        {"grid": "2x2", "merge": "concat", "until": "relu_1"},
        "--merge concat: 'relu_1' is read by 'add_7' (Add), and only a layer",
    ),
    "tile and centre": ({"grid": "2x2", "center": True, "merge": "tile"}, "no place of its own"),
    "tile of vectors": (
        {"grid": "2x2", "merge": "tile", "until": "flatten_16"},
        "of shape [1, 16] is no map",
    ),
    "tile between pixels": (
        {"grid": "2x2", "merge": "tile", "overlap": 6},
        "do not make the map 6x6 of",
    ),
    "mismatch": ({"grid": "2x2", "until": "relu_3", "start": "relu_1"}, "cannot be merged there"),
    "merge": ({"grid": "2x2", "merge": "median"}, "--merge 'median': choose one of mean, concat"),
    "weights": ({"grid": "2x2", "weights": "own"}, "--weights 'own': choose one of shared"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_request_that_cannot_be_met_is_one_error(case, model):
    options, message = REFUSED[case]
    with pytest.raises(PatchcError) as error:
        cut(model, **options)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert not model.with_name("cut.onnx").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["--grid", "2x2", "--until", "nowhere"],
        ["--grid", "2x2", "--overlap", "14"],
        ["--grid", "5x2"],
        ["--grid", "2x2", "--from", "flatten_16"],
        ["--grid", "2x2", "--until", "relu_3"],
    ],
    ids=["unknown node", "overlap", "not dividing", "no image", "read by others"],
)
def test_the_command_refuses_in_one_message(words, model):
    """Exit code 2, nothing written. What it says is in REFUSED."""
    cut = model.with_name("cut.onnx")
    ran = click.testing.CliRunner().invoke(main, ["tunnel", str(model), "-o", str(cut), *words])
    assert ran.exit_code == 2
    assert ran.stdout == ""
    assert ran.stderr.startswith("patchc: ")
    assert "Traceback" not in ran.stderr
    assert not cut.exists()


def test_a_pool_that_is_larger_than_a_patchs_map_is_refused(tmp_path):
    net = FloatBuilder("pool")
    x = net.conv_relu(net.input(3, SIZE, SIZE), 4, 3, 2)
    x = net.add_node("AveragePool", [x], (4, 1, 1), kernel_shape=[12, 12])
    model = saved(net.build(net.dense(x, 2)), tmp_path / "net.onnx")
    with pytest.raises(PatchcError, match=r"12x12 window: .*GlobalAveragePool"):
        cut(model, grid="2x2")


def test_a_dense_layer_over_the_whole_map_does_not_take_a_patchs(tmp_path):
    net = FloatBuilder("dense")
    x = net.dense(net.conv_relu(net.input(3, SIZE, SIZE), 4, 3, 2), 8)
    model = saved(net.build(net.dense(x, 2)), tmp_path / "net.onnx")
    with pytest.raises(PatchcError, match=r"cannot be merged there.*\(op_type:Gemm"):
        cut(model, grid="2x2")


def test_a_signal_cannot_be_cut(tmp_path):
    net = FloatBuilder("signal")
    model = saved(net.build(net.dense(net.input(16), 2)), tmp_path / "net.onnx")
    with pytest.raises(PatchcError, match=r"of shape \[1, 16\], cannot be cut: an image"):
        cut(model, grid="1x2")


def test_two_images_have_to_be_told_apart(tmp_path):
    net = FloatBuilder("two")
    names = [net.input(3, SIZE, SIZE, name=name) for name in ("before", "after")]
    x = net.binary("Sub", *names)
    model = saved(net.build(net.dense(net.mean(net.conv(x, 4, 3)), 2)), tmp_path / "net.onnx")
    with pytest.raises(PatchcError, match="inputs before, after: --from says which one is cut"):
        cut(model, grid="2x2")
    assert patchc.tunnel(model, tmp_path / "cut.onnx", grid="2x2", start=x).cut == x


def test_integer_operators_are_refused_with_the_way_on(model):
    source = model.with_name("q.onnx")
    options = QuantizeOptions(format=Format.QOPERATOR)
    patchc.quantize(model, source, calibration=samples(), options=options)
    with pytest.raises(PatchcError, match="takes float and QDQ files"):
        cut(source, grid="2x2")
