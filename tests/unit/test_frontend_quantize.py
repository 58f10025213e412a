"""patchc quantize: what it makes of float networks, and that it makes the same every time."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from PIL import Image

import patchc
from patchc.choices import Activation, Format, Method
from patchc.errors import PatchcError
from patchc.frontend import import_model
from patchc.ir import FULL_RANGE
from patchc.passes import run_passes
from patchc.quantize.branches import equal_tensors
from patchc.quantize.options import ImagePreparation, QuantizeOptions
from patchc.quantize.quantize import quantize
from tests.independent import classifier
from tests.unit.frontend_models import MICROSOFT, Net, check, kinds, run

RANDOM = np.random.default_rng(0)
ALL_FORMS = pytest.mark.parametrize(
    ("format_", "activation"), [(f, a) for f in Format for a in Activation]
)


def float_network(*, opset: int = 17, normalise: str = "Sub") -> onnx.ModelProto:
    """Normalisation, stem with batch norm, residual with Relu and Relu6, pools, dense, softmax."""
    random = np.random.default_rng(3)
    net = Net(opset=opset)

    def conv(x, c_out, c_in, kernel, name, **attributes):
        w = net.constant(
            random.normal(0, (c_in * kernel**2) ** -0.5, (c_out, c_in, kernel, kernel))
        )
        b = net.constant(random.normal(0, 0.3, c_out))
        return net.op("Conv", x, w, b, name=name, **attributes)

    x = net.input("x", "N", 3, 16, 16)
    x = net.op(normalise, x, net.constant(np.full((1, 3, 1, 1), 0.5)), name="normalise")
    x = net.op("Div", x, net.constant(0.25), name="div")
    x = conv(x, 8, 3, 3, "stem", pads=[1, 1, 1, 1], strides=[2, 2])
    norm = [net.constant(random.random(8) + 0.5) for _ in range(4)]
    x = stem = net.op("Relu", net.op("BatchNormalization", x, *norm, name="bn"), name="relu")
    x = conv(x, 8, 1, 3, "depthwise", pads=[1, 1, 1, 1], group=8)
    x = net.op("Clip", x, net.constant(0), net.constant(6), name="relu6")
    x = conv(x, 8, 8, 1, "project")
    x = net.op("Relu", net.op("Add", stem, x, name="add"), name="relu_after_add")
    x = net.op("MaxPool", x, name="max", kernel_shape=[2, 2], strides=[2, 2])
    x = net.op("AveragePool", x, name="average", kernel_shape=[2, 2], strides=[2, 2])
    x = net.op("GlobalAveragePool", conv(x, 16, 8, 1, "head"), name="gap")
    x = net.op("Flatten", x, name="flat")
    x = net.op("MatMul", x, net.constant(random.normal(0, 0.3, (16, 10))), name="product")
    x = net.op("Add", x, net.constant(random.normal(0, 0.3, 10)), name="bias")
    return net.model(net.op("Softmax", x, axis=-1, name="softmax"))


def samples(count: int = 8) -> np.ndarray:
    return np.random.default_rng(5).random((count, 3, 16, 16)).astype(np.float32)


@ALL_FORMS
def test_a_network_is_integers_from_first_layer_to_last(tmp_path, format_, activation):
    path = tmp_path / "q.onnx"
    quantize(float_network(), path, {"x": samples()}, QuantizeOptions(format_, activation))
    # onnxruntime runs signed QDQ files partly in float by default; the helper asks for integers.
    imported = check(onnx.load(path))
    assert kinds(imported) == [
        *["Conv", "Conv", "Conv", "Add", "MaxPool", "AveragePool"],
        *["Conv", "GlobalAveragePool", "Conv"],
    ]
    assert [name.split()[-1] for name in imported.prologue.nodes] == ["(Sub)", "(Div)"]
    assert [name.split()[-1] for name in imported.epilogue.nodes] == ["(Softmax)"]
    unsigned = activation is Activation.UINT8
    assert all(border.unsigned == unsigned for border in imported.borders)


@ALL_FORMS
def test_activation_functions_become_output_ranges(tmp_path, format_, activation):
    """So that onnxruntime fuses them: the zero point is the lowest value, no clamp remains."""
    path = tmp_path / "q.onnx"
    quantize(float_network(), path, {"x": samples()}, QuantizeOptions(format_, activation))
    graph = run_passes(import_model(path).graph)
    stem, depthwise, project, add, *_ = graph.nodes
    for node in (stem, depthwise, add):
        assert graph.tensors[node.output].quant.zero_point == -128
        assert node.op.clamp == FULL_RANGE
    assert graph.tensors[project.output].quant.zero_point > -128
    assert graph.tensors[depthwise.output].quant.scale <= np.float32(6 / 255)


def branching_network() -> onnx.ModelProto:
    """A gate, constants added and multiplied per channel and for all, the smaller and the
    larger of two maps, a concatenation with zeros, a channel pad."""
    random = np.random.default_rng(4)
    net = Net()

    def conv(x, c_out, c_in, name):
        return net.op(
            "Conv", x, net.constant(random.normal(0, 0.4, (c_out, c_in, 1, 1))), name=name
        )

    x = stem = conv(net.input("x", 1, 3, 16, 16), 8, 3, "stem")
    y = net.op("Relu", conv(net.op("GlobalAveragePool", x), 4, 8, "squeeze"), name="relu")
    y = net.op("Clip", conv(y, 8, 4, "excite"), net.constant(0), net.constant(1), name="hard")
    x = net.op("Min", net.op("Mul", x, y, name="gate"), stem, name="smaller")
    x = net.op("Add", net.constant(random.normal(0, 1, (8, 1, 1))), x, name="shift")
    x = net.op("Mul", x, net.constant(random.normal(0, 1, (8, 1, 1))), name="scale")
    x = net.op("Mul", x, net.constant(0.7), name="scale_all")
    zeros = net.op("ConstantOfShape", net.constant([1, 4, 16, 16], np.int64))
    x = net.op("Max", x, stem, name="larger")
    x = net.op("Concat", x, stem, zeros, axis=1, name="cat")
    x = net.op("Pad", x, net.constant([0, 1, 0, 0, 0, 3, 0, 0], np.int64), name="widen")
    return net.model(conv(x, 5, 24, "last"))


@ALL_FORMS
def test_operators_of_several_operands(tmp_path, format_, activation):
    path = tmp_path / "q.onnx"
    quantize(branching_network(), path, {"x": samples()}, QuantizeOptions(format_, activation))
    imported = check(onnx.load(path))
    found = kinds(imported)
    assert {"Mul", "Add", "Max", "Min", "Concat"} <= set(found)
    assert found.count("Concat") == 2  # the pad of channels is one


def copying_network() -> onnx.ModelProto:
    """Space to depth, a unit of ShuffleNetV2, a crop, depth to space, channels chosen, means."""
    random = np.random.default_rng(4)
    net = Net()

    def numbers(*values):
        return net.constant(values, np.int64)

    def conv(x, c_out, c_in, name, kernel=1):
        weights = net.constant(random.normal(0, 0.4, (c_out, c_in, kernel, kernel)))
        return net.op("Conv", x, weights, name=name)

    x = net.op("SpaceToDepth", net.input("x", 1, 3, 16, 16), blocksize=2, name="focus")
    net.op("Split", conv(x, 8, 12, "stem"), numbers(4, 4), axis=1, name="halves")
    net.nodes[-1].output[:] = ["left", "right"]
    x = net.op("Concat", "left", conv("right", 4, 4, "branch"), axis=1, name="join")
    x = net.op("Reshape", x, numbers(1, 2, 4, 8, 8))
    x = net.op("Transpose", x, perm=[0, 2, 1, 3, 4])
    x = conv(net.op("Reshape", x, numbers(1, 8, 8, 8)), 8, 8, "mixed", 3)
    x = net.op("Slice", x, numbers(1, 0), numbers(6, 5), numbers(2, 3), name="crop")
    x = net.op("DepthToSpace", conv(x, 12, 8, "deep"), blocksize=2, mode="CRD", name="spread")
    x = conv(net.op("Gather", x, numbers(2, 0, 1), axis=1, name="pick"), 5, 3, "wide")
    mean = net.op("ReduceMean", x, axes=[-1, 2], keepdims=0, name="mean")
    last = net.op("Gemm", mean, net.constant(random.normal(0, 0.4, (5, 5))), name="last")
    other = net.op("ReduceMean", x, axes=[2, 3], name="other")
    return net.model(last, conv(other, 4, 5, "end"))


@pytest.mark.slow
@ALL_FORMS
def test_copies_and_means(tmp_path, format_, activation):
    path = tmp_path / "q.onnx"
    quantize(copying_network(), path, {"x": samples()}, QuantizeOptions(format_, activation))
    # What is left of a map may have a range of its own: a table, in the QOperator form.
    found = [kind for kind in kinds(check(onnx.load(path))) if kind != "Lut"]
    first = ["Rearrange"] if format_ is Format.QDQ else []  # else in front, where nothing is lost
    assert found[:-4] == [
        *[*first, "Conv", "Rearrange", "Rearrange", "Conv", "Concat", "Rearrange", "Conv"],
        *["Rearrange", "Conv", "DepthToSpace", "Rearrange", "Conv"],
    ]
    assert sorted(found[-4:]) == ["Conv"] * 2 + ["GlobalAveragePool"] * 2


def decoder(mode: str) -> onnx.ModelProto:
    """Resized by a factor, to a size that is none, and behind a Relu."""
    net, random = Net(), np.random.default_rng(5)

    def conv(x, inputs, outputs, name):
        weights = net.constant(random.normal(0, 0.3, (outputs, inputs, 3, 3)))
        return net.op("Conv", x, weights, pads=[1] * 4, name=name)

    x = net.op("Relu", conv(net.input("x", 1, 3, 16, 16), 3, 4, "a"))
    y = net.op("MaxPool", x, kernel_shape=[3, 3], strides=[3, 3])
    sizes = net.constant([1, 4, 16, 16], np.int64)
    y = net.op("Resize", y, "", "", sizes, mode=mode, name="back")
    y = conv(net.op("Add", y, x), 4, 3, "b")
    scales = net.constant([1, 1, 2, 2], np.float32)
    y = net.op(
        "Resize", y, "", scales, mode=mode, name="twice",
        coordinate_transformation_mode="align_corners",
    )  # fmt: skip
    return net.model(conv(y, 3, 2, "c"))


# Aligned corners, twice as many pixels, to the nearest: that is every pixel twice.
RESIZED = {"linear": ["ResizeLinear"] * 2, "nearest": ["ResizeNearest", "Upsample"]}


@pytest.mark.parametrize("activation", Activation)
@pytest.mark.parametrize("mode", RESIZED)
def test_resizes(tmp_path, mode, activation):
    path = tmp_path / "q.onnx"
    options = QuantizeOptions(Format.QDQ, activation)
    quantize(decoder(mode), path, {"x": samples()}, options)
    found = kinds(check(onnx.load(path)))
    assert [kind for kind in found if kind.startswith(("Resize", "Up"))] == RESIZED[mode]


def test_a_linear_resize_needs_the_qdq_form(tmp_path):
    """In the other one onnxruntime's quantiser resizes integers, which rounds by layout."""
    path = tmp_path / "q.onnx"
    options = QuantizeOptions(Format.QOPERATOR, Activation.UINT8)
    quantize(decoder("nearest"), path, {"x": samples()}, options)
    assert set(RESIZED["nearest"]) < set(kinds(check(onnx.load(path))))
    quantize(decoder("linear"), path, {"x": samples()}, options)
    with pytest.raises(PatchcError, match="linear on integers"):
        import_model(onnx.load(path))


def test_a_mean_over_other_axes_is_left_to_the_importer(tmp_path):
    """Which takes it, with a note."""
    net = Net()
    x = net.op("Conv", net.input("x", 1, 3, 16, 16), net.constant(np.ones((4, 3, 1, 1))))
    x = net.op("ReduceMean", x, axes=[1, 2], name="mean")
    quantize(net.model(net.op("Conv", x, net.constant(np.ones((2, 1, 1, 1))))), tmp_path / "q",
             {"x": samples()})  # fmt: skip
    imported = import_model(tmp_path / "q")
    assert kinds(imported) == ["Conv", "DepthToSpace", "AveragePool", "Conv"]
    assert imported.notes[0].startswith("mean (ReduceMean) is an integer mean")


@pytest.mark.parametrize("method", Method)
def test_calibration_methods(tmp_path, method):
    path = tmp_path / "q.onnx"
    quantize(float_network(), path, {"x": samples()}, QuantizeOptions(method=method))
    (expected,) = run(float_network(), {"x": samples(1)}).values()
    (found,) = run(onnx.load(path), {"x": samples(1)}).values()
    assert np.abs(found - expected).max() < 0.05


@pytest.mark.parametrize("per_channel", [False, True])
def test_weights_are_symmetric_int8(tmp_path, per_channel):
    path = tmp_path / "q.onnx"
    quantize(float_network(), path, {"x": samples()}, QuantizeOptions(per_channel=per_channel))
    scales = import_model(path).graph.nodes[0].op.weight_scales
    assert (len(set(scales.tolist())) > 1) == per_channel


def test_a_normalisation_that_adds_stays_float_too(tmp_path):
    """onnxruntime's quantiser knows Add, patchc no sum with a constant."""
    path = tmp_path / "q.onnx"
    quantize(float_network(normalise="Add"), path, {"x": samples()})
    assert import_model(path).prologue.nodes == ("normalise (Add)", "div (Div)")


@pytest.mark.parametrize("opset", [11, 12, 13, 21])
def test_opsets(tmp_path, opset):
    path = tmp_path / "q.onnx"
    quantize(float_network(opset=opset), path, {"x": samples()})
    check(onnx.load(path))


SCRIPT = """
import sys
import numpy as np
from patchc.quantize.quantize import *
options = QuantizeOptions(Format(sys.argv[3]), Activation(sys.argv[4]))
quantize(sys.argv[1], sys.argv[2], sys.argv[1] + ".npz", options)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("format_", "activation"), [("qdq", "uint8"), ("qoperator", "int8")])
def test_two_processes_write_the_same_bytes_and_print_nothing(tmp_path, format_, activation):
    model = tmp_path / "f.onnx"
    onnx.save(float_network(), model)
    np.savez(f"{model}.npz", x=samples())
    hashes = set()
    for seed in ("1", "2"):
        output = tmp_path / f"q{seed}.onnx"
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, model, output, format_, activation],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.getcwd()},
            capture_output=True,
            check=True,
        )
        assert done.stdout == done.stderr == b""
        hashes.add(hashlib.sha256(output.read_bytes()).hexdigest())
    assert len(hashes) == 1


def message(model, calibration, tmp_path, **options) -> str:
    with pytest.raises(PatchcError) as caught:
        quantize(model, tmp_path / "q.onnx", calibration, **options)
    assert not (tmp_path / "q.onnx").exists()
    return str(caught.value)


def test_a_model_that_is_quantised_already(tmp_path):
    quantize(float_network(), tmp_path / "first.onnx", {"x": samples()})
    text = message(tmp_path / "first.onnx", {"x": samples()}, tmp_path)
    assert text.endswith("first.onnx: it is quantised already")


def test_calibration_arrays_that_do_not_fit(tmp_path):
    wrong = {"x": samples()[:, :, :8]}
    assert message(float_network(), wrong, tmp_path) == (
        "calibration: 'x' has shape [8, 3, 8, 16], the model takes samples of [3, 16, 16] stacked "
        "along the first axis"
    )
    two = {"x": samples(), "z": samples()}
    assert message(float_network(), two, tmp_path) == (
        "calibration: arrays x, z for the inputs x of the model"
    )
    assert "has shape [0, 3, 16, 16]" in message(float_network(), {"x": samples(0)}, tmp_path)


def test_a_calibration_file_that_is_none(tmp_path):
    path = tmp_path / "samples.txt"
    path.write_text("1 2 3")
    assert message(float_network(), path, tmp_path) == (
        f"{path}: calibration takes an .npz of arrays by input name, or a folder of pictures"
    )
    assert "missing.npz: calibration takes an .npz" in message(
        float_network(), tmp_path / "missing.npz", tmp_path
    )


def test_a_single_array_needs_no_name(tmp_path):
    np.savez(tmp_path / "samples.npz", samples())
    quantize(float_network(), tmp_path / "a.onnx", tmp_path / "samples.npz")
    quantize(float_network(), tmp_path / "b.onnx", {"x": samples()})
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_samples_that_bring_their_batch_of_one(tmp_path):
    quantize(float_network(), tmp_path / "a.onnx", {"x": samples()[:, None]})
    quantize(float_network(), tmp_path / "b.onnx", {"x": samples()})
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_a_folder_of_pictures(tmp_path):
    """How they were read is recorded, and they are read in the order of their names."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(3):
        pixels = RANDOM.integers(0, 256, (20, 30, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    (folder / "notes.txt").write_text("not a picture")
    image = ImagePreparation((0.4, 0.5, 0.6), (0.2, 0.2, 0.2), 1 / 255)
    quantize(float_network(), tmp_path / "q.onnx", folder, QuantizeOptions(image=image))
    model = onnx.load(tmp_path / "q.onnx")
    assert ImagePreparation.of(model) == image
    (entry,) = [entry for entry in model.metadata_props if entry.key == "patchc.image"]
    assert json.loads(entry.value)["scale"] == 1 / 255


def test_how_arrays_were_made_is_recorded_when_it_is_said(tmp_path):
    image = ImagePreparation(std=(255.0,))
    for options in (QuantizeOptions(), QuantizeOptions(image=image)):
        quantize(float_network(), tmp_path / "q.onnx", {"x": samples()}, options)
        assert ImagePreparation.of(onnx.load(tmp_path / "q.onnx")) == options.image


def test_a_folder_without_pictures(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    assert message(float_network(), folder, tmp_path).startswith(f"{folder}: no pictures (.bmp, ")


def test_a_dynamic_size_has_to_be_given(tmp_path):
    model = float_network()
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"
    assert "--input-shape x=1,3,height,16" in message(model, {"x": samples()}, tmp_path)
    quantize(model, tmp_path / "q.onnx", {"x": samples()}, input_shapes={"x": (1, 3, 16, 16)})


def test_the_float_operators_in_the_middle_are_named_by_the_importer(tmp_path):
    net = Net()
    w = net.constant(np.ones((4, 3, 1, 1)))
    x = net.op("Conv", net.input("x", 1, 3, 16, 16), w, name="one")
    x = net.op("Conv", net.op("Hardmax", x, name="hardmax"), net.constant(np.ones((2, 4, 1, 1))))
    quantize(net.model(x), tmp_path / "q.onnx", {"x": samples()})
    with pytest.raises(PatchcError, match=r"hardmax \(Hardmax\): patchc has no integer"):
        import_model(tmp_path / "q.onnx")


def silu(net, x):
    return net.op("Mul", x, net.op("Sigmoid", x))


def hard_swish(net, x):
    clipped = net.op("Clip", net.op("Add", x, net.constant(3)), net.constant(0), net.constant(6))
    return net.op("Div", net.op("Mul", x, clipped), net.constant(6))


def scaled_relu(net, x):
    return net.op("Mul", net.op("Relu", x), net.constant(0.7))


def gated_by_relu6(net, x):
    return net.op("Mul", net.op("Clip", x, net.constant(0), net.constant(6)), x)


FUNCTIONS = {
    "Sigmoid+Mul": silu,
    "Add+Clip+Mul+Div": hard_swish,
    "HardSigmoid+Mul": lambda net, x: net.op("HardSwish", x),  # onnxruntime splits it
    "Clip+Mul": gated_by_relu6,
    "Mul": scaled_relu,
    "PRelu": lambda net, x: net.op("PRelu", x, net.constant([[[0.2]]])),
    "Sigmoid": lambda net, x: net.op("Sigmoid", x),
    "LeakyRelu": lambda net, x: net.op("LeakyRelu", x),
    "Tanh": lambda net, x: net.op("Tanh", x),
}


def with_functions(make, *, pools: bool) -> onnx.ModelProto:
    """Convolution, function, pool, convolution, function, mean, convolution."""
    net = Net()
    weights = [RANDOM.normal(0, 0.3, shape) for shape in ((8, 3, 3, 3), (4, 8, 1, 1), (5, 4, 1, 1))]
    x = make(net, net.op("Conv", net.input("x", 1, 3, 16, 16), net.constant(weights[0])))
    x = net.op("MaxPool", x, kernel_shape=[2, 2]) if pools else x
    x = make(net, net.op("Conv", x, net.constant(weights[1])))
    x = net.op("GlobalAveragePool", x) if pools else x
    return net.model(net.op("Conv", x, net.constant(weights[2])))


@pytest.mark.slow
@ALL_FORMS
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_between_layers_become_tables(tmp_path, format_, activation, name):
    """One each, however many operators they are made of."""
    pools = format_ is Format.QDQ
    model = with_functions(FUNCTIONS[name], pools=pools)
    quantize(model, tmp_path / "q.onnx", {"x": samples()}, QuantizeOptions(format_, activation))
    nodes = run_passes(check(onnx.load(tmp_path / "q.onnx")).graph).nodes
    without = ["Conv", "Lut", "Conv", "Lut", "Conv"]
    with_pools = ["Conv", "Lut", "MaxPool", "Conv", "Lut", "GlobalAveragePool", "Conv"]
    assert [node.op.kind for node in nodes] == (with_pools if pools else without)
    tables = [node.op.function for node in nodes if node.op.kind == "Lut"]
    assert tables == [name, name]


def test_a_pool_behind_a_function_needs_the_qdq_form(tmp_path):
    """In the other one onnxruntime's quantiser leaves both in float, and the importer says so."""
    model = with_functions(FUNCTIONS["Tanh"], pools=True)
    options = QuantizeOptions(Format.QOPERATOR)
    quantize(model, tmp_path / "q.onnx", {"x": samples()}, options)
    with pytest.raises(PatchcError, match=r"\(MaxPool\): it reads the float result of tanh_1"):
        import_model(tmp_path / "q.onnx")


def test_onnxruntimes_log_is_as_it_was_afterwards(tmp_path, caplog):
    import logging

    before = logging.root.manager.disable
    quantize(float_network(), tmp_path / "q.onnx", {"x": samples()})
    assert logging.root.manager.disable == before
    assert not caplog.records


def test_what_onnxruntime_cannot_run_cannot_be_quantised(tmp_path):
    net = Net()
    x = net.op("Unheard", net.input("x", 1, 3, 16, 16), name="odd", domain=MICROSOFT)
    x = net.op("Conv", x, net.constant(np.ones((4, 3, 1, 1))), name="one")
    text = message(net.model(x), {"x": samples()}, tmp_path)
    assert text.startswith("net: onnxruntime cannot quantise it: ")
    assert "Unheard" in text


def test_an_output_that_cannot_be_written(tmp_path):
    path = tmp_path / "missing" / "q.onnx"
    with pytest.raises(PatchcError, match=r"q\.onnx: cannot be written: No such file"):
        quantize(float_network(), path, {"x": samples()})


def test_a_maximum_over_classes_stays_float(tmp_path):
    """Behind the last layer; one over rows and columns between layers does not."""
    random = np.random.default_rng(4)
    net = Net(opset=13)
    x = net.input("x", 1, 3, 16, 16)
    y = net.op("Conv", x, net.constant(random.normal(0, 0.4, (6, 3, 1, 1))), name="first")
    y = net.op("ReduceMax", y, axes=[2, 3], name="largest")
    y = net.op("Conv", y, net.constant(random.normal(0, 0.4, (5, 6, 1, 1))), name="last")
    model = net.model(net.op("ReduceMax", y, axes=[1], name="best"))
    path = tmp_path / "q.onnx"
    quantize(model, path, {"x": samples()}, QuantizeOptions(Format.QDQ))
    imported = check(onnx.load(path))
    assert kinds(imported)[:3] == ["Conv", "MaxPool", "MaxPool"]
    assert imported.epilogue is not None
    assert imported.epilogue.nodes == ("best (ReduceMax)",)


def cut_into_quadrants(tmp_path, **options):
    """The integers of a float network cut into patches, whose ranges differ from place to place."""
    source, cut = tmp_path / "float.onnx", tmp_path / "cut.onnx"
    onnx.save_model(classifier(), source)
    patchc.tunnel(source, cut, grid="2x2", **options)
    images = patches_of_different_ranges()
    quantize(cut, tmp_path / "q.onnx", {"image": images}, QuantizeOptions())
    return import_model(tmp_path / "q.onnx").graph


def patches_of_different_ranges() -> np.ndarray:
    images = np.random.default_rng(1).normal(size=(4, 3, 24, 24)).astype(np.float32)
    images[:, :, 12:, 12:] *= 5
    return images


@pytest.mark.slow
def test_equal_branches_are_quantised_alike(tmp_path):
    graph = cut_into_quadrants(tmp_path)
    branches = [[n for n in graph.nodes if n.name.endswith(f"_patch{i}")] for i in range(4)]
    assert len(branches[0]) > 5
    for nodes in zip(*branches, strict=True):
        assert len({graph.tensors[node.output].quant for node in nodes}) == 1
        weights = [node.op.bias.tobytes() for node in nodes if hasattr(node.op, "bias")]
        assert len(set(weights)) <= 1
    assert len(graph.inputs) == 1


def test_branches_with_other_weights_are_not(tmp_path):
    """Those of which one weight was trained."""
    source, cut = tmp_path / "float.onnx", tmp_path / "cut.onnx"
    onnx.save_model(classifier(), source)
    patchc.tunnel(source, cut, grid="2x2", weights="separate")
    model = onnx.load(cut)
    (weight,) = (n.input[1] for n in model.graph.node if n.name == "conv_2_patch1")
    for tensor in model.graph.initializer:
        if tensor.name == weight:
            changed = numpy_helper.to_array(tensor) * np.float32(1.01)
            tensor.CopyFrom(numpy_helper.from_array(changed, weight))
    equal = {names[0] for names in equal_tensors(model.graph)}
    assert any(name.startswith("conv_0") for name in equal)
    groups = [names for names in equal_tensors(model.graph) if "conv_4_patch0" in names]
    assert groups == [["conv_4_patch0", "conv_4_patch2", "conv_4_patch3"]]


@pytest.mark.parametrize("format_", Format)
def test_layers_that_share_a_bias_get_one_each(tmp_path, format_):
    """Each belongs to the scale of what its own layer reads."""
    net = Net()
    x = net.input("x", 1, 3, 8, 8)
    weights, bias = net.constant(RANDOM.normal(size=(3, 3, 1, 1))), net.constant([3.0, -2.0, 1.0])
    y = net.op("Conv", x, weights, bias, name="first")
    big = net.op("Conv", y, net.constant(RANDOM.normal(0, 20, (3, 3, 1, 1))), name="louder")
    z = net.op("Conv", big, weights, bias, name="second")
    model = net.model(z)
    images = RANDOM.normal(size=(4, 3, 8, 8)).astype(np.float32)
    quantize(model, tmp_path / "q.onnx", {"x": images}, QuantizeOptions(format_))
    found, wanted = (
        run(file, {"x": images[:1]})[z] for file in (onnx.load(tmp_path / "q.onnx"), model)
    )
    assert np.abs(found - wanted).max() < 0.05 * np.abs(wanted).max()
    convs = [n for n in import_model(tmp_path / "q.onnx").graph.nodes if n.op.kind == "Conv"]
    assert not np.array_equal(convs[0].op.bias, convs[2].op.bias)
