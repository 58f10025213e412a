"""Networks of torchvision and timm with random weights, through torch's exporters to ONNX.

script: torch.onnx.export(dynamo=False); dynamo: dynamo=True; plain: dynamo=True, optimize=False.
"""

from __future__ import annotations

import contextlib
import io
import warnings

import onnx
import torch

from tests.zoo.rows import Row

SEED = 2026


_KEPT: list[torch.library.Library] = []


def _load_torchvision() -> None:
    """Import torchvision, whose wheels load their operators in C++ only with the build of torch
    that they were made for. No network here uses one of these, but importing needs two declared."""
    try:
        import torchvision
    except RuntimeError:  # operator torchvision::nms does not exist
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _KEPT.append(library)  # declarations live as long as the library does
        import torchvision  # noqa: F401


_load_torchvision()


class _One(torch.nn.Module):
    """Networks that return a dictionary or several tensors return their first one."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        found = self.network(image)
        while not isinstance(found, torch.Tensor):
            found = next(iter(found.values())) if isinstance(found, dict) else found[0]
        return found


def network(row: Row) -> torch.nn.Module:
    """With the weights that its authors initialise it with, from a fixed seed, and the statistics
    of batch normalisation drawn, so that it is not the identity."""
    torch.manual_seed(SEED)
    if row.source == "timm":
        import timm

        found = timm.create_model(row.network, pretrained=False)
    else:
        import torchvision

        found = torchvision.models.get_model(row.network, weights=None)
    for module in found.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm) and module.affine:
            torch.nn.init.uniform_(module.weight, 0.6, 1.4)
            torch.nn.init.normal_(module.bias, 0.0, 0.1)
            if module.running_mean is not None:
                torch.nn.init.normal_(module.running_mean, 0.0, 0.1)
                torch.nn.init.uniform_(module.running_var, 0.6, 1.4)
    return found.eval()


def make(row: Row) -> onnx.ModelProto:
    """The file of a row."""
    image = torch.randn(*row.shape, generator=torch.Generator().manual_seed(SEED))
    module = network(row)
    if isinstance(module(image), torch.Tensor) is False:
        module = _One(module).eval()
    return exported(module, image, row.form)


def exported(module: torch.nn.Module, image: torch.Tensor, form: str) -> onnx.ModelProto:
    """Through one of the exporters."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        if form == "script":
            content = io.BytesIO()
            torch.onnx.export(module, (image,), content, dynamo=False)
            return onnx.load_from_string(content.getvalue())
        program = torch.onnx.export(
            module, (image,), dynamo=True, optimize=form != "plain", verbose=False
        )
        return program.model_proto
