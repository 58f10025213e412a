"""Networks that branch, at the sizes at which they are deployed, with random weights: squeeze and
excite, U-Net, Inception, FPN, SSD, two images, channel shuffles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx

import patchc
from tests.float_builder import FloatBuilder

SAMPLES = 4  # for calibration; weights are random, and so may the pixels be


def mobilenet_v3_small() -> onnx.ModelProto:
    """MobileNetV3-small 1.0 at 224 x 224 (Howard et al., 2019, table 2), as torchvision has it."""
    net = FloatBuilder("mobilenet_v3_small")
    x = net.unary("HardSwish", net.conv(net.input(3, 224, 224), 16, 3, 2))
    for kernel, expanded, channels, excite, act, stride in MOBILENET_V3_SMALL:
        inside = net.shapes[x][0]
        y = net.unary(act, net.conv(x, expanded)) if expanded != inside else x
        y = net.unary(act, net.depthwise(y, kernel, stride))
        y = net.conv(_squeeze_excite(net, y) if excite else y, channels)
        x = net.binary("Add", y, x) if stride == 1 and channels == inside else y
    x = net.unary("HardSwish", net.conv(x, 576))
    x = net.unary("HardSwish", net.dense(net.mean(x), 1024))
    return net.build(net.dense(x, 1000))


# Kernel, expanded channels, channels, squeeze and excite, activation, stride.
MOBILENET_V3_SMALL = (
    (3, 16, 16, True, "Relu", 2),
    (3, 72, 24, False, "Relu", 2),
    (3, 88, 24, False, "Relu", 1),
    (5, 96, 40, True, "HardSwish", 2),
    (5, 240, 40, True, "HardSwish", 1),
    (5, 240, 40, True, "HardSwish", 1),
    (5, 120, 48, True, "HardSwish", 1),
    (5, 144, 48, True, "HardSwish", 1),
    (5, 288, 96, True, "HardSwish", 2),
    (5, 576, 96, True, "HardSwish", 1),
    (5, 576, 96, True, "HardSwish", 1),
)


def _squeeze_excite(net: FloatBuilder, x: str) -> str:
    """A quarter of the channels, rounded to eights as the paper's code does."""
    channels = net.shapes[x][0]
    squeezed = max(8, (channels // 4 + 4) // 8 * 8)
    if squeezed < 0.9 * channels / 4:
        squeezed += 8
    y = net.conv(net.conv_relu(net.mean(x), squeezed), channels)
    return net.binary("Mul", x, net.unary("HardSigmoid", y, alpha=1 / 6, beta=0.5))


def unet() -> onnx.ModelProto:
    """U-Net (Ronneberger et al., 2015) on 128 x 128 pixels: four levels of 8 to 64 channels above
    a floor of 128, transposed convolutions, three classes per pixel."""
    net = FloatBuilder("unet")
    x, skips = net.input(3, 128, 128), []
    for channels in (8, 16, 32, 64):
        skips.append(net.conv_relu(net.conv_relu(x, channels, 3), channels, 3))
        x = net.max_pool(skips[-1])
    x = net.conv_relu(net.conv_relu(x, 128, 3), 128, 3)
    for skip in reversed(skips):
        channels = net.shapes[skip][0]
        x = net.concat(skip, net.conv_transpose(x, channels))
        x = net.conv_relu(net.conv_relu(x, channels, 3), channels, 3)
    return net.build(net.conv(x, 3))


def inception() -> onnx.ModelProto:
    """GoogLeNet (Szegedy et al., 2015) at a quarter of its width and 96 x 96, up to block 4b."""
    net = FloatBuilder("inception")
    x = net.conv_relu(net.input(3, 96, 96), 16, 7, 2)
    x = net.conv_relu(net.conv_relu(net.max_pool(x, 3, 2, 1), 16), 48, 3)
    x = net.max_pool(x, 3, 2, 1)
    for index, (one, before3, three, before5, five, pooled) in enumerate(INCEPTION):
        x = net.max_pool(x, 3, 2, 1) if index == 2 else x
        x = net.concat(
            net.conv_relu(x, one),
            net.conv_relu(net.conv_relu(x, before3), three, 3),
            net.conv_relu(net.conv_relu(x, before5), five, 5),
            net.conv_relu(net.max_pool(x, 3, 1, 1), pooled),
        )
    return net.build(net.dense(net.mean(x), 10))


# Channels: 1x1; before 3x3, 3x3; before 5x5, 5x5; behind the pool. Blocks 3a, 3b, 4a, 4b.
INCEPTION = (
    (16, 24, 32, 4, 8, 8),
    (32, 32, 48, 8, 24, 16),
    (48, 24, 52, 4, 12, 16),
    (40, 28, 56, 6, 16, 16),
)


def fpn() -> onnx.ModelProto:
    """A feature pyramid (Lin et al., 2017) over a MobileNetV1 of width 0.25 at 160 x 160: classes
    and boxes at strides 8, 16 and 32, six outputs."""
    net = FloatBuilder("fpn")
    x = net.conv_relu(net.input(3, 160, 160), 8, 3, 2)
    x = net.separable(net.separable(net.separable(x, 16), 32, 2), 32)
    c3 = net.separable(net.separable(x, 64, 2), 64)
    c4 = net.separable(c3, 128, 2)
    for _ in range(3):
        c4 = net.separable(c4, 128)
    c5 = net.separable(net.separable(c4, 256, 2), 256)
    top = net.conv(c5, 32)
    levels = [top]
    for lateral in (c4, c3):
        top = net.binary("Add", net.conv(lateral, 32), net.upsample(top))
        levels.append(top)
    heads = [net.separable(level, 32) for level in levels]
    classes = [net.conv(head, 3 * 4, 3) for head in heads]  # three anchors per cell
    boxes = [net.conv(head, 3 * 4, 3) for head in heads]
    return net.build(*classes, *boxes)


def ssd() -> onnx.ModelProto:
    """SSD (Liu et al., 2016) as SSDLite over a MobileNetV1 of width 0.25 at 160 x 160: scores and
    boxes per anchor at five resolutions, ten outputs."""
    net = FloatBuilder("ssd")
    x = net.conv_relu(net.input(3, 160, 160), 8, 3, 2)
    x = net.separable(net.separable(net.separable(x, 16), 32, 2), 32)
    x = net.separable(net.separable(x, 64, 2), 64)
    x = net.separable(x, 128, 2)
    for _ in range(4):
        x = net.separable(x, 128)
    levels = [x, net.separable(net.separable(x, 256, 2), 256)]
    for channels in (128, 64, 64):
        levels.append(net.separable(net.conv_relu(levels[-1], channels // 2), channels, 2))
    scores = [net.per_anchor(net.conv(net.separable(x, 32), 3 * 5), 5) for x in levels]
    boxes = [net.per_anchor(net.conv(net.separable(x, 32), 3 * 4), 4) for x in levels]
    return net.build(*scores, *boxes)


def siamese() -> onnx.ModelProto:
    """Two grey images of 96 x 96 through the same convolutions, weights shared; their difference,
    and the later one beside it, decide what has changed, per cell of 12 x 12 and as a whole."""
    net = FloatBuilder("siamese")
    images = [net.input(1, 96, 96, name=name) for name in ("before", "after")]
    shapes = ((8, 1), (16, 8), (32, 16))
    shared = [net.weights(channels, depth, 3, 3) for channels, depth in shapes]
    maps = []
    for x in images:
        for weights, (channels, _) in zip(shared, shapes, strict=True):
            x = net.unary("Relu", net.conv(x, channels, 3, 2, weights=weights))
        maps.append(x)
    x = net.concat(net.binary("Sub", maps[1], maps[0]), maps[1])
    x = net.conv_relu(x, 32, 3)
    return net.build(net.conv(x, 1), net.dense(net.mean(x), 2))


def shufflenet_v2() -> onnx.ModelProto:
    """ShuffleNetV2 0.5 (Ma et al., 2018) at 128 x 128, as torchvision has it."""
    net = FloatBuilder("shufflenet_v2")
    x = net.max_pool(net.conv_relu(net.input(3, 128, 128), 24, 3, 2), 3, 2, 1)
    for channels, repeats in ((48, 4), (96, 8), (192, 4)):
        half = channels // 2
        side = net.conv_relu(net.depthwise(x, 3, 2), half)
        main = net.conv_relu(net.depthwise(net.conv_relu(x, half), 3, 2), half)
        x = net.shuffle(net.concat(side, main))
        for _ in range(repeats - 1):
            side, main = net.halves(x)
            main = net.conv_relu(net.depthwise(net.conv_relu(main, half)), half)
            x = net.shuffle(net.concat(side, main))
    return net.build(net.dense(net.mean(net.conv_relu(x, 1024)), 1000))


NETWORKS: dict[str, Callable[[], onnx.ModelProto]] = {
    build.__name__: build
    for build in (mobilenet_v3_small, unet, inception, fpn, ssd, siamese, shufflenet_v2)
}


def quantized(name: str, folder: Path) -> Path:
    """The network `name`, quantised, as a file in `folder`; the same bytes every time."""
    source, path = folder / f"{name}.float.onnx", folder / f"{name}.onnx"
    model = NETWORKS[name]()
    onnx.save_model(model, source)
    random = np.random.default_rng(11)
    samples = {
        value.name: random.normal(
            size=(SAMPLES, *(dim.dim_value for dim in value.type.tensor_type.shape.dim[1:]))
        ).astype(np.float32)
        for value in model.graph.input
    }
    return patchc.quantize(source, path, calibration=samples)
