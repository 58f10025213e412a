"""Photos as a network's input: for calibration, and for `patchc run --image`, the same way.

A picture is resized so that it covers the input's height and width, the middle is cut out, and
every value becomes (pixel * scale - mean) / std, with pixels 0..255 in RGB. How to do it is written
into the quantised file (metadata key "patchc.image"), so both uses agree.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import helper
from PIL import Image, ImageOps, UnidentifiedImageError

from patchc.errors import PatchcError
from patchc.quantize.options import ImagePreparation

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".webp")
MODES = {1: "L", 3: "RGB"}  # number of channels -> Pillow's mode


def load_image(
    path: Path | str, model: onnx.ModelProto, preparation: ImagePreparation | None = None
) -> np.ndarray:
    """A picture as the model's one image input takes it: (1, C, H, W) or (1, H, W, C).

    Float inputs get prepared values, as `preparation` or else the model's metadata says; uint8
    inputs pixels. Raises PatchcError: not a picture, or the model has no such input.
    """
    return as_input(picture_pixels(path, model), model, preparation)


def picture_pixels(path: Path | str, model: onnx.ModelProto) -> np.ndarray:
    """A picture as a camera in front of the model would give it: uint8 (H, W, C). Raises
    PatchcError as `load_image`."""
    return _pixels(Path(path), *picture_shape(model))


def picture_shape(model: onnx.ModelProto) -> tuple[int, int, int]:
    """Height, width and channels of the model's one input. Raises PatchcError as `image_input`."""
    height, width, channels, _ = _geometry(image_input(model))
    return height, width, channels


def as_input(
    pixels: np.ndarray, model: onnx.ModelProto, preparation: ImagePreparation | None = None
) -> np.ndarray:
    """Pixels, uint8 (H, W, C), as the model's one input takes them; raises as `load_image`."""
    value = image_input(model)
    *_, channels_last = _geometry(value)
    if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
        pixels = _prepare(pixels.astype(np.float32), preparation or ImagePreparation.of(model))
    if not channels_last:
        pixels = pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(pixels[None])


def list_images(folder: Path) -> list[Path]:
    """The pictures in a folder, by name. Raises PatchcError where there are none."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not found:
        raise PatchcError(f"{folder}: no pictures ({', '.join(SUFFIXES)})")
    return found


def image_input(model: onnx.ModelProto) -> onnx.ValueInfoProto:
    """The model's one input. Raises PatchcError where it has several or that is no picture."""
    if len(model.graph.input) != 1:
        names = ", ".join(value.name for value in model.graph.input)
        raise PatchcError(f"a picture feeds a model with one input; this one has {names}")
    (value,) = model.graph.input
    types = (onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8)
    kind = value.type.tensor_type.elem_type
    if kind not in types:
        name = helper.tensor_dtype_to_np_dtype(kind).name
        raise PatchcError(f"input {value.name!r} is {name}: give it prepared values, not a picture")
    _geometry(value)
    return value


def _geometry(value: onnx.ValueInfoProto) -> tuple[int, int, int, bool]:
    """Height, width, channels, and whether the channels come last."""
    sizes = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
    if len(sizes) == 4 and sizes[1] in MODES:
        return sizes[2], sizes[3], sizes[1], False
    if len(sizes) == 4 and sizes[3] in MODES:
        return sizes[1], sizes[2], sizes[3], True
    raise PatchcError(
        f"input {value.name!r} has shape {sizes}: a picture needs [1, 1 or 3, height, width] or "
        "[1, height, width, 1 or 3]"
    )


def _pixels(path: Path, height: int, width: int, channels: int) -> np.ndarray:
    """uint8 (height, width, channels)."""
    try:
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened).convert(MODES[channels])
    except (OSError, UnidentifiedImageError) as error:
        raise PatchcError(f"{path}: cannot be read as a picture: {error}") from error
    fitted = ImageOps.fit(picture, (width, height), Image.Resampling.BICUBIC)
    return np.asarray(fitted, np.uint8).reshape(height, width, channels)


def _prepare(pixels: np.ndarray, preparation: ImagePreparation) -> np.ndarray:
    channels = pixels.shape[2]
    for name in ("mean", "std"):
        count = len(getattr(preparation, name))
        if count not in (1, channels):
            raise PatchcError(f"{name} of {count} numbers for {channels} channels")
    mean = np.array(preparation.mean, np.float32)
    std = np.array(preparation.std, np.float32)
    prepared: np.ndarray = (pixels * np.float32(preparation.scale) - mean) / std
    return prepared.astype(np.float32)
