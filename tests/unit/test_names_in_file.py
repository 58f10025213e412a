"""Inputs and outputs of the C are called as in the ONNX file."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

import patchc
from patchc.codegen.names import string_literals
from patchc.frontend import import_model
from patchc.frontend.names import file_names
from tests.unit.frontend_models import Net


def names(model: onnx.ModelProto) -> tuple[list[str], list[str]]:
    """Of inputs and outputs, in the Graph's order."""
    imported = import_model(model)
    found = file_names(imported)
    return (
        [found[border.tensor] for border in imported.inputs],
        [found[border.tensor] for border in imported.outputs],
    )


def layer(net: Net, x: str, channels: int = 2) -> str:
    return net.op("Conv", x, net.weights(4, channels, 1, 1))


def test_behind_quantize_and_dequantize():
    net = Net()
    y = net.qdq(layer(net, net.qdq(net.input("image", 1, 2, 4, 4), (0.02, 1))), (0.1, 2))
    assert names(net.model(y)) == (["image"], [y])


def test_behind_float_operators_and_views():
    net = Net()
    x = net.op("Sub", net.input("camera:0", 1, 2, 4, 4), net.constant(0.5))
    y = net.qdq(layer(net, net.qdq(x, (0.02, 1))), (0.1, 2))
    y = net.op("Flatten", net.op("Transpose", y, perm=(0, 2, 3, 1)))
    assert names(net.model(net.op("Identity", y, name="maps"))) == (["camera:0"], ["maps_out"])


def test_quantised_in_the_file():
    net = Net(np.uint8)
    x = net.dequantize(net.input("bytes", 1, 2, 4, 4, dtype=np.uint8), (0.02, 100))
    y = net.quantize(layer(net, x), (0.1, 2), name="small")
    model = net.model(y, kinds={y: onnx.TensorProto.UINT8})
    assert names(model) == (["bytes"], ["small_out"])


def test_in_front_of_a_tail_it_is_the_float_tensor():
    """The file's output is not what the C gives."""
    net = Net()
    logits = layer(net, net.qdq(net.input("image", 1, 2, 1, 1), (0.02, 1)))
    y = net.op("Sigmoid", net.op("Exp", net.qdq(logits, (0.1, 2))))
    y = net.op("Mul", y, net.op("ReduceMax", y, keepdims=1))
    assert names(net.model(y)) == (["image"], [logits])


def test_float_sums():
    net = Net()
    y = layer(net, net.qdq(net.input("image", 1, 2, 4, 4), (0.02, 1)))
    assert names(net.model(y)) == (["image"], [y])


def test_one_input_quantised_twice_and_one_made_of_two():
    net = Net()
    a, b = net.input("a", 1, 2, 4, 4), net.input("b", 1, 2, 4, 4)
    mixed = net.op("Add", a, b)
    sums = [
        net.qdq(layer(net, net.qdq(x, (scale, 1))), (0.1, 2))
        for x, scale in ((a, 0.02), (a, 0.03), (mixed, 0.04))
    ]
    inputs, _ = names(net.model(*sums))
    assert inputs[:2] == ["a", "a"]
    assert "quantizelinear" in inputs[2]


def test_identifiers_are_unique_and_the_name_is_there_as_it_is(tmp_path):
    net = Net()
    x = net.input('in/put "é?', 1, 2, 4, 4)
    both = [net.qdq(layer(net, net.qdq(x, (scale, 1))), (0.1, 2)) for scale in (0.02, 0.03)]
    onnx.save(net.model(*both), tmp_path / "net.onnx")
    patchc.compile(tmp_path / "net.onnx", tmp_path / "out", name="net")
    header = (tmp_path / "out" / "include/net.h").read_text()
    assert "    net_reader in_put;\n    net_reader in_put_2;\n" in header
    assert header.count(r'_NAME "in/put \042\303\251\077"') == 2
    assert patchc.verify(tmp_path / "out", cases=1).passed


def test_a_long_name_takes_several_lines(tmp_path):
    net = Net()
    x = net.input("é" * 60, 1, 2, 4, 4)
    onnx.save(net.model(net.qdq(layer(net, net.qdq(x, (0.02, 1))), (0.1, 2))), tmp_path / "n.onnx")
    patchc.compile(tmp_path / "n.onnx", tmp_path / "out", name="net")
    lines = (tmp_path / "out" / "include/net.h").read_text().splitlines()
    start = lines.index("#define NET_IN0_NAME \\")
    value = " ".join(line.removesuffix("\\") for line in lines[start + 1 : start + 7])
    assert value.count("\\303") == value.count("\\251") == 60
    assert max(map(len, lines)) <= 100
    assert patchc.verify(tmp_path / "out", cases=1).passed


@pytest.mark.parametrize("columns", [6, 12, 90])
@pytest.mark.parametrize("text", ["image", 'a"b\\c', "é??/ü", "*/ /*", "\n\t\x7f", "", "x" * 200])
def test_string_literals_are_the_text(text: str, columns: int):
    """C's octal escapes of three digits mean what Python's do."""
    literals = string_literals(text, columns)
    joined = "".join(literals)
    assert joined.isascii()
    assert joined.isprintable()
    assert not {"?", "*"}.intersection(joined)
    assert max(map(len, literals)) <= columns
    assert b"".join(eval(f"b{literal}") for literal in literals).decode() == text
