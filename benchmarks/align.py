"""The example networks, aligned: python -m benchmarks.align [--only NETWORK]

Per network: output channels of convolutions and dense layers; those whose scale was nudged,
and the largest change; channels that are proved for CMSIS-NN before and after, and that have a line
in patchc's kernels, before and after; top-1 on labelled images, where there are, before and after,
by onnxruntime. Exit code 1 where a channel is left unproved or top-1 changes.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click
import numpy as np
import onnxruntime

import patchc
from examples.common import say
from examples.zoo import build_float, find
from examples.zoo.images import (
    cifar10_check,
    cifar10_labels,
    imagenet_check,
    imagenet_labels,
)
from patchc.align.align import align_model

NETWORKS = (
    "resnet8_cifar10",
    "vww_mobilenet_v1_96",
    "keywords_ds_cnn",
    "mcunet_vww5_80",
    "mobilenet_v2_035_144",
    "mcunet_320k_176",
    "blazeface_128",
    "mobilenet_v2_224",
    "efficientnet_lite0_224",
)
LABELLED = {
    "resnet8_cifar10": lambda: (cifar10_check(), cifar10_labels()),
    "mobilenet_v2_224": lambda: (imagenet_check(224), imagenet_labels()),
    "efficientnet_lite0_224": lambda: (imagenet_check(224), imagenet_labels()),
}


def top1(model: Path, network: str) -> int | None:
    """Images that are classified as they are labelled; None: there are none for the network."""
    if network not in LABELLED:
        return None
    images, labels = LABELLED[network]()
    session = onnxruntime.InferenceSession(str(model))
    name = session.get_inputs()[0].name
    found = [int(np.argmax(session.run(None, {name: image[None]})[0])) for image in images]
    return sum(a == b for a, b in zip(found, labels, strict=True))


@click.command(help=(__doc__ or "").splitlines()[0])
@click.option("--only", multiple=True, type=click.Choice(NETWORKS), help="Some networks.")
def main(only: tuple[str, ...]) -> None:
    """Rows are printed as they come."""
    failed = False
    click.echo(
        f"{'network':22} {'channels':>8} {'nudged':>6} {'largest':>8} {'proved':>13} "
        f"{'lines':>13} {'top-1':>6}"
    )
    for network in only or NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            model, aligned = Path(folder, "q.onnx"), Path(folder, "a.onnx")
            say(f"{network}: quantising")
            calibration = find(network).calibration()
            patchc.quantize(build_float(network), model, calibration=calibration)
            say(f"{network}: aligning")
            found = align_model(model)
            before = found.before_alignment()
            aligned.write_bytes(found.model.SerializeToString(deterministic=True))
            tops = top1(model, network), top1(aligned, network)
        channels = sum(layer.channels for layer in found.layers)
        proved = [
            sum(one.channels - len(one.unproved) for one in s) for s in (before, found.layers)
        ]
        with_line = [sum(one.lines for one in some) for some in (before, found.layers)]
        failed |= proved[1] < channels or tops[0] != tops[1]
        shown = "-" if tops[0] is None else f"{tops[0]} {tops[1]}"
        click.echo(
            f"{network:22} {channels:8} {sum(one.moved for one in found.layers):6} "
            f"{found.largest:8.1e} {proved[0]:6} {proved[1]:6} {with_line[0]:6} {with_line[1]:6} "
            f"{shown:>6}"
        )
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
