"""Where does cutting start to hurt? Trained networks, cut and not trained again.

    python -m benchmarks.agreement [--network NAME]... [--plot FILE.svg]

MobileNetV2 and EfficientNet-Lite0 with ImageNet's weights, 224 x 224, in float by onnxruntime, on
the zoo's 20 labelled images. Each is cut by patchc tunnel: for several grids and overlaps, either
down to a map of so many pixels, where the patches' maps are put together again (--merge tile), or
to the end (--merge mean). Printed: images whose class is that of the original network, images whose
class the cut network has among its five best, and images that it gets right. --plot needs
matplotlib, of 'patchc[train]'.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import click
import numpy as np
import onnx
import onnxruntime
from onnx import shape_inference

import patchc
from examples.tunnelnet.needed import require
from examples.zoo import NETWORKS, build_float
from patchc.errors import PatchcError

CHOICES = ("mobilenet_v2_224", "efficientnet_lite0_224")
IMAGE = 224
BEST = 5
END = "mean"
HEIGHTS = (56, 28, 14)  # of the maps that are put together again


@dataclass(frozen=True)
class Cut:
    """Of the image into patches."""

    grid: str
    overlap: int = 0
    center: bool = False

    def __str__(self) -> str:
        return f"{self.grid}{' + centre' if self.center else ''}, {self.overlap} px"


CUTS = (Cut("2x2"), Cut("2x2", 64), Cut("2x2", center=True), Cut("4x4"))


@dataclass(frozen=True)
class Agreement:
    """Images, of `of`."""

    network: str
    cut: str
    depth: str  # pixels of the map that is put together again, or the mean of the ends
    same: int  # the original's class
    among_best: int  # the original's class is among the best
    right: int  # the label
    of: int


@cache
def _images(network: str) -> np.ndarray:
    return NETWORKS[network].check_inputs()["image"]


def _scores(model: Path, images: np.ndarray) -> np.ndarray:
    """[image, class]"""
    running = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (name,) = (value.name for value in running.get_inputs())
    return np.stack([running.run(None, {name: image[None]})[0][0] for image in images])


def depths(model: Path) -> dict[int, str]:
    """Rows of a map -> the last tensor of so many rows, which one layer reads: it makes the next
    smaller map."""
    graph = shape_inference.infer_shapes(onnx.load(model)).graph
    sizes = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in graph.value_info
    }
    found = {}
    for node in graph.node:
        size = sizes.get(node.output[0], [])
        if len(size) == 4 and size[2] in HEIGHTS:
            found[size[2]] = node.output[0]
    return found


def agreements(network: str, cuts: Sequence[Cut], folder: Path) -> Iterator[Agreement]:
    """Of each cut at each depth at which it can be made."""
    model, images = build_float(network), _images(network)
    labels = np.array(NETWORKS[network].check_labels())
    original = _scores(model, images).argmax(1)
    count = len(images)
    yield Agreement(network, "not cut", "-", count, count, int((original == labels).sum()), count)
    ends = {f"{rows}x{rows}": tensor for rows, tensor in depths(model).items()}
    for cut in cuts:
        for depth, until in [*ends.items(), (END, None)]:
            file = folder / "cut.onnx"
            end = {"merge": "mean"} if until is None else {"merge": "tile", "until": until}
            try:
                patchc.tunnel(
                    model, file, grid=cut.grid, overlap=cut.overlap, center=cut.center, **end
                )
            except PatchcError:
                continue  # no such map can be made of these patches
            scores = _scores(file, images)
            best = np.argsort(-scores, 1, kind="stable")[:, :BEST]
            yield Agreement(
                network,
                str(cut),
                depth,
                int((best[:, 0] == original).sum()),
                int((best == original[:, None]).any(1).sum()),
                int((best[:, 0] == labels).sum()),
                count,
            )


def plot(found: Sequence[Agreement], file: Path) -> None:
    """Agreement by depth, a line per cut, a panel per network."""
    require("matplotlib")
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "patchc"  # the same file each time
    from matplotlib import pyplot

    networks = list(dict.fromkeys(a.network for a in found))
    figure, panels = pyplot.subplots(
        1, len(networks), figsize=(5 * len(networks), 3.6), sharey=True, squeeze=False
    )
    order = [*(f"{rows}x{rows}" for rows in HEIGHTS), END]
    for panel, network in zip(panels[0], networks, strict=True):
        for cut in dict.fromkeys(a.cut for a in found if a.network == network and a.depth != "-"):
            points = [a for a in found if a.network == network and a.cut == cut]
            places = [order.index(a.depth) for a in points]
            panel.plot(places, [100 * a.same / a.of for a in points], "o-", label=cut)
        panel.set_xticks(range(len(order)), order)
        panel.set_title(network)
        panel.set_xlabel("cut down to a map of")
        panel.set_ylim(-3, 103)
        panel.grid(alpha=0.3)
    panels[0][0].set_ylabel("images with the original's class, %")
    panels[0][-1].legend(title="patches, overlap", fontsize=8)
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})


@click.command()
@click.option("--network", "networks", type=click.Choice(CHOICES), multiple=True, default=CHOICES)
@click.option("--plot", "file", type=click.Path(path_type=Path), help="Write a plot.")
def main(networks: tuple[str, ...], file: Path | None) -> None:
    """Print a line per cut."""
    if file is not None:
        require("matplotlib")
    click.echo("| network | patches, overlap | map | same class | among 5 | right | images |")
    click.echo("|---|---|---|---|---|---|---|")
    found = []
    for network in networks:
        with tempfile.TemporaryDirectory() as folder:
            for a in agreements(network, CUTS, Path(folder)):
                found.append(a)
                cells = (a.network, a.cut, a.depth, a.same, a.among_best, a.right, a.of)
                click.echo(f"| {' | '.join(map(str, cells))} |")
    if file is not None:
        plot(found, file)


if __name__ == "__main__":
    main()
