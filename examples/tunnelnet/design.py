"""What a TunnelNet is made of: MobileNetV2's bottlenecks over patches of the image."""

from __future__ import annotations

import math
from dataclasses import dataclass

from patchc.choices import Merge, Weights
from patchc.errors import PatchcError
from patchc.independent.patches import Patch, parse_grid

MERGES = (Merge.MEAN, Merge.CONCAT)
PLAIN = "1x1"  # the grid of a network that is not cut


@dataclass(frozen=True, slots=True)
class Bottlenecks:
    """`count` bottlenecks in a row; the first has the stride."""

    expansion: int
    channels: int
    count: int
    stride: int


# MobileNetV2 (Sandler et al., table 2) at width 1.
MOBILENET_V2 = (
    Bottlenecks(1, 16, 1, 1),
    Bottlenecks(6, 24, 2, 2),
    Bottlenecks(6, 32, 3, 2),
    Bottlenecks(6, 64, 4, 2),
    Bottlenecks(6, 96, 3, 1),
    Bottlenecks(6, 160, 3, 2),
    Bottlenecks(6, 320, 1, 1),
)


@dataclass(frozen=True, slots=True)
class Design:
    """The same path for every patch: stem, bottlenecks, features, whose means are merged and
    classified. Without a grid the path has the whole image."""

    size: int  # rows and columns of the image
    channels: int  # 3: RGB, 1: grey
    classes: int
    stem: int  # channels
    blocks: tuple[Bottlenecks, ...]
    features: int  # channels behind the path
    grid: str = PLAIN
    center: bool = False
    weights: Weights = Weights.SHARED
    merge: Merge = Merge.MEAN
    # Rows (and columns) of means that are kept of the map of a network that is not cut: with as
    # many as the grid has, it has the weights of one whose patches are classified side by side.
    pool: int = 1

    @property
    def stride(self) -> int:
        """Pixels of the image per pixel of the last map."""
        return 2 * math.prod(block.stride for block in self.blocks)

    @property
    def patches(self) -> tuple[Patch, ...]:
        """Rectangles of the image. Raises PatchcError where they do not fit."""
        if self.grid == PLAIN and not self.center:
            return (Patch(0, 0, self.size, self.size),)
        return parse_grid(self.grid, center=self.center).patches(self.size, self.size)

    @property
    def paths(self) -> int:
        """Copies of the path's weights."""
        return len(self.patches) if self.weights is Weights.SEPARATE else 1

    @property
    def merged(self) -> int:
        """What the classifier reads."""
        parts = len(self.patches) if self.merge is Merge.CONCAT else 1
        return self.features * (parts if len(self.patches) > 1 else self.pool**2)

    def check(self) -> None:
        """Raises PatchcError for what cannot be built."""
        if self.merge not in MERGES:
            raise PatchcError(f"--merge {self.merge.value}: choose one of mean, concat")
        for patch in self.patches:
            if min(patch.rows, patch.cols) < self.stride:
                raise PatchcError(
                    f"a patch has {patch.rows}x{patch.cols} pixels, less than the strides of the "
                    f"path make one of ({self.stride}): fewer patches, or a larger --size"
                )
        if self.size % (self.stride * self.pool):
            raise PatchcError(
                f"--size {self.size}: a multiple of {self.stride * self.pool} expected"
            )


def mobilenet(size: int, classes: int, width: float, **options: object) -> Design:
    """MobileNetV2's path, its channels times `width`, each a multiple of 8, as it is usual."""
    blocks = tuple(
        Bottlenecks(b.expansion, _eighths(b.channels * width), b.count, b.stride)
        for b in MOBILENET_V2
    )
    features = _eighths(1280 * width) if width > 1 else max(_eighths(1280 * width), 64)
    return Design(size, 3, classes, _eighths(32 * width), blocks, features, **options)  # type: ignore[arg-type]


def _eighths(channels: float) -> int:
    """The nearest multiple of 8 that is not less than nine tenths."""
    found = max(8, int(channels + 4) // 8 * 8)
    return found + 8 if found < 0.9 * channels else found
