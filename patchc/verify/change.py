"""What alignment changes of a network's answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from patchc.align.result import Aligned
from patchc.errors import PatchcError
from patchc.verify.cases import random_cases, read_cases
from patchc.verify.golden import Case, Maps, file_outputs, graph_inputs, integer_outputs

RANDOM_CASES = 4


@dataclass(frozen=True, slots=True)
class Change:
    """The outputs of the aligned file against those of the file before, by onnxruntime's integer
    kernels."""

    cases: int
    random: bool  # no case was given
    values: int
    differing: int
    steps: int  # the largest difference, in steps of the output
    right: tuple[int, int] | None  # cases in the class of their label, before and after


def changed(
    found: Aligned, inputs: Path | None = None, labels: Sequence[int] | None = None
) -> Change:
    """`inputs`: an .npz of cases; by default a few random ones. `labels`: the class of each.
    Raises PatchcError."""
    if inputs is None and labels is not None:
        raise PatchcError("labels are of cases: give their inputs, too")
    imported = found.imported
    cases: Sequence[Case]
    if inputs is None:
        cases = random_cases(imported, RANDOM_CASES, seed=1)
    else:
        cases = read_cases(imported, inputs)
    if labels is not None and len(labels) != len(cases):
        raise PatchcError(f"{inputs}: {len(cases)} cases, but {len(labels)} labels")
    maps = graph_inputs(imported, cases)
    before, after = (integer_outputs(graph, maps) for graph in (found.before, found.after))
    differences = np.concatenate(
        [
            np.abs(was[name].astype(int) - now[name]).ravel()
            for was, now in zip(before, after, strict=True)
            for name in was
        ]
    )
    right = None
    if labels is not None:
        right = _right(found, before, labels), _right(found, after, labels)
    return Change(
        cases=len(cases),
        random=inputs is None,
        values=len(differences),
        differing=int((differences > 0).sum()),
        steps=int(differences.max()),
        right=right,
    )


def _right(found: Aligned, outputs: Sequence[Maps], labels: Sequence[int]) -> int:
    """Cases whose largest value of the file's first output is that of their label."""
    name = found.model.graph.output[0].name
    classes = [int(np.argmax(values[name])) for values in file_outputs(found.imported, outputs)]
    return sum(one == label for one, label in zip(classes, labels, strict=True))
