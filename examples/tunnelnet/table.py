"""The table that examples.tunnelnet.compare prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from examples.tunnelnet.forms import Form, forms

LAYERS, TUNNELS = "plain, layer by layer", "plain, exact tunnels"


@dataclass(frozen=True)
class Accuracy:
    """Of one network and one seed, in percent of the frames for tests."""

    trained: float  # in float, in PyTorch
    quantised: float  # of the integer network, which the C equals


@dataclass(frozen=True)
class Plan:
    """What the C takes: RAM with stack and statics, instructions of one inference."""

    total_bytes: int
    instructions: int

    @property
    def cells(self) -> tuple[str, str]:
        return f"{self.total_bytes:,}", f"{self.instructions:,}"


@dataclass(frozen=True)
class Figures:
    """Of a network's C."""

    parameters: int
    layers: Plan  # layer by layer
    free: Plan  # the plan without a budget
    least: Plan  # that of the least RAM


Accuracies = Mapping[str, Accuracy]  # by the form's file, of one seed


def table(found: Sequence[Accuracies], figures: Mapping[str, Figures]) -> str:
    """A line per network; of the seeds mean, least and most. figures: by the form's name; without
    them, accuracies alone."""
    heads = ("network", "trained", "float %", "int8 %", "parameters")
    heads += ("RAM B", "instructions", "least RAM B", "instructions")
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for form in forms():
        known = figures.get(form.name)
        accuracy = [
            _spread([getattr(one[form.file], kind) for one in found])
            for kind in ("trained", "quantised")
        ]
        for name, plans in _rows(form, known):
            parameters = f"{known.parameters:,}" if known else "-"
            cells = [cell for plan in plans for cell in (plan.cells if plan else ("-", "-"))]
            lines.append(f"| {' | '.join([name, form.begun, *accuracy, parameters, *cells])} |")
    return "\n".join(lines) + "\n"


def _rows(form: Form, known: Figures | None) -> list[tuple[str, tuple[Plan | None, Plan | None]]]:
    if known is None:
        return [(form.name, (None, None))]
    tunnels = (known.free, known.least)
    if form.is_cut:
        return [(form.name, tunnels)]
    return [(LAYERS, (known.layers, None)), (TUNNELS, tunnels)]


def _spread(values: Sequence[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.1f}"
    return f"{np.mean(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def furthest(found: Sequence[Accuracies]) -> float:
    """Points of accuracy from a seed's integer network to the mean of the seeds, at most."""
    values = np.array([[one[form.file].quantised for form in forms()] for one in found])
    return float(np.abs(values - values.mean(0)).max())
