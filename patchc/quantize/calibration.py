"""The samples that a float model is calibrated with."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import helper

from patchc.errors import PatchcError
from patchc.quantize.images import image_input, list_images, load_image
from patchc.quantize.options import ImagePreparation

# By input name, stacked along the first axis; or an .npz of that; or a folder of pictures.
Calibration = Mapping[str, np.ndarray] | Path | str


@dataclass(frozen=True, slots=True)
class Samples:
    """Calibration samples, made when they are asked for: pictures need not fit in memory."""

    model: onnx.ModelProto
    arrays: Mapping[str, np.ndarray] | None  # by input: samples, then the input's dimensions
    pictures: tuple[Path, ...]
    preparation: ImagePreparation

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        """One feed of the model after the other."""
        if self.arrays is None:
            name = image_input(self.model).name
            for path in self.pictures:
                yield {name: load_image(path, self.model, self.preparation)}
            return
        count = len(next(iter(self.arrays.values())))
        for index in range(count):
            yield {name: array[index] for name, array in self.arrays.items()}


def read_calibration(
    model: onnx.ModelProto, calibration: Calibration, preparation: ImagePreparation
) -> Samples:
    """Find the samples and check that they fit the model's inputs. Raises PatchcError."""
    if isinstance(calibration, Mapping):
        return Samples(model, _checked(model, calibration, "calibration"), (), preparation)
    path = Path(calibration)
    if path.is_dir():
        image_input(model)
        return Samples(model, None, tuple(list_images(path)), preparation)
    try:
        with np.load(path, allow_pickle=False) as content:
            arrays = {name: content[name] for name in content.files}
    except (OSError, ValueError, zipfile.BadZipFile, AttributeError) as error:
        raise PatchcError(
            f"{path}: calibration takes an .npz of arrays by input name, or a folder of pictures"
        ) from error
    return Samples(model, _checked(model, arrays, str(path)), (), preparation)


def _checked(
    model: onnx.ModelProto, arrays: Mapping[str, np.ndarray], where: str
) -> dict[str, np.ndarray]:
    inputs = {value.name: value for value in model.graph.input}
    if len(inputs) == len(arrays) == 1:  # a single array needs no name
        arrays = dict(zip(inputs, arrays.values(), strict=True))
    if set(arrays) != set(inputs):
        raise PatchcError(
            f"{where}: arrays {', '.join(sorted(arrays))} for the inputs "
            f"{', '.join(sorted(inputs))} of the model"
        )
    found = {}
    for name, value in inputs.items():
        sizes = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        kind = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        array = np.asarray(arrays[name])
        sample = sizes[1:] if sizes[:1] == [1] else sizes  # a batch of 1 may be left out
        if list(array.shape[1:]) not in (sizes, sample) or not array.size:
            raise PatchcError(
                f"{where}: {name!r} has shape {list(array.shape)}, the model takes samples of "
                f"{sample} stacked along the first axis"
            )
        array = array.reshape(-1, *sizes)
        found[name] = array.astype(kind)
    if len({len(array) for array in found.values()}) > 1:
        raise PatchcError(f"{where}: inputs with different numbers of samples")
    return found
