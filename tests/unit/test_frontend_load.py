"""Reading files: paths, shapes, opsets, external data, local functions."""

from __future__ import annotations

import hashlib
import re

import numpy as np
import onnx
import pytest
from onnx import helper

from patchc.errors import PatchcError
from patchc.frontend import import_model
from patchc.frontend.runtime import newest_opset
from patchc.ir import format_graph
from tests.unit.frontend_models import Net, check

X, Y = (0.03, 7), (0.05, 3)
NEWEST = onnx.defs.onnx_opset_version()


def network(*shape, opset=17) -> onnx.ModelProto:
    net = Net(np.uint8, opset)
    x = net.qdq(net.input("x", *(shape or (1, 3, 6, 6))), X, "x")
    y = net.op("Conv", x, net.weights(4, 3, 3, 3), name="conv")
    return net.model(net.qdq(y, Y, "y"))


def message(source, **options) -> str:
    with pytest.raises(PatchcError) as caught:
        import_model(source, **options)
    return str(caught.value)


def test_a_file_by_path_has_the_hash_of_its_bytes(tmp_path):
    path = tmp_path / "net.onnx"
    onnx.save(network(), path)
    imported = import_model(path)
    assert imported.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert import_model(str(path)).sha256 == imported.sha256


def test_the_model_that_is_passed_in_stays_as_it_is():
    model = network("N", 3, 6, 6)
    before = model.SerializeToString()
    import_model(model)
    assert model.SerializeToString() == before


def test_a_missing_file(tmp_path):
    assert message(tmp_path / "no.onnx").endswith(
        "no.onnx: cannot be read: No such file or directory"
    )


@pytest.mark.parametrize("content", [b"", b"not a model at all", b"\x08\x07"])
def test_a_file_that_is_not_onnx(tmp_path, content):
    path = tmp_path / "picture.onnx"
    path.write_bytes(content)
    assert "picture.onnx: not an ONNX file" in message(path)


def test_weights_in_a_missing_file(tmp_path):
    path = tmp_path / "net.onnx"
    onnx.save(network(), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    import_model(path)
    (tmp_path / "weights.bin").unlink()
    assert re.search(
        r"net.onnx: its weights are in another file that cannot be read: .*weights.bin",
        message(path),
    )


def test_a_float_model():
    net = Net()
    y = net.op("Conv", net.input("x", 1, 3, 6, 6), net.constant(np.ones((2, 3, 1, 1))))
    assert message(net.model(y)) == (
        "net: a float model; pass --calibration with an .npz or a folder of images, "
        "or run patchc quantize first"
    )


@pytest.mark.parametrize("opset", range(13, newest_opset() + 1))
def test_every_opset_with_weights_per_channel(opset):
    """DequantizeLinear takes one scale per channel since opset 13."""
    imported = import_model(network(opset=opset))
    assert format_graph(imported.graph) == format_graph(import_model(network()).graph)


@pytest.mark.parametrize("opset", range(newest_opset() + 1, NEWEST + 1))
def test_opsets_that_onnxruntime_has_no_kernels_for(opset):
    assert "onnxruntime does not take it" in message(network(opset=opset))


@pytest.mark.parametrize("opset", [11, 12])
def test_the_opsets_before_that(opset):
    net = Net(np.uint8, opset)
    x = net.qdq(net.input("x", 1, 3, 6, 6), X, "x")
    w = net.op("DequantizeLinear", net.constant(np.ones((2, 3, 1, 1)), np.int8),
               net.constant(0.1), net.constant(0, np.int8))  # fmt: skip
    x = net.op("Clip", net.op("Conv", x, w, name="conv"), net.constant(0.0), net.constant(6.0))
    x = net.qdq(x, (6 / 255, 0), "y")
    check(net.model(net.op("Squeeze", net.op("GlobalMaxPool", x), axes=[2, 3])))


def test_an_opset_from_the_future():
    assert f"net: opset {NEWEST + 1} is newer than {NEWEST}" in message(network(opset=NEWEST + 1))


@pytest.mark.parametrize("batch", ["N", 0])
def test_a_dynamic_batch_becomes_one(batch):
    """Some exporters write 0 for a size that is not fixed."""
    imported = import_model(network(batch, 3, 6, 6))
    (value,) = imported.onnx_model.graph.input
    assert [dim.dim_value for dim in value.type.tensor_type.shape.dim] == [1, 3, 6, 6]


def test_other_dynamic_sizes_have_to_be_given():
    model = network("N", 3, "height", "width")
    assert message(model) == (
        "net: input 'x': the size of dimension 2 is not fixed; "
        "pass --input-shape x=1,3,height,width with numbers"
    )
    imported = import_model(model, {"x": (1, 3, 9, 7)})
    assert imported.graph.tensors["x_out"].shape == (9, 7, 3)


def test_a_given_shape_that_contradicts_the_file():
    assert message(network(), input_shapes={"x": (1, 3, 9, 6)}) == (
        "net: input 'x': dimension 2 is 6 in the file, --input-shape says 9"
    )
    assert message(network(), input_shapes={"x": (3, 6, 6)}) == (
        "net: input 'x' has 4 dimensions, --input-shape gives 3"
    )


def test_a_given_shape_for_no_input():
    assert message(network(), input_shapes={"image": (1, 3, 6, 6)}) == (
        "net: --input-shape names image, but its inputs are x"
    )


def test_an_input_without_a_shape():
    model = network()
    model.graph.input[0].type.tensor_type.ClearField("shape")
    assert message(model) == ("net: input 'x' has no shape; pass --input-shape x=1,3,96,96")
    assert import_model(model, {"x": (1, 3, 6, 6)}).graph.tensors["x_out"].shape == (6, 6, 3)


def test_a_batch_that_is_not_one():
    assert "x (QuantizeLinear): a batch of 8: export the model with batch 1" in message(
        network(8, 3, 6, 6)
    )


def test_initializers_that_are_listed_as_inputs():
    """Before IR version 4 they had to be."""
    model = network()
    for tensor in model.graph.initializer:
        model.graph.input.append(
            helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
        )
    assert [value.name for value in import_model(model).onnx_model.graph.input] == ["x"]


def test_functions_of_the_model_are_inlined():
    model = network()
    relu = helper.make_function(
        "local", "Activation", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])],
        [helper.make_opsetid("", 17)],
    )  # fmt: skip
    model.functions.append(relu)
    model.opset_import.append(helper.make_opsetid("local", 1))
    conv = next(node for node in model.graph.node if node.name == "conv")
    conv.output[0] = "before"
    index = list(model.graph.node).index(conv) + 1
    model.graph.node.insert(
        index, helper.make_node("Activation", ["before"], ["conv_out"], domain="local")
    )
    assert import_model(model).graph.nodes[0].op.clamp.lo == Y[1] - 128
