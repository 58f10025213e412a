"""onnx's backend node tests for the operators that the importer reads.

Every test either passes in every comparison, C included, or the compiler (or a type of the test's
tensors) says why it does not apply. docs/backend-tests.md counts them.
"""

from __future__ import annotations

import pytest

from tests.golden.node_chain import run
from tests.golden.node_programs import differing
from tests.golden.node_table import PAGE, row, versions
from tests.golden.node_tests import collect, tested_operators


@pytest.mark.parametrize("operator", tested_operators())
def test_the_node_tests_of_an_operator(operator, tmp_path):
    outcomes = [run(test) for test in collect(operator)]
    assert [text for one in outcomes for text in one.failures] == []
    assert all(one.compiled or one.reason for one in outcomes)
    programs = [one.compiled[0] for one in outcomes if one.compiled]
    if programs:
        assert differing(programs, tmp_path) == []
    page = PAGE.read_text(encoding="utf-8")
    if versions() in page:  # other versions have other tests, and refuse others
        assert row(operator, outcomes) in page, "run python -m benchmarks.backend_nodes --write"


def test_the_registry_has_operators_to_test():
    assert {"Conv", "Gemm", "MaxPool", "Add", "Softmax", "Sigmoid"} <= set(tested_operators())
