"""examples/tunnelnet in PyTorch. Continuous integration does not install it: what needs none is in
test_tunnelnet.py."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import click.testing
import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

import patchc
from examples.tunnelnet import digits
from examples.tunnelnet.design import Bottlenecks, Design
from patchc.choices import Merge, Weights
from patchc.errors import PatchcError

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'patchc[train]'")
from examples.tunnelnet import network, train, training  # noqa: E402

torch.set_num_threads(1)  # tests run beside each other

BLOCKS = (Bottlenecks(2, 8, 1, 2), Bottlenecks(3, 8, 2, 1))
PLAIN = Design(32, 1, digits.CLASSES, stem=8, blocks=BLOCKS, features=16)
CUT = {
    "mean": replace(PLAIN, grid="2x2"),
    "centre": replace(PLAIN, grid="2x2", center=True),
    "separate": replace(PLAIN, grid="2x2", weights=Weights.SEPARATE),
    "concat": replace(PLAIN, grid="2x2", center=True, merge=Merge.CONCAT),
    "separate concat": replace(PLAIN, grid="1x2", weights=Weights.SEPARATE, merge=Merge.CONCAT),
}


def frames(count: int) -> np.ndarray:
    shape = (count, 1, PLAIN.size, PLAIN.size)
    return np.random.default_rng(3).integers(0, 256, shape, np.uint8)


def made(design: Design) -> network.TunnelNet:
    """With statistics of some frames."""
    training.seed_all(1)
    net = network.TunnelNet(design)
    with torch.no_grad():
        for _ in range(3):
            net.train()(torch.from_numpy(frames(16)) / network.SCALE)
    return net.eval()


def scores(net: network.TunnelNet, images: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return net(torch.from_numpy(images) / network.SCALE).numpy()


def run(file: Path, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(file)
    cases = [{"image": image[None].astype(np.float32)} for image in images]
    return np.concatenate([session.run(None, case)[0] for case in cases])


@pytest.mark.parametrize("name", CUT)
def test_what_is_exported_takes_pixels_and_answers_the_same(name, tmp_path):
    net, images = made(CUT[name]), frames(4)
    file = network.export(net, tmp_path / "net.onnx")
    np.testing.assert_allclose(run(file, images), scores(net, images), rtol=1e-3, atol=1e-4)
    kinds = [node.op_type for node in onnx.load(file).graph.node]
    assert "BatchNormalization" not in kinds
    assert kinds.count("Slice") >= len(net.design.patches)


def test_shared_weights_are_one_constant(tmp_path):
    def weights(design: Design) -> int:
        file = network.export(network.TunnelNet(design), tmp_path / "net.onnx")
        return sum(len(tensor.dims) == 4 for tensor in onnx.load(file).graph.initializer)

    one = weights(PLAIN)
    assert weights(CUT["centre"]) == one
    assert weights(CUT["separate"]) == 4 * one


@pytest.mark.parametrize("name", CUT)
def test_a_network_that_was_cut_is_the_one_that_patchc_tunnel_makes(name, tmp_path):
    plain, design, images = made(PLAIN), CUT[name], frames(4)
    source = network.export(plain, tmp_path / "plain.onnx")
    patchc.tunnel(
        source,
        tmp_path / "cut.onnx",
        grid=design.grid,
        center=design.center,
        merge=design.merge.value,
        weights=design.weights.value,
    )
    here = scores(network.cut(plain, design).eval(), images)
    np.testing.assert_allclose(run(tmp_path / "cut.onnx", images), here, rtol=1e-3, atol=1e-4)


def test_means_of_rectangles_become_patches_side_by_side():
    """Of a network whose convolutions see one pixel each, borders change nothing."""
    plain = made(replace(PLAIN, pool=2, merge=Merge.CONCAT))
    for module in plain.modules():
        if isinstance(module, torch.nn.Conv2d) and module.kernel_size == (3, 3):
            with torch.no_grad():
                centre = module.weight[:, :, 1, 1].clone()
                module.weight.zero_()
                module.weight[:, :, 1, 1] = centre
    for center in (False, True):  # the central patch has no weight yet
        design = replace(PLAIN, grid="2x2", center=center, merge=Merge.CONCAT)
        found = scores(network.cut(plain, design).eval(), frames(4))
        np.testing.assert_allclose(found, scores(plain, frames(4)), rtol=1e-4, atol=1e-5)
    with pytest.raises(PatchcError, match="--merge concat"):
        network.cut(plain, CUT["mean"])


# -- training ---------------------------------------------------------------------------------

RECIPE = training.Recipe(epochs=3, steps=4)
DATA = digits.upscaled(np.random.default_rng(4).integers(1, 17, (64, 8, 8)), np.arange(64) % 10)


def trained(checkpoint: Path | None, stop: str = "never") -> network.TunnelNet:
    def say(text: str) -> None:
        if text.startswith(stop):
            raise KeyboardInterrupt

    training.seed_all(0)
    net = network.TunnelNet(CUT["centre"])
    batches = partial(digits.batches, DATA, 16, 0)
    return training.train(net, batches, RECIPE, checkpoint, say)


def test_what_was_interrupted_goes_on_to_the_same_weights(tmp_path):
    whole = trained(None).state_dict()
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "net.pt", stop="epoch 3")
    again = trained(tmp_path / "net.pt").state_dict()
    assert all(torch.equal(whole[name], again[name]) for name in whole)
    assert not list(tmp_path.glob("*.part"))


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    trained(tmp_path / "net.pt")
    net = network.TunnelNet(PLAIN)
    with pytest.raises(PatchcError, match="a checkpoint of another network, recipe"):
        training.train(net, lambda epoch: iter(()), RECIPE, tmp_path / "net.pt")
    (tmp_path / "net.pt").write_text("nothing of the kind")
    with pytest.raises(PatchcError, match="no checkpoint of this script: delete it"):
        trained(tmp_path / "net.pt")


@pytest.mark.slow
def test_from_folders_of_pictures_to_c(tmp_path):
    random = np.random.default_rng(2)
    for name, level in (("dark", 40), ("light", 200)):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for index in range(12):
            pixels = random.integers(level, level + 50, (40, 48, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{index}.png")
    words = [str(tmp_path / "pictures"), "--output", str(tmp_path / "made"), "--grid", "2x2"]
    words += ["--center", "--size", "64", "--width", "0.1", "--epochs", "2", "--batch", "8"]
    ran = click.testing.CliRunner().invoke(train.main, words)
    assert ran.exit_code == 0, ran.output
    assert "of 2 validation pictures right" in ran.stdout
    assert (tmp_path / "made/classes.txt").read_text() == "dark\nlight\n"
    assert patchc.verify(tmp_path / "made/out", cases=1).passed
