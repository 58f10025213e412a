"""What examples/tutorial/train.py does, in PyTorch."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn

SIDE = 24  # pixels
EPOCHS, BATCH, RATE = 40, 64, 3e-3
TESTED_EVERY = 4  # of four digits one is kept for tests
PHOTOS, TESTS = 20, 10


def photos() -> tuple[np.ndarray, np.ndarray]:
    """The 1797 digits of scikit-learn: uint8 [n, SIDE, SIDE], and which they are."""
    found = load_digits()
    grey = np.rint(found.images * (255 / 16)).astype(np.uint8)
    size, method = (SIDE, SIDE), Image.Resampling.BICUBIC
    pixels = [np.asarray(Image.fromarray(image).resize(size, method)) for image in grey]
    return np.stack(pixels), found.target


def network() -> nn.Sequential:
    """Of the kind that fits a microcontroller: depthwise and 1 x 1 convolutions behind a stem."""

    def block(channels_in: int, channels: int, stride: int) -> list[nn.Module]:
        return [
            nn.Conv2d(channels_in, channels_in, 3, stride, 1, groups=channels_in, bias=False),
            nn.BatchNorm2d(channels_in),
            nn.ReLU(),
            nn.Conv2d(channels_in, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        ]

    stem = [nn.Conv2d(1, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    blocks = [*block(16, 24, 2), *block(24, 32, 1), *block(32, 48, 2)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(48, 10))


def as_input(pixels: np.ndarray) -> torch.Tensor:
    """What `patchc quantize --std 255` makes of a picture, too."""
    return torch.from_numpy(pixels[:, None].astype(np.float32) / 255)


def trained(pixels: np.ndarray, digits: np.ndarray) -> nn.Sequential:
    """From a fixed seed."""
    torch.manual_seed(2026)
    net, inputs, targets = network(), as_input(pixels), torch.from_numpy(digits)
    optimiser = torch.optim.AdamW(net.parameters(), RATE)
    steps = EPOCHS * (len(digits) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(digits)).split(BATCH)[: len(digits) // BATCH]:
            loss = nn.functional.cross_entropy(net(inputs[chosen]), targets[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return net.eval()


def export(net: nn.Module, file: Path) -> None:
    """As ONNX."""
    with warnings.catch_warnings():
        # The exporter that needs no package of its own; torch says that it is the older one.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            net,
            (torch.zeros(1, 1, SIDE, SIDE),),
            str(file),
            dynamo=False,
            input_names=["image"],
            output_names=["scores"],
        )


def save(folder: Path, pixels: np.ndarray, digits: np.ndarray, count: int) -> None:
    """The first of each digit in turn."""
    folder.mkdir(exist_ok=True)
    for index in range(count):
        digit, nth = index % 10, index // 10
        at = np.flatnonzero(digits == digit)[nth]
        Image.fromarray(pixels[at]).save(folder / f"{digit}-{nth}.png")


def make(folder: Path) -> str:
    """Train, export, and write photos; says how many digits are right."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels, digits = photos()
    tested = np.arange(len(digits)) % TESTED_EVERY == TESTED_EVERY - 1
    net = trained(pixels[~tested], digits[~tested])
    with torch.no_grad():
        found = net(as_input(pixels[tested])).argmax(dim=1).numpy()
    right, count = int((found == digits[tested]).sum()), int(tested.sum())
    export(net, folder / "digits.onnx")
    save(folder / "photos", pixels[~tested], digits[~tested], PHOTOS)
    save(folder / "test", pixels[tested], digits[tested], TESTS)
    return f"{right} of {count} digits that were not trained on are right"
