"""BatchNormalization wherever it stands, and branches that are one convolution."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from patchc.frontend import find_unsupported
from patchc.quantize.batch_norms import place_batch_norms
from patchc.quantize.parallel import merge_branches
from patchc.quantize.quantize import Activation, Format, QuantizeOptions, quantize
from tests.unit.frontend_models import Net, check, kinds, random_feeds, run

RANDOM = np.random.default_rng(7)


def conv(net: Net, x: str, shape: tuple[int, ...], **attributes) -> str:
    weights = net.constant(RANDOM.normal(0, 0.3, shape))
    return net.op("Conv", x, weights, net.constant(RANDOM.normal(0, 0.3, shape[0])), **attributes)


def norm(net: Net, x: str, channels: int, **attributes) -> str:
    parameters = [net.constant(RANDOM.random(channels) + 0.5) for _ in range(4)]
    return net.op("BatchNormalization", x, *parameters, **attributes)


def rewritten(model: onnx.ModelProto, *passes) -> list[str]:
    """The operators after `passes`, which have to leave the float outputs as they are."""
    changed = onnx.shape_inference.infer_shapes(model)
    for run_pass in passes:
        run_pass(changed.graph)
        changed = onnx.shape_inference.infer_shapes(changed)
    feeds = random_feeds(model)
    for name, values in run(model, feeds).items():
        np.testing.assert_allclose(run(changed, feeds)[name], values, rtol=1e-4, atol=1e-4)
    return [node.op_type for node in changed.graph.node]


def quantised(model: onnx.ModelProto, path, **options):
    samples = {name: np.repeat(x, 4, 0) for name, x in random_feeds(model).items()}
    quantize(model, path, samples, QuantizeOptions(**options))
    return check(onnx.load(path))


@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [1, 1, 1, 1]])
@pytest.mark.parametrize("groups", [1, 2, 8])
def test_between_relu_and_convolution(pads, groups):
    """Folded forward; zeros that the convolution pads with would be shifted, too."""
    net = Net()
    x = net.op("Relu", conv(net, net.input("x", 1, 3, 8, 8), (8, 3, 3, 3)))
    y = conv(net, norm(net, x, 8), (16, 8 // groups, 3, 3), group=groups, pads=pads)
    found = rewritten(net.model(y), place_batch_norms)
    assert found == ["Conv", "Relu", *(["Conv"] if any(pads) else []), "Conv"]


def test_behind_layers():
    """Folded backward, with and without a bias, into Gemm of either form and ConvTranspose."""
    net = Net()
    x = norm(net, conv(net, net.input("x", 1, 3, 4, 4), (8, 3, 3, 3)), 8)
    x = net.op("ConvTranspose", x, net.constant(RANDOM.normal(0, 1, (8, 4, 2, 2))))
    x = net.op("Flatten", norm(net, x, 4))
    weights = net.constant(RANDOM.normal(0, 0.3, (36, 6)))
    x = norm(net, net.op("Gemm", x, weights), 6)
    weights = net.constant(RANDOM.normal(0, 0.3, (5, 6)))
    y = norm(net, net.op("Gemm", x, weights, net.constant(RANDOM.normal(0, 1, 5)), transB=1), 5)
    assert rewritten(net.model(y), place_batch_norms) == [
        *["Conv", "ConvTranspose", "Flatten", "Gemm", "Gemm"]
    ]


@pytest.mark.parametrize("transposed", [0, 1])
def test_of_a_vector_in_front_of_a_dense_layer(transposed):
    net = Net()
    x = net.op("Flatten", conv(net, net.input("x", 1, 3, 4, 4), (8, 3, 4, 4)))
    shape = (5, 8) if transposed else (8, 5)
    y = net.op("Gemm", norm(net, x, 8), net.constant(RANDOM.normal(0, 1, shape)), transB=transposed)
    assert rewritten(net.model(y), place_batch_norms) == ["Conv", "Flatten", "Gemm"]


@pytest.mark.parametrize("shape", [(1, 6), (1, 6, 7), (1, 6, 5, 7)])
def test_alone(shape):
    """A depthwise convolution, also of the file's input and to its output."""
    net = Net()
    found = rewritten(net.model(norm(net, net.input("x", *shape), 6)), place_batch_norms)
    assert found == ["Conv"] if len(shape) > 2 else ["Unsqueeze", "Conv", "Squeeze"]


def test_a_layer_with_two_readers_is_not_changed():
    net = Net()
    x = conv(net, net.input("x", 1, 3, 8, 8), (8, 3, 3, 3))
    y = net.op("Add", x, norm(net, x, 8))
    assert rewritten(net.model(y), place_batch_norms) == ["Conv", "Conv", "Add"]


def test_training_mode_stays():
    net = Net()
    y = norm(net, net.input("x", 1, 3, 8, 8), 3, training_mode=1)
    place_batch_norms(graph := net.model(y).graph)
    assert [node.op_type for node in graph.node] == ["BatchNormalization"]


@pytest.mark.parametrize("form", [(f, a) for f in Format for a in Activation])
def test_before_an_activation_a_network_is_integers_throughout(tmp_path, form):
    net = Net()
    x = net.op(
        "MaxPool", conv(net, net.input("x", 1, 3, 16, 16), (8, 3, 3, 3)), kernel_shape=[2, 2]
    )
    x = net.op("Relu", norm(net, x, 8))
    model = net.model(conv(net, x, (4, 8, 3, 3), pads=[1, 1, 1, 1]))
    imported = quantised(model, tmp_path / "q.onnx", format=form[0], activation=form[1])
    assert kinds(imported) == ["Conv", "MaxPool", "Conv", "Conv"]


def rep_block(groups: int = 1, *, stride: int = 1) -> onnx.ModelProto:
    """3 x 3, 1 x 1 and (without a stride) the tensor itself, each normalised; a Relu."""
    net = Net()
    x = net.op("Relu", conv(net, net.input("x", 1, 3, 8, 8), (8, 3, 1, 1)))
    same = {"group": groups, "strides": [stride, stride]}
    large = conv(net, x, (8, 8 // groups, 3, 3), pads=[1, 1, 1, 1], **same)
    y = net.op(
        "Add", norm(net, large, 8), norm(net, conv(net, x, (8, 8 // groups, 1, 1), **same), 8)
    )
    if stride == 1:
        y = net.op("Add", norm(net, x, 8), y)
    return net.model(conv(net, net.op("Relu", y), (4, 8, 1, 1)))


@pytest.mark.parametrize("groups", [1, 2, 8])
@pytest.mark.parametrize("stride", [1, 2])
def test_branches_become_one_convolution(groups, stride):
    model = rep_block(groups, stride=stride)
    found = rewritten(model, place_batch_norms, merge_branches)
    assert found == ["Conv", "Relu", "Conv", "Relu", "Conv"]


def test_a_convolution_and_the_tensor_that_it_reads():
    net = Net()
    x = net.op("Relu", conv(net, net.input("x", 1, 3, 8, 8), (8, 3, 1, 1)))
    y = net.op("Add", x, conv(net, x, (8, 1, 3, 3), group=8, pads=[2, 2, 2, 2], dilations=[2, 2]))
    assert rewritten(net.model(y), merge_branches) == ["Conv", "Relu", "Conv"]


@pytest.mark.parametrize(
    "second",
    [
        {"shape": (8, 8, 3, 3), "pads": [2, 2, 0, 0]},  # looks elsewhere
        {"shape": (8, 8, 1, 1), "pads": [0, 0, 0, 0]},  # with more weights than the first
    ],
)
def test_branches_that_are_no_one_convolution_stay(second):
    net = Net()
    x = net.op("Relu", conv(net, net.input("x", 1, 3, 8, 8), (8, 3, 1, 1)))
    first = conv(net, x, (8, 1, 3, 3), group=8, pads=[1, 1, 1, 1])
    y = net.op("Add", first, conv(net, x, second["shape"], pads=second["pads"]))
    assert rewritten(net.model(y), merge_branches)[-1] == "Add"


def test_branches_are_merged_when_asked(tmp_path):
    model = rep_block()
    assert kinds(quantised(model, tmp_path / "a.onnx")).count("Add") == 2
    merged = quantised(model, tmp_path / "b.onnx", merge_branches=True)
    assert kinds(merged) == ["Conv", "Conv", "Conv"]


def test_parameters_that_nodes_compute(tmp_path):
    """Exports that were not optimised: behind Constant, Identity, Sqrt, Mul, Transpose."""
    net = Net()

    def made(values) -> str:
        tensor = onnx.numpy_helper.from_array(np.asarray(values, np.float32))
        return net.op("Identity", net.op("Constant", value=tensor))

    weights = net.op("Transpose", made(RANDOM.normal(0, 1, (3, 3, 3, 8))), perm=[3, 2, 0, 1])
    x = net.op("MaxPool", net.op("Conv", net.input("x", 1, 3, 8, 8), weights), kernel_shape=[2, 2])
    scale = net.op("Mul", made(RANDOM.random(8)), made(2.0))
    parameters = [scale, made(RANDOM.random(8)), made(RANDOM.random(8))]
    variance = net.op("Sqrt", made(RANDOM.random(8) + 1))
    x = net.op("BatchNormalization", x, *parameters, variance)
    model = net.model(conv(net, x, (4, 8, 1, 1)))
    assert kinds(quantised(model, tmp_path / "q.onnx")) == ["Conv", "MaxPool", "Conv"]


def test_of_a_quantised_file_it_is_refused():
    net = Net()
    x = net.qdq(net.input("x", 1, 8, 4, 4), (0.1, 0))
    model = net.model(net.qdq(norm(net, x, 8), (0.1, 0)))
    (found,) = find_unsupported(model)
    assert "quantise the float model with patchc quantize" in found.reason
