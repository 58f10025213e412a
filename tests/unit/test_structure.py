"""Files that are no graphs, or absurd ones: one message that names the tensor or node."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from patchc.errors import PatchcError
from patchc.frontend import import_model, structure
from patchc.ir import format_graph
from tests.golden.qdq_models import QdqModel, residual_network
from tests.unit.frontend_models import Net


def conv(model: onnx.ModelProto, index: int = 0) -> onnx.NodeProto:
    return [node for node in model.graph.node if node.op_type == "Conv"][index]


def constant(model: onnx.ModelProto, name: str) -> onnx.TensorProto:
    return next(tensor for tensor in model.graph.initializer if tensor.name == name)


def sized(model: onnx.ModelProto, *shape: int) -> None:
    dims = model.graph.input[0].type.tensor_type.shape.dim
    for dim, size in zip(dims, shape, strict=True):
        dim.dim_value = size


def reads(model: onnx.ModelProto, name: str) -> None:
    conv(model, 1).input[0] = name


def strides(model: onnx.ModelProto) -> None:
    del conv(model).attribute[:]
    conv(model).attribute.append(helper.make_attribute("strides", 2))


def scales(model: onnx.ModelProto, name: str, values: object) -> None:
    constant(model, name).CopyFrom(numpy_helper.from_array(np.array(values, np.float32), name))


def names(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        node.name = "same"


def calls_itself(model: onnx.ModelProto) -> None:
    function = model.functions.add(name="Foo", domain="foo")
    function.node.append(helper.make_node("Foo", ["x"], ["y"], domain="foo"))
    function.input.append("x")
    function.output.append("y")
    model.graph.node[0].op_type, model.graph.node[0].domain = "Foo", "foo"
    model.opset_import.append(helper.make_opsetid("foo", 1))


def square_zero_point(model: onnx.ModelProto) -> None:
    name = "d_zero_point"
    constant(model, name).CopyFrom(numpy_helper.from_array(np.full((1, 1), 1, np.uint8), name))


def declared(model: onnx.ModelProto) -> None:
    model.graph.value_info.append(
        onnx.helper.make_tensor_value_info("conv_b_sum", onnx.TensorProto.FLOAT, [2**31])
    )


FAULTS = {
    "function": (calls_itself, "its local functions cannot be inlined"),
    # onnxruntime loads it, and cannot run it
    "zero_point": (square_zero_point, "onnxruntime does not take it"),
    "missing": (lambda m: reads(m, "nothing"), r"conv_b_sum \(Conv\) reads 'nothing'"),
    "cycle": (lambda m: reads(m, "total"), "the graph has a cycle"),
    "itself": (lambda m: reads(m, "conv_b_sum"), r"conv_b_sum \(Conv\) waits for its own"),
    "no_input": (lambda m: m.graph.input.pop(), "reads 'image'"),
    "twice": (lambda m: m.graph.input.append(m.graph.input[0]), "two tensors called 'image'"),
    "dims": (lambda m: constant(m, "conv_c_w").dims.append(2), "'conv_c_w': its dimensions"),
    "type": (lambda m: setattr(constant(m, "conv_c_w"), "data_type", 99), "unknown element type"),
    "attribute": (strides, "onnxruntime does not take it|not well formed"),
    "same_names": (names, "onnxruntime does not take it.*same node name"),
    "no_scales": (
        lambda m: scales(m, "conv_c_w_scale", []),
        r"conv_c_sum \(Conv\): it is not",
    ),
    "mean_large": (
        lambda m: scales(m, "logits_scale", 1e20),
        "logits_quantized.* factor",
    ),
    "mean_small": (lambda m: scales(m, "logits_scale", 1e-20), "factor of"),
    "huge": (lambda m: sized(m, 1, 3, 65536, 65536), "'image' is 1 x 3 x 65536 x 65536"),
    "declared": (declared, "'conv_b_sum' is 2147483648: more than 16777216 elements"),
    "absurd": (lambda m: sized(m, 1, 3, 2**31, 10), "more than 16777216 elements"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(fault):
    change, wanted = FAULTS[fault]
    model = residual_network(unsigned=True)
    change(model)
    with pytest.raises(PatchcError, match=wanted):
        import_model(model)


@pytest.mark.parametrize("factor", [1e30, np.inf, np.nan, -0.5])
def test_a_map_enlarged_absurdly(factor):
    net = QdqModel(unsigned=True)
    x = net.quantized("image", 0.03, 2, "x")
    a = net.quantized(net.conv(x, 3, 8, "c"), 0.03, -3, "a")
    net.constant("factors", [1, 1, factor, 2], np.float32)
    large = net.add("Resize", [a, "", "factors"], "large", mode="nearest")
    with pytest.raises(PatchcError, match=r"large \(Resize\) is given 'factors'"):
        import_model(net.model(net.quantized(large, 0.03, -3, "b")))


def test_a_bound_that_is_not_a_number():
    net = QdqModel(unsigned=True)
    x = net.quantized("image", 0.03, 2, "x")
    net.constant("low", np.nan, np.float32)
    a = net.add("Clip", [net.conv(x, 3, 8, "c"), "low"], "cap")
    y = net.conv(net.quantized(a, 0.03, -3, "a"), 8, 8, "d")
    model = net.model(net.quantized(y, 0.03, -3, "y"))
    with pytest.raises(PatchcError, match=r"cap \(Clip\): one of its bounds is not a number"):
        import_model(model)


@pytest.mark.parametrize("count", [0, 2])
def test_a_zero_point_of_several_elements(count):
    net = QdqModel(unsigned=True)
    x = net.quantized("image", 0.03, 2, "x")
    y = net.conv(net.quantized(net.conv(x, 3, 8, "c"), 0.03, -3, "a"), 8, 8, "d")
    model = net.model(net.quantized(y, 0.03, -3, "y"))
    several = numpy_helper.from_array(np.full(count, 1, np.uint8), "a_zero_point")
    constant(model, "a_zero_point").CopyFrom(several)
    with pytest.raises(PatchcError, match=r"a_quantize|a_zero_point"):
        import_model(model)


@pytest.mark.parametrize(("kind", "operands"), [("Div", 3), ("Mul", 1), ("Sub", 3)])
def test_operands_that_are_not_two(kind, operands):
    """An operator of another domain is not looked into."""
    net = QdqModel(unsigned=True)
    x = net.quantized("image", 0.03, 2, "x")
    a = net.quantized(net.conv(x, 3, 8, "c"), 0.03, -3, "a")
    y = net.quantized(net.conv(a, 8, 8, "d"), 0.03, -3, "y")
    model = net.model(y)
    node = model.graph.node[0]
    node.op_type, node.domain = kind, "foo"
    del node.input[operands:]
    node.input.extend([node.input[0]] * (operands - len(node.input)))
    model.opset_import.append(helper.make_opsetid("foo", 1))
    with pytest.raises(PatchcError):
        import_model(model)


@pytest.mark.parametrize("kind", ["Mul", "Add", "Sub"])
def test_more_steps_than_onnxruntime_saturates(kind):
    net = QdqModel(unsigned=True)
    x = net.quantized("image", 0.03, 2, "x")
    a = net.quantized(net.conv(x, 3, 8, "c"), 0.03, -3, "a")
    b = net.quantized(net.conv(x, 3, 8, "d"), 0.03, -3, "b")
    y = net.quantized(net.add(kind, [a, b], "pair"), 1e-20, 0, "y")
    with pytest.raises(PatchcError, match=r"steps, which onnxruntime's kernels do not saturate"):
        import_model(net.model(y))


@pytest.mark.parametrize(
    "place", ["constant", "graph", "dimension", "output", "attribute", "entry"]
)
def test_a_name_that_is_not_utf8(place, tmp_path):
    """Wherever it stands."""
    model = residual_network(unsigned=True)
    word = "a name that nothing else has"
    if place == "constant":
        model.graph.initializer[0].name = word
    elif place == "graph":
        model.graph.name = word
    elif place == "dimension":
        model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = word
    elif place == "output":
        model.graph.output[0].name = word
    elif place == "attribute":
        model.graph.node[0].attribute.add(name=word, i=1, type=onnx.AttributeProto.INT)
    else:
        model.metadata_props.add(key=word, value="")
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString().replace(word.encode(), b"\xff" + word[1:].encode()))
    with pytest.raises(PatchcError, match="not UTF-8"):
        import_model(path)


@pytest.mark.parametrize(
    ("offset", "length", "reason"),
    [
        ("-5", "576", "its offset is '-5', not a count of bytes"),
        ("0", str(1 << 40), "it ends at byte 1099511627776 of w.bin, which has 576"),
        ("1", "576", "it ends at byte 577 of w.bin, which has 576"),
        ("0", "abc", "its length is 'abc', not a count of bytes"),
        ("0", "3", "do not go with its bytes"),
    ],
)
def test_weights_in_another_file_that_do_not_lie_in_it(offset, length, reason, tmp_path):
    model = residual_network(unsigned=True)
    tensor = constant(model, "conv_c_w")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "w.bin"), ("offset", offset), ("length", length)):
        tensor.external_data.add(key=key, value=value)
    (tmp_path / "w.bin").write_bytes(bytes(576))
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(PatchcError, match=f"'conv_c_w'.*{reason}"):
        import_model(path)


def test_operators_in_any_order():
    model = residual_network(unsigned=True)
    expected = format_graph(import_model(model).graph)
    nodes = [onnx.NodeProto.FromString(n.SerializeToString()) for n in model.graph.node]
    moved = nodes[5:] + nodes[:5]
    del model.graph.node[:]
    model.graph.node.extend(moved)
    import_model(model)
    assert sorted(format_graph(import_model(model).graph)) == sorted(expected)


def test_very_many_operators_in_a_row():
    net = QdqModel(unsigned=True)
    x = net.quantized("image", 0.03, 2, "x")
    value = net.quantized(net.conv(x, 3, 8, "c"), 0.03, -3, "a")
    for index in range(1500):
        value = net.add("Relu", [value], f"r{index}")
    with pytest.raises(PatchcError, match="operators in a row"):
        import_model(net.model(net.quantized(value, 0.03, 0, "z")))


def test_weights_may_be_as_large_as_their_bytes(monkeypatch):
    """Also where the file says how large they are, or what they are dequantised to."""
    net, random = Net(np.uint8), np.random.default_rng(0)
    x = net.qdq(net.input("x", 1, 20), (0.03, 7))
    matrix = net.constant(random.integers(-127, 128, (20, 30)), np.int8, "matrix")
    weights = net.op("DequantizeLinear", matrix, *net.parameters((0.01, 0), np.int8))
    model = net.model(net.qdq(net.op("MatMul", x, weights), (0.05, 3)))
    for name, kind in ((matrix, TensorProto.INT8), (weights, TensorProto.FLOAT)):
        model.graph.value_info.append(helper.make_tensor_value_info(name, kind, [20, 30]))
    monkeypatch.setattr(structure, "MAX_ELEMENTS", 100)
    assert [node.op.kind for node in import_model(model).graph.nodes] == ["Conv"]
