"""What quantisation costs: signal-to-noise ratios against the float network, classes, warnings."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from patchc.classes import Right
from patchc.decoding import decode

if TYPE_CHECKING:
    import onnx

METADATA_KEY = "patchc.quality"


@dataclass(frozen=True, slots=True)
class Ratio:
    """Of a tensor, float against quantised: 20 log10(|float| / |float - quantised|)."""

    tensor: str
    db: float


@dataclass(frozen=True, slots=True)
class Quality:
    """What the quantised file answers beside the float one, on calibration samples."""

    samples: int  # that ratios are over
    outputs: tuple[Ratio, ...]
    layers: tuple[Ratio, ...]  # quantised tensors, in the file's order; none of QOperator files
    floating: Right | None  # where there are labels
    quantized: Right | None
    warnings: tuple[str, ...]

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @staticmethod
    def of(model: onnx.ModelProto) -> Quality | None:
        """As a quantised file holds it; None where it does not, or not as patchc writes it."""
        for entry in model.metadata_props:
            if entry.key == METADATA_KEY:
                try:
                    return decode(Quality, json.loads(entry.value), METADATA_KEY)
                except ValueError:
                    return None
        return None

    def lines(self) -> list[str]:
        """For a terminal."""
        found = [
            f"signal   {ratio.tensor}: {ratio.db:.1f} dB above the noise of quantising, over "
            f"{self.samples} samples"
            for ratio in self.outputs
        ]
        if self.layers:
            worst = min(self.layers, key=lambda ratio: ratio.db)
            found.append(f"         least inside: {worst.tensor}, {worst.db:.1f} dB")
        for what, counted in (("float", self.floating), ("int8", self.quantized)):
            found += [] if counted is None else [f"{what:8} {counted}"]
        return [*found, *(f"warning: {text}" for text in self.warnings)]
