"""Networks quantised in PyTorch: torch.ao's FX mode, PT2E and Brevitas, as they are exported.

The form of a row is TOOL-BACKEND: fx-qnnpack, fx-fbgemm, fx-x86, pt2e-x86, pt2e-xnnpack, or
brevitas-tensor and brevitas-channel (weights).
"""

from __future__ import annotations

import io
import logging
import warnings
from typing import Any

import onnx
import torch
from torch import nn

from tests.zoo.rows import Row

SEED, SAMPLES = 2026, 8


class Mobile(nn.Module):
    """Depthwise separable convolutions and a residual."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU()
        )
        self.expand = nn.Sequential(nn.Conv2d(8, 24, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU())
        self.depthwise = nn.Sequential(
            nn.Conv2d(24, 24, 3, 1, 1, groups=24, bias=False), nn.BatchNorm2d(24), nn.ReLU()
        )
        self.project = nn.Sequential(nn.Conv2d(24, 8, 1, bias=False), nn.BatchNorm2d(8))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dense = nn.Linear(8, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.stem(image)
        x = x + self.project(self.depthwise(self.expand(x)))
        return self.dense(torch.flatten(self.pool(x), 1))


class Residual(nn.Module):
    """A maximum pool, two blocks with a shortcut."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2))
        self.first = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 1, 1))
        self.second = nn.Sequential(
            nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 16, 3, 1, 1)
        )
        self.skip = nn.Conv2d(8, 16, 1, 2)
        self.relu = nn.ReLU()
        self.dense = nn.Linear(16, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.stem(image)
        x = self.relu(x + self.first(x))
        x = self.relu(self.skip(x) + self.second(x))
        return self.dense(x.mean((2, 3)))


class UNet(nn.Module):
    """A Concat behind an upsampling."""

    def __init__(self) -> None:
        super().__init__()
        self.top = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1), nn.ReLU())
        self.low = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, 1, 1), nn.ReLU())
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.join = nn.Sequential(nn.Conv2d(24, 8, 3, 1, 1), nn.ReLU(), nn.Conv2d(8, 2, 1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        top = self.top(image)
        return self.join(torch.cat((self.up(self.low(top)), top), 1))


NETWORKS = {"mobile": Mobile, "residual": Residual, "unet": UNet}


def make(row: Row) -> onnx.ModelProto:
    """The file of a row."""
    torch.manual_seed(SEED)
    module = NETWORKS[row.network]().eval()
    images = [torch.randn(*row.shape) for _ in range(SAMPLES)]
    tool, backend = row.form.split("-")
    logging.disable(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {"fx": _fx, "pt2e": _pt2e, "brevitas": _brevitas}[tool](module, images, backend)


def _script(module: nn.Module, image: torch.Tensor) -> onnx.ModelProto:
    content = io.BytesIO()
    torch.onnx.export(module, (image,), content, dynamo=False, opset_version=17)
    return onnx.load_from_string(content.getvalue())


def _fx(module: nn.Module, images: list[torch.Tensor], backend: str) -> onnx.ModelProto:
    from torch.ao.quantization import get_default_qconfig_mapping
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

    torch.backends.quantized.engine = backend
    prepared = prepare_fx(module, get_default_qconfig_mapping(backend), (images[0],))
    for image in images:
        prepared(image)
    return _script(convert_fx(prepared), images[0])


def _pt2e(module: nn.Module, images: list[torch.Tensor], backend: str) -> onnx.ModelProto:
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    program = torch.export.export(module, (images[0],)).module()
    prepared: Any = prepare_pt2e(program, _quantizer(backend))
    for image in images:
        prepared(image)
    exported = torch.onnx.export(
        convert_pt2e(prepared), (images[0],), dynamo=True, optimize=True, verbose=False
    )
    return exported.model_proto


def _quantizer(backend: str) -> Any:
    if backend == "x86":
        from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer as x86

        found = x86.X86InductorQuantizer()
        return found.set_global(x86.get_default_x86_inductor_quantization_config())
    from executorch.backends.xnnpack.quantizer import xnnpack_quantizer as xnnpack

    return xnnpack.XNNPACKQuantizer().set_global(xnnpack.get_symmetric_quantization_config())


def _brevitas(module: nn.Module, images: list[torch.Tensor], weights: str) -> onnx.ModelProto:
    from brevitas.export import export_onnx_qcdq
    from brevitas.graph.calibrate import calibration_mode
    from brevitas.graph.quantize import preprocess_for_quantize, quantize
    from brevitas.nn import QuantConv2d, QuantIdentity, QuantLinear, QuantReLU
    from brevitas.quant import (
        Int8ActPerTensorFloat,
        Int8WeightPerChannelFloat,
        Int8WeightPerTensorFloat,
        Int32Bias,
        Uint8ActPerTensorFloat,
    )

    weight = Int8WeightPerChannelFloat if weights == "channel" else Int8WeightPerTensorFloat
    layer = {
        "input_quant": Int8ActPerTensorFloat,
        "weight_quant": weight,
        "output_quant": None,
        "bias_quant": Int32Bias,
        "return_quant_tensor": True,
    }
    signed = {"act_quant": Int8ActPerTensorFloat, "return_quant_tensor": True}
    unsigned = {"act_quant": Uint8ActPerTensorFloat, "return_quant_tensor": True}
    ready = preprocess_for_quantize(module)
    found = quantize(
        ready,
        quant_identity_map={
            "signed": (QuantIdentity, signed),
            "unsigned": (QuantIdentity, unsigned),
        },
        compute_layer_map={
            nn.Conv2d: (QuantConv2d, layer),
            nn.Linear: (QuantLinear, layer | {"return_quant_tensor": False}),
        },
        quant_act_map={nn.ReLU: (QuantReLU, unsigned)},
        unsigned_act_tuple=(nn.ReLU,),
    )
    with torch.no_grad(), calibration_mode(found):
        for image in images:
            found(image)
    found.eval()
    content = io.BytesIO()
    export_onnx_qcdq(found, args=images[0], export_path=content, opset_version=17, dynamo=False)
    return onnx.load_from_string(content.getvalue())
