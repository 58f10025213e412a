"""A float model as it would be quantised, for what does not depend on weights: RAM and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from onnx import ModelProto, helper

from patchc.frontend.load import Shapes, load
from patchc.frontend.walk import is_integer_op
from patchc.quantize.options import DEFAULTS
from patchc.quantize.quantize import quantize

NOTE = (
    "a float model, quantised here with noise in the place of samples: RAM and time do not depend "
    "on weights or samples, what it answers does"
)
_SEED = 2026


def stand_in(
    model: Path, folder: Path, input_shapes: Shapes | None = None, cut: Sequence[str] = ()
) -> tuple[Path, Sequence[str], tuple[str, ...]]:
    """`model` itself where it is quantised, or its quantised form in `folder`; the nodes that are
    still to be cut, and notes.

    Noise is one sample from a fixed seed, weights get one scale per layer and are not aligned, so
    this takes a fraction of the time of `patchc.quantize`. Raises PatchcError as that does.
    """
    loaded = load(model, input_shapes)
    if any(is_integer_op(node) for node in loaded.model.graph.node):
        return model, cut, ()
    output = folder / f"noise-{model.name}"
    options = replace(DEFAULTS, per_channel=False, align=False, measure=False, cut=tuple(cut))
    notes = quantize(model, output, noise(loaded.model), options, input_shapes)
    return output, (), (*notes, NOTE)


def noise(model: ModelProto, count: int = 1) -> dict[str, np.ndarray]:
    """Samples for every input, stacked, from a fixed seed; those of integers are small."""
    random = np.random.default_rng(_SEED)
    found = {}
    for value in model.graph.input:
        dims = [count, *(dim.dim_value for dim in value.type.tensor_type.shape.dim)]
        dtype = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        drawn = random.normal(size=dims) if dtype.kind == "f" else random.integers(0, 2, dims)
        found[value.name] = drawn.astype(dtype)
    return found
