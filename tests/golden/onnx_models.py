"""One integer operator as an ONNX model written node by node, and the same as a Graph by hand.

The two are written apart from the importer and the exporter, so that a mistake which those two
share cannot hide. ONNX tensors are NCHW; `unsigned` models hold uint8, shifted by 128.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from patchc.ir import Graph, Node, Op, Quantization, Tensor, output_shape, verify
from patchc.verify.sessions import DEFAULT, session

MICROSOFT = "com.microsoft"


@dataclass(frozen=True)
class OperatorCase:
    """An operator in both forms."""

    model: onnx.ModelProto
    graph: Graph
    unsigned: bool

    def random_inputs(self, seed: int = 0) -> dict[str, np.ndarray]:
        random = np.random.default_rng(seed)
        return {
            name: random.integers(-128, 128, self.graph.tensors[name].shape).astype(np.int8)
            for name in self.graph.inputs
        }

    def case(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """int8 (h, w, c) maps as the model's inputs."""
        return {name: self._to_onnx(values) for name, values in inputs.items()}

    def onnxruntime(
        self,
        inputs: Mapping[str, np.ndarray],
        level: onnxruntime.GraphOptimizationLevel = DEFAULT,
    ) -> np.ndarray:
        """What onnxruntime makes of int8 (h, w, c) maps, as such a map."""
        (found,) = session(self.model, level=level).run(None, self.case(inputs))
        found = found.reshape(*found.shape, *(1 for _ in range(4 - found.ndim)))
        if self.unsigned:
            found = (found ^ np.uint8(0x80)).view(np.int8)
        return found[0].transpose(1, 2, 0)

    def _to_onnx(self, values: np.ndarray) -> np.ndarray:
        onnx_values = np.ascontiguousarray(values.transpose(2, 0, 1)[None])
        return onnx_values.view(np.uint8) ^ np.uint8(0x80) if self.unsigned else onnx_values


class OperatorModel:
    """Collects the constants of one operator and builds the case."""

    def __init__(self, *, unsigned: bool = False) -> None:
        self.unsigned = unsigned
        self.initializers: list[onnx.TensorProto] = []

    @property
    def activation(self) -> type[np.generic]:
        return np.uint8 if self.unsigned else np.int8

    def constant(self, name: str, values: object, dtype: type[np.generic]) -> str:
        self.initializers.append(numpy_helper.from_array(np.array(values, dtype), name))
        return name

    def quantization(self, name: str, quant: Quantization) -> list[str]:
        """The names of a scale and a zero point."""
        zero_point = quant.zero_point + (128 if self.unsigned else 0)
        return [
            self.constant(f"{name}_scale", quant.scale, np.float32),
            self.constant(f"{name}_zero_point", zero_point, self.activation),
        ]

    def build(
        self,
        nodes: list[onnx.NodeProto],
        op: Op,
        inputs: Mapping[str, tuple[tuple[int, int, int], Quantization]],
        output: Quantization,
        operands: tuple[str, ...] | None = None,
    ) -> OperatorCase:
        """`nodes` read tensors called as in `inputs` and write "y". `operands` is the order in
        which the Graph's node takes them, that of `inputs` unless given."""
        kind = TensorProto.UINT8 if self.unsigned else TensorProto.INT8
        graph = helper.make_graph(
            nodes,
            "operator",
            [
                helper.make_tensor_value_info(name, kind, [1, c, h, w])
                for name, ((h, w, c), _) in inputs.items()
            ],
            [helper.make_tensor_value_info("y", kind, None)],
            self.initializers,
        )
        opsets = [helper.make_opsetid("", 19), helper.make_opsetid(MICROSOFT, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        tensors = {name: Tensor(name, shape, quant) for name, (shape, quant) in inputs.items()}
        shape = output_shape(op, *(shape for shape, _ in inputs.values()))
        tensors["y"] = Tensor("y", shape, output)
        node = Node("operator", op, operands or tuple(inputs), "y")
        by_hand = verify(Graph("operator", tuple(inputs), ("y",), tensors, (node,)))
        return OperatorCase(model, by_hand, self.unsigned)


def quantization(scale: float, zero_point: int) -> Quantization:
    """With the scale rounded to float32."""
    return Quantization(float(np.float32(scale)), zero_point)
