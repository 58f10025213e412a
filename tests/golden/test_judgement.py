"""Each comparison of `verify` says no where it has to: it compares with something else than itself,
on cases that are worth it, and tolerates no more than it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from patchc.frontend import import_model
from patchc.verify.cases import random_cases
from patchc.verify.golden import (
    compare_nodes,
    compare_with_file,
    compare_with_integer_form,
    graph_inputs,
)
from patchc.verify.verify import compare_bytes
from tests.golden.qdq_models import images, residual_network
from tests.golden.test_golden import first_conv, reference


def understood():
    return import_model(residual_network(unsigned=True))


def shifted(model, tensor: str, steps: int):
    """The same import with a tensor's zero point moved: its values are so many steps off."""
    tensors = dict(model.graph.tensors)
    quant = tensors[tensor].quant
    moved = replace(quant, zero_point=quant.zero_point + steps)
    tensors[tensor] = replace(tensors[tensor], quant=moved)
    return replace(model, graph=replace(model.graph, tensors=tensors))


@pytest.mark.parametrize("steps", [2, 3, -2])
def test_a_node_two_steps_off_is_refused(steps):
    model = understood()
    node = first_conv(model)
    (found,) = [
        one
        for one in compare_nodes(shifted(model, node.output, steps), images(1))
        if one.node == node.name
    ]
    assert found.difference.largest >= 2
    assert not found.passed


def test_what_is_wrong_in_one_node_is_wrong_in_no_other():
    """Each is fed what onnxruntime computed: the reader of a wrong map is still right."""
    model = understood()
    node = first_conv(model)
    bias = node.op.bias + 4000
    nodes = tuple(
        replace(one, op=replace(node.op, bias=bias)) if one is node else one
        for one in model.graph.nodes
    )
    broken = replace(model, graph=replace(model.graph, nodes=nodes))
    assert [n.node for n in compare_nodes(broken, images(1)) if not n.passed] == [node.name]


def test_outputs_one_step_off_differ_from_onnxruntime():
    model, cases = understood(), images(2)
    outputs = reference(model, cases)
    off = [{name: values ^ 1 for name, values in maps.items()} for maps in outputs]
    inputs = graph_inputs(model, cases)
    for found, wanted in ((outputs, 0), (off, 12)):
        _, (integer,) = compare_with_integer_form(model.graph, inputs, found)
        (file,) = compare_with_file(model, cases, found)
        assert (integer.differing, file.differing) == (wanted, wanted)


def test_one_byte_of_the_c_is_seen():
    right = [{"y": np.zeros((2, 3, 4), np.int8)}]
    wrong = [{"y": right[0]["y"].copy()}]
    wrong[0]["y"][1, 2, 3] = 1
    assert compare_bytes("same", ["y"], right, right).bytes_different == 0
    found = compare_bytes("other", ["y"], wrong, right)
    assert found.bytes_different == 1
    assert found.first is not None
    assert found.first.index == (1, 2, 3)


@pytest.mark.parametrize("floats", [True, False])
def test_random_cases_cover_the_range(floats):
    model = understood()
    if not floats:
        model = integers()
    one, two = random_cases(model, 2, seed=0)
    (values,) = graph_inputs(model, [one])[0].values()
    assert len(np.unique(values)) > 150
    (name,) = one
    assert not np.array_equal(one[name], two[name])


def integers():
    from benchmarks.fuzzing.bases import integer_network

    return import_model(integer_network(unsigned=True))
