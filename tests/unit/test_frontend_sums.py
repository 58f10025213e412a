"""Layers whose results stay float: their int32 sums are the outputs of the C."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from patchc.codegen.ports import output_ports
from patchc.frontend import ImportedModel, import_model
from patchc.ir import ConvSums
from patchc.pipeline import run_stages
from patchc.plan.types import InputMode
from patchc.reference import run_graph
from patchc.verify.golden import fully_fused
from patchc.verify.sessions import UNOPTIMIZED
from tests.unit.frontend_models import (
    MICROSOFT,
    Net,
    check,
    file_outputs,
    graph_inputs,
    kinds,
    random_feeds,
    refusals,
    run,
)

IN, MIDDLE = (0.02, 120), (0.015, 60)


def net() -> tuple[Net, str]:
    """A tensor of 1 x 12, dequantised."""
    net = Net(np.uint8)
    return net, net.qdq(net.input("x", 1, 12), IN)


def bias(net: Net, scale: float = 0.0002) -> str:
    values = net.constant(np.arange(-2, 3) * 1000, np.int32)
    return net.op("DequantizeLinear", values, net.constant(scale), net.constant(0, np.int32))


def matrix(net: Net, rows: int = 12, seed: int = 3) -> str:
    """int8 with one scale."""
    values = np.random.default_rng(seed).integers(-127, 128, (rows, 5))
    return net.op("DequantizeLinear", net.constant(values, np.int8), *net.parameters(W, np.int8))


W = (0.01, 0)


def test_a_gemm_equals_onnxruntimes_integer_kernel() -> None:
    """onnxruntime makes a QGemm with a float result of it."""
    made, x = net()
    y = made.op("Gemm", x, matrix(made), bias(made))
    imported = check(made.model(y))
    assert kinds(imported) == ["ConvSums"]
    assert imported.epilogue is not None
    assert imported.epilogue.nodes == ()


@pytest.mark.parametrize("axis", [0, 1])
def test_a_matmul_with_a_scale_or_one_per_channel(axis: int) -> None:
    """onnxruntime makes a MatMulIntegerToFloat of it."""
    made, x = net()
    weights = matrix(made) if axis == 0 else made.weights(12, 5, axis=1)
    imported = check(made.model(made.op("MatMul", x, weights)))
    assert kinds(imported) == ["ConvSums"]
    assert len(set(imported.outputs[0].sums)) == (1 if axis == 0 else 5)


def test_a_qgemm_with_a_float_result() -> None:
    made = Net(np.uint8)
    x = made.quantize(made.input("x", 1, 12), IN)
    weights = made.constant(np.random.default_rng(1).integers(-127, 128, (12, 5)), np.int8)
    given = (x, *made.parameters(IN), weights, *made.parameters(W, np.int8))
    y = made.op("QGemm", *given, made.constant(range(5), np.int32), domain=MICROSOFT)
    assert kinds(check(made.model(y))) == ["ConvSums"]
    again = made.quantize(y, MIDDLE)
    (refused,) = refusals(made.model(again, kinds={again: TensorProto.UINT8}))
    assert "give it an output scale and zero point" in refused.reason


def conv_model(*behind: str, middle: bool = True) -> onnx.ModelProto:
    """A convolution whose result is left to `behind`."""
    made = Net(np.uint8)
    x = made.qdq(made.input("x", 1, 3, 6, 5), IN)
    if middle:
        x = made.qdq(made.op("Conv", x, made.weights(4, 3, 3, 3), pads=[1] * 4), MIDDLE)
    x = made.op("Conv", x, made.weights(6, 4 if middle else 3, 3, 3, seed=2), strides=[2, 1])
    for kind in behind:
        shape = [made.constant([1, -1, 3], np.int64)] if kind == "Reshape" else []
        x = made.op(kind, x, *shape)
    return made.model(x)


@pytest.mark.parametrize(
    "behind", [(), ("Relu",), ("Relu", "Softmax"), ("Transpose",), ("Reshape", "Sigmoid"), ("Exp",)]
)
def test_a_convolution_and_what_the_host_does_with_it(behind: tuple[str, ...]) -> None:
    """onnxruntime computes it in float: near, not equal."""
    model = conv_model(*behind)
    imported = check(model, exact=False)
    assert kinds(imported)[-1] == "ConvSums"
    near(model, imported)


def near(model: onnx.ModelProto, imported: ImportedModel) -> None:
    """To the file as it stands: its float layer rounds otherwise, and onnxruntime's optimiser makes
    a MatMulNBits of some, which rounds its inputs once more."""
    feeds = random_feeds(model)
    found = file_outputs(imported, run_graph(imported.graph, graph_inputs(imported, feeds)))
    for name, values in run(model, feeds, level=UNOPTIMIZED).items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5, atol=1e-5)


def test_views_and_pools_before_the_layer() -> None:
    """Exporters put no pair behind them."""
    made = Net(np.uint8)
    x = made.op("MaxPool", made.qdq(made.input("x", 1, 3, 4, 4), IN), kernel_shape=[2, 2])
    x = made.op("Flatten", made.op("Relu", x))
    model = made.model(made.op("Gemm", x, matrix(made, 27), bias(made)))
    imported = check(model, exact=False)
    assert kinds(imported)[-1] == "ConvSums"
    assert not fully_fused(imported)
    near(model, imported)


def test_two_heads_one_of_them_quantised_as_well() -> None:
    made, x = net()
    y = made.op("Gemm", x, matrix(made), bias(made), name="heads")
    z = made.qdq(y, MIDDLE)
    z = made.op("Gemm", z, matrix(made, 5), bias(made, 0.00015), name="last")
    model = made.model(y, z)
    imported = check(model, exact=False)
    assert sorted(kinds(imported)) == ["Conv", "ConvSums", "ConvSums"]
    near(model, imported)


def test_a_single_sum() -> None:
    made, x = net()
    values = made.constant(np.arange(12).reshape(12, 1), np.int8)
    weights = made.op("DequantizeLinear", values, *made.parameters(W, np.int8))
    check(made.model(made.op("MatMul", x, weights)))


def test_the_header_names_each_scale() -> None:
    stages = run_stages(conv_model(), None, InputMode.TILES)
    (port,) = output_ports(stages.schedule, stages.placement, {})
    node = stages.graph.nodes[-1]
    assert isinstance(node.op, ConvSums)
    scales = node.op.scales(stages.graph.tensors[node.inputs[0]].quant)
    found = [np.float32(text.rstrip("f")) for text in port.sums]
    np.testing.assert_array_equal(found, scales)
    assert port.bytes == 4 * 6 * 2 * 3


def test_a_float_layer_between_floats_is_refused() -> None:
    made, x = net()
    y = made.op("Gemm", made.op("Softmax", x), matrix(made), bias(made), name="last")
    (refused,) = refusals(made.model(y))
    assert (refused.node, refused.reason) == (
        "last",
        "neither its input nor its output is quantised",
    )


def test_import_is_repeatable() -> None:
    first, second = (import_model(conv_model("Relu")).graph for _ in range(2))
    assert [node.output for node in first.nodes] == [node.output for node in second.nodes]
