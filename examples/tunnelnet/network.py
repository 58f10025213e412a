"""The network of a Design in PyTorch, and how it becomes ONNX."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from examples.tunnelnet.design import Bottlenecks, Design
from patchc.choices import Merge
from patchc.errors import PatchcError

# Pixels 0..255 are trained on divided by this, which the stem's weights take in when exported. No
# offset: the zeros that convolutions pad with would not move with it.
SCALE = 64.0
OPSET = 17
# Of batch normalisations. With the usual 1e-5, channels that hardly vary are scaled up by far, and
# folded weights of very different sizes lose in integers what they have in float.
EPSILON = 1e-3


def _conv(
    inside: int, outside: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU6."""
    conv = nn.Conv2d(inside, outside, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outside, EPSILON), nn.ReLU6())


class Bottleneck(nn.Module):
    """Expand, depthwise, project; the skip where shapes allow it."""

    def __init__(self, inside: int, block: Bottlenecks, stride: int) -> None:
        super().__init__()
        wide = inside * block.expansion
        self.skip = stride == 1 and inside == block.channels
        expand = [_conv(inside, wide, 1)] if block.expansion > 1 else []
        project = nn.Sequential(
            nn.Conv2d(wide, block.channels, 1, bias=False),
            nn.BatchNorm2d(block.channels, EPSILON),
        )
        self.layers = nn.Sequential(*expand, _conv(wide, wide, 3, stride, wide), project)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made = self.layers(x)
        return x + made if self.skip else made


def path(design: Design) -> nn.Sequential:
    """What every patch goes through."""
    layers: list[nn.Module] = [_conv(design.channels, design.stem, 3, 2)]
    inside = design.stem
    for block in design.blocks:
        for index in range(block.count):
            layers.append(Bottleneck(inside, block, block.stride if index == 0 else 1))
            inside = block.channels
    return nn.Sequential(*layers, _conv(inside, design.features, 1))


class TunnelNet(nn.Module):
    """Patches that ignore each other from the image to the classifier."""

    def __init__(self, design: Design) -> None:
        super().__init__()
        design.check()
        self.design = design
        self.paths = nn.ModuleList(path(design) for _ in range(design.paths))
        side = design.size // design.stride // design.pool
        self.mean = nn.AvgPool2d(side) if design.pool > 1 else nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(design.merged, design.classes)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        patches = [
            image[:, :, p.row : p.row + p.rows, p.col : p.col + p.cols] for p in self.design.patches
        ]
        if self.training and len(self.paths) == 1:
            # One batch of all patches: their statistics are those of the path that they share.
            made = self._features(0, torch.cat(patches)).chunk(len(patches))
        else:
            last = len(self.paths) - 1
            made = [self._features(min(i, last), patch) for i, patch in enumerate(patches)]
        return self.classifier(self._merged(list(made)))

    def _features(self, index: int, patch: torch.Tensor) -> torch.Tensor:
        return torch.flatten(self.mean(self.paths[index](patch)), 1)

    def _merged(self, parts: list[torch.Tensor]) -> torch.Tensor:
        if len(parts) == 1:
            return parts[0]
        if self.design.merge is Merge.CONCAT:
            return torch.cat(parts, 1)
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total * (1 / len(parts))


def cut(plain: TunnelNet, design: Design) -> TunnelNet:
    """A trained network that is not cut -> one of `design` that begins with its weights."""
    found = TunnelNet(design)
    for branch in found.paths:
        branch.load_state_dict(plain.paths[0].state_dict())
    if plain.design.pool > 1 and design.merge is not Merge.CONCAT:
        raise PatchcError("means of rectangles become patches side by side only: --merge concat")
    weight, kept, count = (
        plain.classifier.weight.detach(),
        plain.design.pool**2,
        len(design.patches),
    )
    with torch.no_grad():
        found.classifier.bias.copy_(plain.classifier.bias)
        if design.merged == plain.design.merged == design.features:
            found.classifier.weight.copy_(weight)
        elif kept == 1:
            found.classifier.weight.copy_(weight.repeat(1, count) / count)
        else:
            # Channels of all rectangles -> rectangle by rectangle. The central patch has none yet.
            turned = weight.unflatten(1, (-1, kept)).transpose(1, 2).flatten(1)
            found.classifier.weight.zero_()
            found.classifier.weight[:, : turned.shape[1]] = turned
    return found


def export(net: TunnelNet, file: Path) -> Path:
    """As ONNX, on pixels 0..255, without batch normalisations."""
    made = copy.deepcopy(net).cpu().eval()
    for branch in made.paths:
        _fold_norms(branch)
        with torch.no_grad():
            branch[0][0].weight.div_(SCALE)
    design = net.design
    image = torch.zeros(1, design.channels, design.size, design.size)
    with warnings.catch_warnings():
        # The exporter that needs no package of its own; torch says that it is the older one.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            made,
            (image,),
            str(file),
            dynamo=False,
            opset_version=OPSET,
            input_names=["image"],
            output_names=["scores"],
        )
    return file


def _fold_norms(module: nn.Module) -> None:
    """Shared convolutions are folded once here; an exporter would leave a copy for each branch."""
    for child in module.children():
        _fold_norms(child)
    if isinstance(module, nn.Sequential):
        for index in range(len(module) - 1):
            one, other = module[index], module[index + 1]
            if isinstance(one, nn.Conv2d) and isinstance(other, nn.BatchNorm2d):
                module[index], module[index + 1] = fuse_conv_bn_eval(one, other), nn.Identity()
