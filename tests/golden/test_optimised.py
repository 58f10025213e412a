"""What onnxruntime's optimiser leaves in float is named; all other nodes are equal to the byte."""

from __future__ import annotations

import pytest

from benchmarks.fuzzing.bases import branching_network
from patchc.frontend import import_model
from patchc.report.verification import _floats
from patchc.verify.golden import golden
from patchc.verify.optimised import compare_optimised
from tests.golden.qdq_models import images, residual_network
from tests.golden.test_golden import first_conv, reference, with_conv

BOTH_TYPES = pytest.mark.parametrize("unsigned", [False, True], ids=["int8", "uint8"])


def judged(model):
    understood, cases = import_model(model), images(2)
    return golden(understood, cases, reference(understood, cases))


def test_signed_files_are_in_integers_where_they_may_be():
    found = judged(residual_network(unsigned=False))
    assert found.optimised is not None
    assert found.optimised.floats == ()
    assert len(found.optimised.by_default) == 4  # its convolutions and its sum
    assert len(found.optimised.integers) == len(found.nodes)
    assert [one.differing for one in found.signed] == [0]
    assert found.passed
    (line,) = _floats(found)
    assert line.startswith("onnxruntime computes 4 nodes in float by default, from the same oper")


@BOTH_TYPES
def test_what_stays_in_float_is_named_and_the_rest_is_equal(unsigned):
    """A Clip whose pair reaches further, and a difference, for which there is no kernel."""
    found = judged(branching_network(unsigned=unsigned))
    assert found.optimised is not None
    assert found.optimised.floats == ("cb_sum", "difference")
    assert found.optimised.bytes_different == 0
    assert len(found.optimised.integers) == 8
    assert found.signed == ()
    assert found.passed
    where = "" if unsigned else " also where int8 may be in integers"
    assert f"2 nodes in float{where}, from the same" in _floats(found)[-1]
    assert len(_floats(found)) == (1 if unsigned else 2)


def test_a_file_in_integers_has_no_such_list():
    found = judged(residual_network(unsigned=True))
    assert found.fully_fused
    assert (found.optimised, found.signed, _floats(found)) == (None, (), [])


def one_step(model):
    """A bias that moves a few results of the first convolution by one step, and none by more."""
    node = first_conv(model)
    return with_conv(model, node.name, bias=node.op.bias + 40), node.name


def test_an_import_that_is_one_step_off_is_caught_in_signed_files_too():
    """No tolerance for float kernels hides it, neither in that node nor in the output."""
    model, cases = import_model(residual_network(unsigned=False)), images(2)
    broken, name = one_step(model)
    found = golden(broken, cases, reference(broken, cases))
    assert all(node.passed for node in found.nodes)
    ((node, count),) = compare_optimised(broken, cases).differing
    assert (node, count > 0) == (name, True)
    assert any(text.startswith(f"node {name}: {count} bytes differ") for text in found.failures)


def test_outputs_that_differ_where_int8_is_in_integers_are_refused():
    model, cases = import_model(residual_network(unsigned=False)), images(2)
    off = [{k: v ^ 1 for k, v in maps.items()} for maps in reference(model, cases)]
    found = golden(model, cases, off)
    assert [one.differing for one in found.signed] == [12]
    assert any("computes int8 in integers" in text for text in found.failures)
