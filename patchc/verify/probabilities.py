"""Probabilities of `--tail c`, as the file has them and in numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from onnx import helper

from patchc.errors import PatchcError
from patchc.frontend.endings import Ending
from patchc.frontend.model import ImportedModel
from patchc.numerics.probabilities import as_floats
from patchc.verify.golden import file_outputs

CASES = 4
# From onnxruntime's float32: sums of exponentials in an order of its own, logits that it rounds.
TOLERANCE = 1e-4


def with_probabilities(
    imported: ImportedModel,
    endings: Sequence[Ending],
    made: Mapping[str, np.ndarray],
    outputs: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """The file's outputs: of those that the C has a function for, what it has `made`, uint32 in the
    map's order by the Graph's output; the others as in `outputs`."""
    kinds = {
        value.name: helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        for value in imported.onnx_model.graph.output
    }
    found = dict(outputs)
    for one in endings:
        found[one.output] = as_floats(made[one.tensor])[one.order].astype(kinds[one.output])
    return found


def in_numpy(endings: Sequence[Ending], maps: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the C is to make of the Graph's outputs."""
    return {one.tensor: one.probabilities.of(maps[one.tensor]) for one in endings}


def check_endings(imported: ImportedModel, endings: Sequence[Ending]) -> None:
    """Raises PatchcError where onnxruntime computes something else of random maps."""
    random = np.random.default_rng(0)
    for _ in range(CASES):
        maps = {
            border.tensor: _random_map(random, border.shape, border.sums)
            for border in imported.outputs
        }
        (outputs,) = file_outputs(imported, [maps])
        found = with_probabilities(imported, endings, in_numpy(endings, maps), outputs)
        for one in endings:
            if not np.allclose(found[one.output], outputs[one.output], rtol=0, atol=TOLERANCE):
                raise PatchcError(
                    f"--tail c: output {one.output!r} is not what {one.node} makes of the values "
                    "of the C. Leave --tail out"
                )


def _random_map(
    random: np.random.Generator, shape: tuple[int, int, int], sums: tuple[float, ...]
) -> np.ndarray:
    """int8 (h, w, c); of sums such that they are worth a few units."""
    if not sums:
        return random.integers(-128, 128, shape).astype(np.int8)
    height, width, _ = shape
    values = random.normal(0, 3, (height, width, len(sums))) / np.array(sums)
    return np.rint(values).astype("<i4").view(np.int8).reshape(shape)
