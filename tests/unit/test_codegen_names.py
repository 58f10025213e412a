"""Names that mean something to C, its headers or their macros."""

from __future__ import annotations

import pytest

from patchc.codegen.names import Names, file_stem
from patchc.products import identifier


@pytest.mark.parametrize(
    "name", ["NULL", "INT8_MAX", "INT32_MIN", "EOF", "GPIOA", "I", "PRId8", "errno", "size_t"]
)
def test_a_tensor_is_not_called_like_a_macro_or_a_type(name: str):
    assert Names().identifier(name) == f"t_{name}"


@pytest.mark.parametrize("name", ["while", "typeof", "co_await", "stdin", "linux"])
def test_a_tensor_is_not_called_like_a_word_of_c(name: str):
    assert Names().identifier(name) == f"t_{name}"


@pytest.mark.parametrize("name", ["image", "Relu", "x", "X", "logits_2", "Primary"])
def test_other_names_stay(name: str):
    assert Names().identifier(name) == name


@pytest.mark.parametrize("name", ["string", "String", "stdint", "stdio", "stddef", "arm_math"])
def test_a_network_is_not_called_like_a_header(name: str):
    assert file_stem(name) == identifier(name) == f"net_{name}"


def test_other_networks_keep_their_names():
    assert file_stem("mobilenet") == identifier("mobilenet") == "mobilenet"
