"""Training with fixed seeds, on a GPU if there is one, resumed where it was interrupted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from examples.tunnelnet.network import SCALE, TunnelNet
from patchc.errors import PatchcError

Batch = tuple[np.ndarray, np.ndarray]  # pixels [n, channels, rows, columns] uint8, classes
Batches = Callable[[int], Iterator[Batch]]  # of an epoch, the same for the same epoch
EVALUATED = 256  # pictures at once


@dataclass(frozen=True, slots=True)
class Recipe:
    """AdamW; the rate rises over the first tenth of the steps and falls as a cosine."""

    epochs: int
    steps: int  # per epoch
    rate: float = 0.02  # the highest
    decay: float = 0.01  # of weights
    smoothing: float = 0.05  # of the labels
    seed: int = 0


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def seed_all(seed: int) -> None:
    """So that the same machine gives the same weights."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False


def train(
    net: TunnelNet,
    batches: Batches,
    recipe: Recipe,
    checkpoint: Path | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> TunnelNet:
    """In place. checkpoint: written after every epoch; where it is there, training goes on from it.
    Raises PatchcError where it is that of another network or recipe."""
    place = device()
    net.to(place, memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(net.parameters(), recipe.rate, weight_decay=recipe.decay)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.rate, recipe.epochs * recipe.steps, pct_start=0.1, cycle_momentum=False
    )
    loss_of = nn.CrossEntropyLoss(label_smoothing=recipe.smoothing)
    parts = {"net": net, "optimizer": optimizer, "scheduler": scheduler}
    first = _resumed(checkpoint, net, recipe, parts, place)
    if first:
        say(f"going on after epoch {first} of {recipe.epochs}")
    for epoch in range(first, recipe.epochs):
        total = 0.0
        for pixels, classes in batches(epoch):
            optimizer.zero_grad()
            loss = loss_of(net(_prepared(pixels, place)), torch.from_numpy(classes).to(place))
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item()
        say(f"epoch {epoch + 1} of {recipe.epochs}: loss {total / recipe.steps:.3f}")
        if checkpoint is not None:
            _save(checkpoint, net, recipe, parts, epoch + 1)
    return net.eval()


def classify(net: TunnelNet, pixels: np.ndarray) -> np.ndarray:
    """The class of each picture."""
    place = device()
    net.to(place).eval()
    with torch.no_grad():
        found = [
            net(_prepared(pixels[start : start + EVALUATED], place)).argmax(1).cpu().numpy()
            for start in range(0, len(pixels), EVALUATED)
        ]
    return np.concatenate(found)


def _prepared(pixels: np.ndarray, place: torch.device) -> torch.Tensor:
    values = torch.from_numpy(pixels).to(place).float().div_(SCALE)
    return values.contiguous(memory_format=torch.channels_last)


def _identity(net: TunnelNet, recipe: Recipe) -> str:
    return repr((net.design, asdict(recipe)))


def _save(file: Path, net: TunnelNet, recipe: Recipe, parts: dict[str, Any], epochs: int) -> None:
    """Whole or not at all."""
    state = {name: part.state_dict() for name, part in parts.items()}
    partial = file.with_name(f"{file.name}.part")
    torch.save(state | {"epochs": epochs, "of": _identity(net, recipe)}, partial)
    os.replace(partial, file)


def _resumed(
    file: Path | None, net: TunnelNet, recipe: Recipe, parts: dict[str, Any], place: torch.device
) -> int:
    """The number of epochs that are done."""
    if file is None or not file.exists():
        return 0
    try:
        state = torch.load(file, map_location=place, weights_only=True)
        of, epochs = state["of"], state["epochs"]
    except Exception as error:  # torch raises a handful of types for what is no checkpoint
        raise PatchcError(
            f"{file}: no checkpoint of this script: delete it to begin anew"
        ) from error
    if of != _identity(net, recipe):
        raise PatchcError(
            f"{file}: a checkpoint of another network, recipe or set of pictures: choose another "
            "--output, or delete it to begin anew"
        )
    for name, part in parts.items():
        part.load_state_dict(state[name])
    return epochs
