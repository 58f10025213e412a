"""Photos to look for faces in, and what was found drawn on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from examples.detectors.found import UNIT, Found
from examples.zoo import fetch
from examples.zoo.images import SCIKIT_IMAGE, grey_face, load

DRAWN = 512  # pixels, both sides of what is drawn
COLOUR = (60, 255, 90)
FACE_PIXELS = 64  # of each of four grey faces
GREY = (128, 128, 128)  # about 0 for the network, like the padding of its convolutions

# Squares of scikit-image's portrait of an astronaut, 512 x 512: left, top, side. Calibration saw
# the photo, too, in other crops.
ASTRONAUT = {
    "astronaut": (0, 0, 512),
    "astronaut_half": (90, 0, 280),
    "astronaut_near": (145, 25, 160),
    "astronaut_low": (110, -60, 240),
    "astronaut_edge": (210, 10, 230),
}
# No human faces: what is found here is found wrongly.
OTHERS = ("chelsea.png", "coffee.png", "rocket.jpg")


def examples() -> dict[str, Image.Image]:
    """Square photos by name."""
    data = fetch.wheel(*SCIKIT_IMAGE) / "skimage" / "data"
    portrait = load(data / "astronaut.png")
    photos = {
        name: portrait.crop((left, top, left + side, top + side))
        for name, (left, top, side) in ASTRONAUT.items()
    }
    photos["two_astronauts"] = _side_by_side(photos["astronaut_half"])
    photos["four_faces"] = _four_faces()
    return photos | {Path(name).stem: square(load(data / name)) for name in OTHERS}


def square(photo: Image.Image) -> Image.Image:
    """In the middle of a grey square, so that nothing is cut off or stretched."""
    side = max(photo.size)
    canvas = Image.new("RGB", (side, side), GREY)
    canvas.paste(photo, ((side - photo.width) // 2, (side - photo.height) // 2))
    return canvas


def pixels(photo: Image.Image, size: int) -> np.ndarray:
    """What the network looks at: uint8 (size, size, 3)."""
    return np.asarray(photo.resize((size, size), Image.Resampling.BICUBIC), np.uint8)


def draw(photo: Image.Image, size: int, found: Sequence[Found]) -> Image.Image:
    """The photo with boxes, points and probabilities, found in `size` x `size` pixels."""
    canvas = photo.resize((DRAWN, DRAWN), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(canvas)
    scale = DRAWN / size
    for one in found:
        left, top, right, bottom = (scale * value for value in one.box)
        pen.rectangle((left, top, right, bottom), outline=COLOUR, width=3)
        pen.text((left + 5, top + 3), f"{one.probability:.2f}", fill=COLOUR)
        for x, y in one.points:
            x_pixel, y_pixel = scale * x / UNIT, scale * y / UNIT
            pen.ellipse((x_pixel - 4, y_pixel - 4, x_pixel + 4, y_pixel + 4), fill=COLOUR)
    return canvas


def _side_by_side(photo: Image.Image) -> Image.Image:
    """The photo and its mirror image."""
    canvas = Image.new("RGB", (2 * photo.width, photo.height))
    canvas.paste(photo, (0, 0))
    canvas.paste(photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (photo.width, 0))
    return square(canvas)


def _four_faces() -> Image.Image:
    """Grey faces of four people whom calibration did not see."""
    faces = [grey_face(index, FACE_PIXELS, FACE_PIXELS) for index in (60, 70, 80, 90)]
    rows = [np.concatenate(faces[i : i + 2], axis=2) for i in (0, 2)]
    return Image.fromarray(np.concatenate(rows, axis=1).transpose(1, 2, 0).astype(np.uint8))
