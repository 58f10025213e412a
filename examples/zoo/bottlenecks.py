"""What the ImageNet networks share: inverted bottlenecks with parameters from a checkpoint."""

from dataclasses import dataclass

import numpy as np

from examples.zoo.onnx_builder import ModelBuilder, Padding


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution and its batch normalisation, by their names in the checkpoint."""

    conv: str
    norm: str


@dataclass(frozen=True, slots=True)
class BottleneckNetwork:
    """Adds layers to a model, each with its parameters from the checkpoint."""

    parameters: dict[str, np.ndarray]
    builder: ModelBuilder
    padding: Padding
    epsilon: float

    def conv_norm(self, layer: Layer, x: str, stride: int = 1) -> str:
        weight = self.parameters[f"{layer.conv}.weight"]
        y = self.builder.conv(layer.conv, x, weight, stride=stride, padding=self.padding)
        names = ("weight", "bias", "running_mean", "running_var")
        values = [self.parameters[f"{layer.norm}.{name}"] for name in names]
        return self.builder.batch_norm(layer.norm, y, values, self.epsilon)

    def conv_norm_relu6(self, layer: Layer, x: str, stride: int = 1) -> str:
        return self.builder.relu6(f"{layer.norm}.relu6", self.conv_norm(layer, x, stride))

    def bottleneck(
        self, name: str, x: str, expand: Layer | None, depthwise: Layer, project: Layer, stride: int
    ) -> str:
        """Expand, depthwise, project; and the sum with x where the shapes agree."""
        y = self.conv_norm_relu6(expand, x) if expand else x
        y = self.conv_norm_relu6(depthwise, y, stride)
        y = self.conv_norm(project, y)
        if self.builder.shape(x) != self.builder.shape(y):
            return y
        return self.builder.add(f"{name}.add", x, y)

    def classifier(self, name: str, x: str) -> str:
        """Global average pool and a fully connected layer, giving `logits`."""
        x = self.builder.global_average_pool("pool", x)
        x = self.builder.flatten("flat", x)
        weight, bias = self.parameters[f"{name}.weight"], self.parameters[f"{name}.bias"]
        return self.builder.gemm("logits", x, weight, bias)
