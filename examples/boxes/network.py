"""YOLOv8n as a public package ships it: a detector whose neck joins three scales (PAN-FPN).

The package `nudenet` finds parts of people, 18 classes. This example keeps the faces only, for a
camera that blanks them out. The file leaves the image's size open, takes RGB / 255, and ends with
decoded boxes. Its metadata name AGPL-3.0: it is fetched, and nothing of it is in this repository.
"""

from __future__ import annotations

from pathlib import Path

from examples.zoo import fetch

PACKAGE = (
    "nudenet==3.4.2",
    "5937dbd84e5d8e5de038f08ffea5a1bb50a08475776bf2b4795914ce0eaf0331",
)
MODEL = "nudenet/320n.onnx"
INPUT = "images"  # [1, 3, size, size] of 0..1
OUTPUT = "output0"  # [1, 4 + classes, cells]: centre, width, height in pixels, probabilities
LABELS = {1: "FACE_FEMALE", 12: "FACE_MALE"}  # by place among the classes, as the package says


def file() -> Path:
    return fetch.wheel(*PACKAGE) / MODEL
