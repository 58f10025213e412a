"""Where does cutting start to hurt? Trained networks, cut and not trained again.

    python -m benchmarks.agreement [--network NAME]... [--page docs/tunnels.md] [--plot FILE.png]

MobileNetV2 and EfficientNet-Lite0 with ImageNet's weights, 224 x 224, in float by onnxruntime, on
the zoo's 20 labelled images and 35 parts of photos. Each is cut by patchc tunnel: for several grids
and overlaps, either down to a map of so many rows, where the patches' maps are put together again
(--merge tile), or to the end (--merge mean). What cuts buy beside exact tunnels is printed by
benchmarks.cut_costs. --plot needs matplotlib, of 'patchc[train]'.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import onnx
import onnxruntime
from onnx import shape_inference

import patchc
from examples.pages import placed
from examples.tunnelnet.needed import require
from examples.zoo import NETWORKS, build_float
from patchc.errors import PatchcError

CHOICES = ("mobilenet_v2_224", "efficientnet_lite0_224")
BEST = 5
END = "end"
HEIGHTS = (56, 28, 14)  # of the maps that are put together again
THREADS = 1  # of onnxruntime


@dataclass(frozen=True)
class Cut:
    """Of the image into patches."""

    grid: str
    overlap: int = 0  # pixels
    center: bool = False

    def __str__(self) -> str:
        return f"{self.grid}{' + centre' if self.center else ''}, {self.overlap} px"

    def write(self, model: Path, until: str | None, file: Path) -> None:
        """Down to a tensor, or to the end. Raises PatchcError."""
        end = {"merge": "mean"} if until is None else {"merge": "tile", "until": until}
        options = {"grid": self.grid, "overlap": self.overlap, "center": self.center}
        patchc.tunnel(model, file, **options, **end)


CUTS = (
    *(Cut("2x2"), Cut("2x2", 32), Cut("2x2", 64), Cut("2x2", center=True)),
    *(Cut("4x4"), Cut("4x4", 32), Cut("7x7")),
)


@dataclass(frozen=True)
class Agreement:
    """Images."""

    network: str
    cut: str  # "-": it is not cut
    depth: str  # rows and columns of the map that is put together again, or the end
    same: int  # the original's class, of `images`
    among_best: int  # the original's class is among the best, of `images`
    images: int
    right: int  # the label, of `labelled`
    right_among_best: int
    labelled: int


def depths(model: Path) -> dict[str, str | None]:
    """Where a network is cut down to -> the tensor: of each height the last one, which one layer
    reads: it makes the next smaller map."""
    graph = shape_inference.infer_shapes(onnx.load(model)).graph
    sizes = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in graph.value_info
    }
    found: dict[str, str | None] = {}
    for node in graph.node:
        size = sizes.get(node.output[0], [])
        if len(size) == 4 and size[2] in HEIGHTS:
            found[f"{size[2]}x{size[3]}"] = node.output[0]
    return found | {END: None}


def agreements(network: str, cuts: Sequence[Cut], folder: Path) -> Iterator[Agreement]:
    """Of each cut at each depth at which it can be made."""
    model, zoo = build_float(network), NETWORKS[network]
    (labelled,), (photos,) = zoo.check_inputs().values(), zoo.calibration().values()
    images, labels = np.concatenate([labelled, photos]), np.array(zoo.check_labels())

    def compared(cut: str, depth: str, best: np.ndarray) -> Agreement:
        known = best[: len(labels)] == labels[:, None]
        same = best == original[:, None]
        return Agreement(
            *(network, cut, depth),
            *(int(same[:, 0].sum()), int(same.any(1).sum()), len(images)),
            *(int(known[:, 0].sum()), int(known.any(1).sum()), len(labels)),
        )

    found = _best(model, images)
    original = found[:, 0]
    yield compared("-", "-", found)
    for cut in cuts:
        for depth, until in depths(model).items():
            file = folder / "cut.onnx"
            try:
                cut.write(model, until, file)
            except PatchcError:
                continue  # no such map can be made of these patches
            yield compared(str(cut), depth, _best(file, images))


def _best(model: Path, images: np.ndarray) -> np.ndarray:
    """[image, BEST] classes, the best first."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    running = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (name,) = (value.name for value in running.get_inputs())
    scores = np.stack([running.run(None, {name: image[None]})[0][0] for image in images])
    return np.argsort(-scores, 1, kind="stable")[:, :BEST]


HEADS = ("network", "patches, overlap", "cut down to", "same class", f"among the best {BEST}")
HEADS += ("right", f"right among {BEST}")


def table(found: Sequence[Agreement]) -> str:
    lines = [f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|"]
    for a in found:
        counts = [f"{count} of {a.images}" for count in (a.same, a.among_best)]
        counts += [f"{count} of {a.labelled}" for count in (a.right, a.right_among_best)]
        lines.append(f"| {' | '.join([a.network, a.cut, a.depth, *counts])} |")
    return "\n".join(lines) + "\n"


def plot(found: Sequence[Agreement], file: Path) -> None:
    """Agreement by depth, a line per cut, a panel per network."""
    require("matplotlib")
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    networks = list(dict.fromkeys(a.network for a in found))
    figure, panels = pyplot.subplots(
        1, len(networks), figsize=(5 * len(networks), 3.8), sharey=True, squeeze=False
    )
    order = [*(f"{rows}x{rows}" for rows in HEIGHTS), END]
    for panel, network in zip(panels[0], networks, strict=True):
        for cut in dict.fromkeys(a.cut for a in found if a.network == network and a.cut != "-"):
            points = [a for a in found if (a.network, a.cut) == (network, cut)]
            places = [order.index(a.depth) for a in points]
            panel.plot(places, [100 * a.same / a.images for a in points], "o-", label=cut)
        panel.set_xticks(range(len(order)), order)
        panel.set_title(network)
        panel.set_xlabel("cut down to a map of")
        panel.set_ylim(-3, 103)
        panel.grid(alpha=0.3)
    panels[0][0].set_ylabel("images with the original's class, %")
    panels[0][0].legend(title="patches, overlap", fontsize=8)
    figure.tight_layout()
    figure.savefig(file, dpi=90, metadata={"Software": None})


@click.command()
@click.option("--network", "networks", type=click.Choice(CHOICES), multiple=True, default=CHOICES)
@click.option("--page", type=click.Path(path_type=Path), help="Markdown to write the table into.")
@click.option("--plot", "file", type=click.Path(path_type=Path), help="Write a plot.")
def main(networks: tuple[str, ...], page: Path | None, file: Path | None) -> None:
    """Print a line per cut."""
    if file is not None:
        require("matplotlib")
    found = []
    for network in networks:
        with tempfile.TemporaryDirectory() as folder:
            for a in agreements(network, CUTS, Path(folder)):
                click.echo(a, err=True)
                found.append(a)
    click.echo(table(found), nl=False)
    if page is not None:
        page.write_text(placed(page.read_text("utf-8"), "agreement", table(found)), "utf-8")
    if file is not None:
        plot(found, file)


if __name__ == "__main__":
    main()
