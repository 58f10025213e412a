"""Networks with random weights, because no package ships trained ones: for memory, not answers.

Layer lists: MCUNet (Lin et al., 2020) in the versions in3 (320 KB) and vww5, and MobileNetV2 at
width 0.35. Weights are drawn so that activations keep their scale (He et al., 2015).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from examples.zoo.onnx_builder import IMAGE, ModelBuilder, Padding

SEED = 2026


@dataclass(frozen=True, slots=True)
class Block:
    """An inverted bottleneck."""

    channels: int
    expansion: int
    kernel: int
    stride: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """Stem of 3x3 and stride 2, first block without expansion, blocks, head, classes."""

    size: int  # of the square image
    stem: int  # channels
    first: int  # channels
    blocks: tuple[Block, ...]
    head: int  # channels of the 1x1 convolution before the mean; 0 = none
    classes: int


def _blocks(text: str) -> tuple[Block, ...]:
    """ "16,6,3,2 16,3,3,1": channels, expansion, kernel, stride of each."""
    return tuple(Block(*(int(word) for word in block.split(","))) for block in text.split())


MCUNET_VWW5 = Recipe(
    size=80,
    stem=16,
    first=8,
    blocks=_blocks(
        "16,6,3,2 16,3,3,1 16,3,3,1 24,3,7,2 24,6,3,1 24,5,5,1 40,6,7,2 40,6,7,1 48,6,3,1 "
        "48,4,3,1 96,5,5,2 96,5,3,1 96,4,3,1 160,3,7,1"
    ),
    head=0,
    classes=2,
)
MCUNET_320K = Recipe(
    size=176,
    stem=16,
    first=8,
    blocks=_blocks(
        "16,3,7,2 16,5,3,1 16,5,7,1 16,4,5,1 24,5,5,2 24,5,5,1 24,5,5,1 40,5,3,2 40,6,7,1 "
        "40,4,5,1 48,5,5,1 48,5,7,1 48,5,3,1 96,6,3,2 96,5,7,1 96,4,3,1 160,5,7,1"
    ),
    head=0,
    classes=1000,
)
MOBILENET_V2_035 = Recipe(
    size=144,
    stem=16,
    first=8,
    blocks=_blocks(
        "8,6,3,2 8,6,3,1 16,6,3,2 16,6,3,1 16,6,3,1 24,6,3,2 24,6,3,1 24,6,3,1 24,6,3,1 "
        "32,6,3,1 32,6,3,1 32,6,3,1 56,6,3,2 56,6,3,1 56,6,3,1 112,6,3,1"
    ),
    head=1280,
    classes=1000,
)


class _Random:
    """Adds layers with random weights to a model."""

    def __init__(self, recipe: Recipe, name: str) -> None:
        self.random = np.random.default_rng(SEED)
        self.builder = ModelBuilder(name, recipe.size, recipe.size)
        self.layers = 0

    def conv(
        self,
        x: str,
        channels: int,
        kernel: int = 1,
        stride: int = 1,
        *,
        depthwise: bool = False,
        relu: bool = True,
    ) -> str:
        self.layers += 1
        depth = 1 if depthwise else self.builder.shape(x)[1]
        shape = (channels, depth, kernel, kernel)
        spread = np.sqrt(2 / (depth * kernel * kernel))
        weight = self.random.normal(0, spread, shape).astype(np.float32)
        bias = self.random.normal(0, 0.1, channels).astype(np.float32)
        name = f"conv{self.layers}"
        y = self.builder.conv(name, x, weight, bias, stride=stride, padding=Padding.SYMMETRIC)
        return self.builder.relu6(f"{name}.relu6", y) if relu else y

    def block(self, x: str, block: Block) -> str:
        channels = self.builder.shape(x)[1] * block.expansion
        y = self.conv(x, channels) if block.expansion > 1 else x
        y = self.conv(y, channels, block.kernel, block.stride, depthwise=True)
        y = self.conv(y, block.channels, relu=False)
        if self.builder.shape(x) != self.builder.shape(y):
            return y
        return self.builder.add(f"add{self.layers}", x, y)


def build(path: Path, recipe: Recipe) -> Path:
    """Writes the float network with its random weights to `path`."""
    network = _Random(recipe, path.stem)
    builder = network.builder
    x = builder.normalise(IMAGE, (127.5,) * 3, (127.5,) * 3)
    x = network.conv(x, recipe.stem, 3, 2)
    x = network.block(x, Block(recipe.first, 1, 3, 1))
    for block in recipe.blocks:
        x = network.block(x, block)
    if recipe.head:
        x = network.conv(x, recipe.head)
    x = builder.flatten("flat", builder.global_average_pool("pool", x))
    channels = builder.shape(x)[1]
    spread = 1 / np.sqrt(channels)
    weight = network.random.normal(0, spread, (recipe.classes, channels)).astype(np.float32)
    bias = np.zeros(recipe.classes, dtype=np.float32)
    return builder.save(path, builder.gemm("logits", x, weight, bias))
