"""Labelled pictures as people have them: one folder per class."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from examples.zoo.images import load
from patchc.errors import PatchcError
from patchc.quantize.images import SUFFIXES

VALIDATED_EVERY = 10  # of ten pictures of a class one is kept for validation
SMALLEST_CROP = 0.35  # of the picture's area, in training
CENTRE = 0.875  # of the shorter side, in validation


@dataclass(frozen=True)
class Pictures:
    """Files and the class of each."""

    names: tuple[str, ...]  # of the classes
    files: tuple[Path, ...]
    classes: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.files)


def find(folder: Path) -> Pictures:
    """`folder`/CLASS/*.jpg and the like, in the order of their names. Raises PatchcError."""
    if not folder.is_dir():
        raise PatchcError(f"{folder}: no folder: one with a folder of pictures per class expected")
    names = sorted(path.name for path in folder.iterdir() if path.is_dir())
    files: list[Path] = []
    classes: list[int] = []
    for index, name in enumerate(names):
        found = sorted(p for p in (folder / name).rglob("*") if p.suffix.lower() in SUFFIXES)
        if len(found) < 2:
            raise PatchcError(
                f"{folder / name}: {len(found)} pictures: at least 2, for training and validation"
            )
        files += found
        classes += [index] * len(found)
    if len(names) < 2:
        raise PatchcError(
            f"{folder}: {len(names)} folders of pictures: at least 2 classes expected"
        )
    return Pictures(tuple(names), tuple(files), tuple(classes))


def split(pictures: Pictures, seed: int) -> tuple[Pictures, Pictures]:
    """For training and for validation, of which every class has a share."""
    random = np.random.default_rng(seed)
    kept: list[int] = []
    classes = np.array(pictures.classes)
    for index in range(len(pictures.names)):
        members = random.permutation(np.flatnonzero(classes == index))
        kept += members[: max(1, len(members) // VALIDATED_EVERY)].tolist()
    validation = set(kept)
    others = [i for i in range(len(pictures)) if i not in validation]
    return _part(pictures, others), _part(pictures, sorted(kept))


def _part(pictures: Pictures, chosen: list[int]) -> Pictures:
    files = tuple(pictures.files[i] for i in chosen)
    return Pictures(pictures.names, files, tuple(pictures.classes[i] for i in chosen))


def centred(file: Path, size: int) -> np.ndarray:
    """RGB [3, size, size] uint8: the middle of the picture."""
    image = load(file)
    side = CENTRE * min(image.size)
    return _crop(image, (image.width - side) / 2, (image.height - side) / 2, side, side, size)


def drawn(file: Path, size: int, random: np.random.Generator) -> np.ndarray:
    """A part of the picture, somewhere, perhaps mirrored."""
    image = load(file)
    area, shape = random.uniform(SMALLEST_CROP, 1), np.exp(random.uniform(-0.29, 0.29))
    wanted = np.sqrt(area * image.width * image.height)
    width, height = min(image.width, wanted * shape), min(image.height, wanted / shape)
    left = random.uniform(0, image.width - width)
    top = random.uniform(0, image.height - height)
    pixels = _crop(image, left, top, width, height, size)
    return pixels[:, :, ::-1] if random.random() < 0.5 else pixels


def batches(
    pictures: Pictures, batch: int, size: int, seed: int, epoch: int, threads: int = 4
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """An epoch: every picture once; the same for the same seed and epoch. Whole batches only."""
    order = np.random.default_rng((seed, epoch)).permutation(len(pictures))

    def load(index: int) -> np.ndarray:
        random = np.random.default_rng((seed, epoch, int(index)))
        return drawn(pictures.files[index], size, random)

    classes = np.array(pictures.classes, np.int64)
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(order) - batch + 1, batch):
            chosen = order[start : start + batch]
            yield np.stack(list(pool.map(load, chosen))), classes[chosen]


def _crop(
    image: Image.Image, left: float, top: float, width: float, height: float, size: int
) -> np.ndarray:
    box = (left, top, left + width, top + height)
    resized = image.resize((size, size), Image.Resampling.BILINEAR, box=box)
    return np.ascontiguousarray(np.asarray(resized).transpose(2, 0, 1))
