"""onnx's backend node tests for the operators that the importer reads.

Every test either passes in every comparison, C included, or the compiler (or a type of the test's
tensors) says why it does not apply. docs/backend-tests.md counts them.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.golden.node_chain import far, run
from tests.golden.node_programs import differing, groups
from tests.golden.node_table import PAGE, row, versions
from tests.golden.node_tests import collect, covered_operators, first_sample


@pytest.mark.parametrize("operators", groups(covered_operators()), ids="-".join)
def test_the_node_tests_of_operators(operators, tmp_path):
    found = {operator: [run(test) for test in collect(operator)] for operator in operators}
    outcomes = [one for some in found.values() for one in some]
    assert [text for one in outcomes for text in one.failures] == []
    assert all(one.compiled or one.reason for one in outcomes)
    assert differing(outcomes, tmp_path) == []
    page = PAGE.read_text(encoding="utf-8")
    if versions() in page:  # other versions have other tests, and refuse others
        rows = [row(operator, some) for operator, some in found.items()]
        missing = [text for text in rows if text not in page]
        assert missing == [], "run python -m benchmarks.backend_nodes --write"


def test_results_that_are_off_are_noticed(tmp_path):
    """By three steps from what the test expects; by one from the C."""
    outcome = run(collect("Tanh")[0])
    compiled = outcome.compiled[0]
    assert not outcome.failures
    off = {name: values ^ 3 for name, values in compiled.outputs[0].items()}
    (line,) = far(compiled.test, compiled.stages.imported, compiled.inputs[0], off)
    assert line == "output y is further from the test's than rounding explains"
    near = {name: values ^ 1 for name, values in compiled.outputs[-1].items()}
    wrong = replace(compiled, outputs=(*compiled.outputs[:-1], near))
    (line,) = differing([outcome, replace(outcome, compiled=(wrong,))], tmp_path)
    assert line.startswith("test_tanh_example (): the C computes another y")


def test_inputs_that_the_graph_reads_otherwise_are_noticed():
    compiled = run(collect("Tanh")[0]).compiled[0]
    off = {name: values ^ 64 for name, values in compiled.inputs[0].items()}
    found = far(compiled.test, compiled.stages.imported, off, compiled.outputs[0])
    assert "input x is not what the test gives" in found


def test_a_batch_that_is_none_is_not_cut():
    """A softmax along the first dimension mixes what a cut would take apart."""
    tests = {test.name: test for test in collect("Softmax")}
    assert first_sample(tests["test_softmax_axis_0"]) is None
    cut = first_sample(tests["test_softmax_axis_1"])
    assert cut is not None
    assert cut.inputs["x"].shape == (1, 4, 5)


def test_the_registry_has_operators_to_test():
    assert {"Conv", "Gemm", "MaxPool", "Add", "Softmax", "Sigmoid"} <= set(covered_operators())
