"""What the importer's entries say of themselves, and that they are held to it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from patchc.frontend import import_model, walk
from patchc.frontend.load import MICROSOFT
from patchc.frontend.ops import entries, handlers
from patchc.ir import AveragePool, Lut
from tests.onnx_float import quantized_cnn


def test_a_function_entered_twice_is_one_entry():
    entry = entries()[handlers()["", "Gelu"]]
    assert {("", "Gelu"), (MICROSOFT, "Gelu"), (MICROSOFT, "FastGelu")} <= set(entry.operators)
    assert entry.makes == (Lut,)
    assert "two activations" in entry.limits


def test_an_entry_that_makes_something_else_is_noticed(tmp_path, monkeypatch):
    """A convolution that says it becomes a pool."""
    path = quantized_cnn(tmp_path / "tiny.onnx")
    import_model(path)
    handler = handlers()["", "Conv"]
    wrong = {**entries(), handler: replace(entries()[handler], makes=(AveragePool,))}
    monkeypatch.setattr(walk, "entries", lambda: wrong)
    with pytest.raises(AssertionError, match="Conv: Conv"):
        import_model(path)
