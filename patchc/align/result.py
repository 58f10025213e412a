"""What alignment did to a model, and what it could not prove."""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from patchc.errors import PatchcError
from patchc.frontend.model import ImportedModel
from patchc.ir import Graph

_SHOWN = 8  # channels that a message names


@dataclass(frozen=True, slots=True)
class LayerAligned:
    """What was done to one layer."""

    node: str
    channels: int
    moved: int  # whose scale changed
    largest: float  # relative change of a scale
    biased: int  # channels whose bias changed
    bias_steps: float  # by how many steps of the output that moves the result, at most
    lines: int  # channels that have a line now, and are proved
    unproved: tuple[int, ...]  # channels that CMSIS-NN cannot compute exactly
    is_constant: bool  # its weight scales are constants of the file


@dataclass(frozen=True, slots=True)
class Aligned:
    """An aligned model."""

    model: onnx.ModelProto
    imported: ImportedModel  # as it was
    before: Graph
    after: Graph
    were: tuple[LayerAligned, ...]  # the layers before
    layers: tuple[LayerAligned, ...]
    others: tuple[str, ...]  # kinds of operators that are not aligned

    @property
    def channels(self) -> int:
        return sum(layer.channels for layer in self.layers)

    @property
    def moved(self) -> int:
        """Scales that changed."""
        return sum(layer.moved for layer in self.layers)

    @property
    def largest(self) -> float:
        """Relative change of a scale."""
        return max((layer.largest for layer in self.layers), default=0.0)

    @property
    def biased(self) -> int:
        """Biases that changed."""
        return sum(layer.biased for layer in self.layers)

    @property
    def bias_steps(self) -> float:
        """By how many steps of its output the change of a bias moves a result, at most."""
        return max((layer.bias_steps for layer in self.layers), default=0.0)

    @property
    def lines(self) -> int:
        """Channels that have a line."""
        return sum(layer.lines for layer in self.layers)

    @property
    def unproved(self) -> tuple[LayerAligned, ...]:
        """Layers with channels that are not proved."""
        return tuple(layer for layer in self.layers if layer.unproved)

    @property
    def refusal(self) -> str | None:
        """Which channels are not proved, and what to do; None: all are."""
        if not self.unproved:
            return None
        first = self.unproved[0]
        shown = ", ".join(map(str, first.unproved[:_SHOWN]))
        shown += ", ..." if len(first.unproved) > _SHOWN else ""
        channels = f"channel{'s'[: len(first.unproved) != 1]} {shown}"
        more = len(self.unproved) - 1
        also = f", and so in {more} more layer{'s'[: more != 1]}" if more else ""
        if not first.is_constant:
            return (
                f"node {first.node!r}: {channels} are not equal for CMSIS-NN, and its weight "
                f"scales are no constants that layers alone read{also}; quantise again, e.g. "
                "patchc quantize"
            )
        return (
            f"node {first.node!r}: no weight scale within 1e-4 makes {channels} equal for "
            f"CMSIS-NN{also}; quantise again with weight scales per channel, e.g. patchc quantize"
        )


def refuse_unproved(aligned: Aligned, name: str) -> None:
    """Raises PatchcError, naming layers and channels, where something is not proved."""
    if aligned.refusal is not None:
        raise PatchcError(f"{name}: {aligned.refusal}")
