"""The options of quantisation, and how pictures become its samples."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from patchc.choices import Activation, Format, Method
from patchc.errors import PatchcError

if TYPE_CHECKING:  # slow to import, and the commands show these options
    import onnx

METADATA_KEY = "patchc.image"


@dataclass(frozen=True, slots=True)
class ImagePreparation:
    """value = (pixel * scale - mean) / std, per channel where there is more than one number."""

    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    scale: float = 1.0

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @staticmethod
    def of(model: onnx.ModelProto) -> ImagePreparation:
        """What the file says; pixels as they are where it says nothing. Raises PatchcError."""
        for entry in model.metadata_props:
            if entry.key == METADATA_KEY:
                try:
                    found = json.loads(entry.value)
                    mean, std = tuple(found["mean"]), tuple(found["std"])
                    return ImagePreparation(mean, std, float(found["scale"]))
                except (ValueError, KeyError, TypeError) as error:
                    raise PatchcError(
                        f"{model.graph.name}: metadata {METADATA_KEY!r} is not what patchc "
                        f"quantize writes: {entry.value!r}"
                    ) from error
        return ImagePreparation()


PIXELS = ImagePreparation()


@dataclass(frozen=True, slots=True)
class QuantizeOptions:
    """The defaults give a file that onnxruntime runs in integers throughout as it is: it leaves
    part of an int8 QDQ file in float unless told otherwise."""

    format: Format = Format.QDQ
    activation: Activation = Activation.UINT8
    per_channel: bool = True
    method: Method = Method.MINMAX
    # How a folder of pictures is read, or the arrays were made: the file says so from then on.
    image: ImagePreparation = PIXELS
    merge_branches: bool = False  # parallel convolutions that are one become one (RepVGG)
    cut: tuple[str, ...] = ()  # nodes that stay float, with all that depends on them
    align: bool = True  # weight scales are nudged until CMSIS-NN is exact, too
    labels: tuple[int, ...] | None = None  # the class of each sample, for top-1 and top-5
    measure: bool = True  # compare the answers with the float network's


DEFAULTS = QuantizeOptions()
