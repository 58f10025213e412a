"""The golden comparisons on whole files, and that each of them catches what it is for."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import onnxruntime
import pytest

from patchc.frontend import import_model
from patchc.frontend.export import to_qoperator
from patchc.ir import Conv
from patchc.reference import run_graph
from patchc.verify import sessions
from patchc.verify.golden import (
    SATURATION,
    compare_nodes,
    file_outputs,
    fully_fused,
    golden,
    graph_inputs,
    reference_outputs,
)
from patchc.verify.sessions import UNOPTIMIZED, float_operators, session
from tests.golden.qdq_models import QdqModel, images, residual_network


def imported(model, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return import_model(path)


def reference(understood, cases):
    """The Graph outputs as the numpy reference computes them."""
    return [
        {name: values[name] for name in understood.graph.outputs}
        for values in (run_graph(understood.graph, x) for x in graph_inputs(understood, cases))
    ]


def with_conv(understood, node_name, **changes):
    """The same import with one convolution changed: an import mistake."""
    graph = understood.graph
    nodes = tuple(
        replace(node, op=replace(node.op, **changes)) if node.name == node_name else node
        for node in graph.nodes
    )
    return replace(understood, graph=replace(graph, nodes=nodes))


def first_conv(understood):
    return next(node for node in understood.graph.nodes if isinstance(node.op, Conv))


def test_an_unsigned_file_is_fully_fused_and_equal_in_every_byte(tmp_path):
    understood, cases = imported(residual_network(unsigned=True), tmp_path), images(3)
    assert fully_fused(understood)
    result = golden(understood, cases, reference(understood, cases))
    assert result.passed, result.failures
    assert result.warnings == ()
    assert [d.differing for d in (*result.file, *result.integer)] == [0, 0]
    assert len(result.nodes) == len(understood.graph.nodes)
    assert result.onnxruntime == onnxruntime.__version__


def test_a_signed_file_is_not_fully_fused_but_its_integer_form_is_equal(tmp_path):
    understood, cases = imported(residual_network(unsigned=False), tmp_path), images(3)
    assert not fully_fused(understood)
    assert float_operators(understood.onnx_model)
    assert not float_operators(understood.onnx_model, signed_integers=True)
    result = golden(understood, cases, reference(understood, cases))
    assert result.passed, result.failures
    assert [d.differing for d in result.integer] == [0]
    (file,) = result.file
    assert file.sqnr_db is None or file.sqnr_db > 20


def test_a_file_of_integer_operators_is_fully_fused(tmp_path):
    integers = to_qoperator(imported(residual_network(unsigned=False), tmp_path).graph)
    understood = imported(integers, tmp_path)
    assert fully_fused(understood)
    (name,) = understood.graph.inputs
    shape = understood.graph.tensors[name].shape
    random = np.random.default_rng(0)
    values = random.integers(-128, 128, (1, shape[2], *shape[:2])).astype(np.int8)
    cases = [{understood.inputs[0].onnx_name: values}]
    result = golden(understood, cases, reference(understood, cases))
    assert result.passed, result.failures


def test_the_result_is_json(tmp_path):
    understood, cases = imported(residual_network(unsigned=True), tmp_path), images(1)
    data = json.loads(json.dumps(asdict(golden(understood, cases, reference(understood, cases)))))
    assert data["cases"] == 1
    assert data["file"][0]["histogram"] == [[0, 6]]
    assert data["nodes"][0]["difference"]["largest"] <= 1


def swapped_pads(understood):
    """Padding of the first convolution that belongs to the other side."""
    node = first_conv(understood)
    pads = replace(node.op.window.pads, top=2, bottom=0, left=0, right=2)
    window = replace(node.op.window, pads=pads)
    return with_conv(understood, node.name, window=window)


def wrong_zero_point(understood):
    """The first convolution's output off by one step."""
    graph, name = understood.graph, first_conv(understood).output
    tensor = graph.tensors[name]
    quant = replace(tensor.quant, zero_point=tensor.quant.zero_point + 1)
    tensors = {**graph.tensors, name: replace(tensor, quant=quant)}
    return replace(understood, graph=replace(graph, tensors=tensors))


def stale_bias(understood):
    """The bias of another training step: one channel is off by some steps of the output."""
    node = first_conv(understood)
    bias = node.op.bias.copy()
    bias[3] += 2000
    return with_conv(understood, node.name, bias=bias)


@pytest.mark.parametrize("mistake", [swapped_pads, wrong_zero_point, stale_bias])
def test_a_deliberately_wrong_import_is_caught_against_the_users_file(mistake, tmp_path):
    """The broken Graph agrees with its own integer form (2), not with the file: (1) or (3)."""
    understood, cases = imported(residual_network(unsigned=True), tmp_path), images(2)
    broken = mistake(understood)
    result = golden(broken, cases, reference(broken, cases))
    assert not result.passed
    assert [d.differing for d in result.integer] == [0]
    caught_by_file = [d.name for d in result.file if d.differing]
    caught_by_node = [n.node for n in result.nodes if not n.passed]
    assert caught_by_file or caught_by_node
    assert result.failures


def test_an_import_mistake_is_caught_and_names_its_node(tmp_path):
    """A scale of a channel that is a quarter too large: the integer form agrees with itself."""
    understood, cases = imported(residual_network(unsigned=True), tmp_path), images(2)
    node = first_conv(understood)
    scales = node.op.weight_scales * np.where(np.arange(node.op.channels_out) == 5, 1.25, 1)
    broken = with_conv(understood, node.name, weight_scales=scales)
    result = golden(broken, cases, reference(broken, cases))
    assert [d.differing for d in result.integer] == [0]
    wrong = [n.node for n in result.nodes if not n.passed]
    assert wrong == [node.name]
    assert any(text.startswith(f"node {node.name}: up to ") for text in result.failures)
    assert any("which runs this file in integers" in text for text in result.failures)


def test_a_wrong_byte_of_the_compiled_network_is_caught(tmp_path):
    understood, cases = imported(residual_network(unsigned=True), tmp_path), images(2)
    outputs = reference(understood, cases)
    (name,) = understood.graph.outputs
    outputs[1] = {name: outputs[1][name] ^ np.eye(1, 6, 2, dtype=np.int8)[None]}
    result = golden(understood, cases, outputs)
    assert result.failures[0] == (
        f"output {name}: 1 of 12 bytes differ from onnxruntime's integer kernels on the exported "
        "model"
    )
    assert result.file[0].differing == 1
    assert result.file[0].largest == 1
    assert [steps for steps, _ in result.file[0].histogram if steps] in ([-1], [1])
    assert result.file[0].sqnr_db is not None


def test_a_network_that_amplifies_its_noise_gets_a_warning(tmp_path):
    understood, cases = imported(residual_network(unsigned=True), tmp_path), images(2)
    outputs = [
        {name: np.full_like(values, 100) for name, values in maps.items()}
        for maps in reference(understood, cases)
    ]
    result = golden(understood, cases, outputs)
    (warning,) = result.warnings
    assert "under 20 dB" in warning
    assert "amplify single steps" in warning


def test_nodes_without_a_tensor_in_the_file_are_compared_together(tmp_path):
    understood, cases = imported(residual_network(unsigned=True), tmp_path), images(1)
    graph = understood.graph
    hidden = graph.nodes[1].output
    fewer = replace(understood, borders=tuple(b for b in understood.borders if b.tensor != hidden))
    results = {n.node: n for n in compare_nodes(fewer, cases)}
    assert graph.nodes[1].name not in results
    reader = graph.consumers[hidden][0].name
    assert results[reader].nodes == (graph.nodes[1].name, reader)
    assert results[reader].passed


def test_a_float_operator_that_stays_is_not_fully_fused(tmp_path):
    """A Clip narrower than the output's range: onnxruntime runs that convolution in float."""
    net = QdqModel(unsigned=True)
    x = net.quantized("image", 0.03, 2, "x")
    bounds = [net.constant("lo", 0, np.float32), net.constant("hi", 1, np.float32)]
    clipped = net.add("Clip", [net.conv(x, 3, 8, "conv"), *bounds], "clipped")
    understood = imported(net.model(net.quantized(clipped, 0.03, 0, "y")), tmp_path)
    assert not fully_fused(understood)
    cases = images(2)
    result = golden(understood, cases, reference(understood, cases))
    assert result.passed, result.failures


@pytest.mark.parametrize("unsigned", [False, True])
def test_scales_and_zero_points_that_are_vectors_of_one(unsigned):
    """Onnxruntime makes a QLinearAveragePool of it that it could not read again."""
    net = QdqModel(unsigned)
    x = net.quantized("image", 0.03, 2, "x")
    pool = net.add("AveragePool", [x], "pool", kernel_shape=[2, 2])
    last = net.quantized(net.conv(net.quantized(pool, 0.02, 1, "y"), 3, 4, "conv"), 0.03, 0, "z")
    for tensor in net.constants:
        if not tensor.dims:
            tensor.dims.append(1)
    understood, cases = import_model(net.model(last)), images(2)
    result = golden(understood, cases, reference(understood, cases))
    assert result.passed, result.failures


def test_file_outputs_have_the_names_and_values_of_the_file(tmp_path):
    understood, cases = imported(residual_network(unsigned=True), tmp_path), images(2)
    found = file_outputs(understood, reference(understood, cases))
    for ours, theirs in zip(found, reference_outputs(understood, cases), strict=True):
        assert set(ours) == set(theirs) == {"logits"}
        np.testing.assert_array_equal(ours["logits"], theirs["logits"])


@pytest.mark.parametrize("adds_in_16_bits", [False, True])
@pytest.mark.parametrize("unsigned", [False, True])
def test_a_processor_that_saturates_makes_a_note_only(
    unsigned, adds_in_16_bits, tmp_path, monkeypatch
):
    """And none where all products are of int8."""
    monkeypatch.setattr(sessions, "_adds_in_16_bits", lambda: adds_in_16_bits)
    understood, cases = imported(residual_network(unsigned=unsigned), tmp_path), images(1)
    if not unsigned:
        (maps,) = graph_inputs(understood, cases)
        understood = imported(to_qoperator(understood.graph), tmp_path)
        cases = [{b.onnx_name: b.from_map(maps[b.tensor]) for b in understood.inputs}]
    result = golden(understood, cases, reference(understood, cases))
    assert result.passed, result.failures
    assert result.notes == ((SATURATION,) if adds_in_16_bits and unsigned else ())


def test_exposed_tensors_are_outputs_of_the_session():
    model = residual_network(unsigned=True)
    running = session(model, level=UNOPTIMIZED, exposed=["a_quantized", "logits"])
    assert [output.name for output in running.get_outputs()] == ["logits", "a_quantized"]
    assert [output.name for output in model.graph.output] == ["logits"]
    (values,) = running.run(["a_quantized"], images(1)[0])
    assert values.dtype == np.uint8
