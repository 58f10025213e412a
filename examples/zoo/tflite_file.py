"""TFLite files: their operators in order, with the constants as arrays.

What MediaPipe's networks need, and no more: one subgraph, float activations, constants stored in
half precision behind a DEQUANTIZE, no functions inside other operators.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tflite

_NAMES = {code: name for name, code in vars(tflite.BuiltinOperator).items() if type(code) is int}
_DTYPES = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
}
_OPTIONS = {
    "ADD": tflite.AddOptions,
    "AVERAGE_POOL_2D": tflite.Pool2DOptions,
    "CONV_2D": tflite.Conv2DOptions,
    "DEPTHWISE_CONV_2D": tflite.DepthwiseConv2DOptions,
    "MUL": tflite.MulOptions,
    "RESIZE_BILINEAR": tflite.ResizeBilinearOptions,
}


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: "CONV_2D", ... or the code of a custom one."""

    name: str
    inputs: tuple[int, ...]  # tensors
    output: int
    options: object  # of the class in _OPTIONS; None for other operators


@dataclass(frozen=True)
class TfliteFile:
    """The operators of a file but DEQUANTIZE, which is done; tensors by number, NHWC."""

    operators: tuple[Operator, ...]
    shapes: Mapping[int, tuple[int, ...]]
    constants: Mapping[int, np.ndarray]
    input: int
    output: int


def read(path: Path) -> TfliteFile:
    """Raises KeyError or ValueError for what MediaPipe's networks do not contain."""
    model = tflite.Model.GetRootAs(path.read_bytes(), 0)
    graph = model.Subgraphs(0)
    shapes, constants = {}, {}
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        shapes[index] = tuple(tensor.Shape(axis) for axis in range(tensor.ShapeLength()))
        data = model.Buffers(tensor.Buffer())
        if data.DataLength():
            values = data.DataAsNumpy().view(_DTYPES[tensor.Type()])
            constants[index] = values.reshape(shapes[index])
    operators = []
    for index in range(graph.OperatorsLength()):
        found = _operator(model, graph.Operators(index))
        if found.name == "DEQUANTIZE":
            constants[found.output] = constants[found.inputs[0]].astype(np.float32)
        else:
            operators.append(found)
    return TfliteFile(tuple(operators), shapes, constants, graph.Inputs(0), graph.Outputs(0))


def _operator(model: tflite.Model, found: tflite.Operator) -> Operator:
    code = model.OperatorCodes(found.OpcodeIndex())
    name = _NAMES[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
    options = None
    if name in _OPTIONS:
        table = found.BuiltinOptions()
        options = _OPTIONS[name]()
        options.Init(table.Bytes, table.Pos)
        fused = getattr(options, "FusedActivationFunction", None)
        if fused is not None and fused() != tflite.ActivationFunctionType.NONE:
            raise ValueError(f"{name}: a function inside the operator")
    if name == "CUSTOM":
        name = code.CustomCode().decode()
    inputs = tuple(int(tensor) for tensor in found.InputsAsNumpy())
    return Operator(name, inputs, int(found.Outputs(0)), options)
