"""New nodes and constants of a graph, under names that nothing else has."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from patchc.independent.wiring import DEQUANTIZE, QUANTIZE, Wiring


class Editor:
    """Collects what is added beside the graph that `wiring` looks at."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._taken = {*wiring.makers, *wiring.initializers}
        self._taken |= {value.name for value in wiring.graph.input}
        self._node_names = {node.name for node in wiring.graph.node}

    def name(self, wanted: str) -> str:
        """A tensor's name: the one wanted, or that with a number."""
        return _free(wanted, self._taken)

    def node_name(self, wanted: str) -> str:
        return _free(wanted, self._node_names)

    def node(
        self, kind: str, inputs: list[str], name: str, output: str = "", **attributes: Any
    ) -> str:
        """Add a node; returns the tensor that it makes."""
        made = output or self.name(name)
        self.nodes.append(
            helper.make_node(kind, inputs, [made], self.node_name(name), **attributes)
        )
        return made

    def constant(self, values: np.ndarray, name: str) -> str:
        chosen = self.name(name)
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), chosen))
        return chosen

    def copied(self, constant: str, suffix: str) -> str:
        """A copy of a constant, and of the nodes that it is made by."""
        maker = self.wiring.makers.get(constant)
        if maker is None:
            tensor = onnx.TensorProto()
            tensor.CopyFrom(self.wiring.initializers[constant])
            tensor.name = self.name(f"{constant}{suffix}")
            self.constants.append(tensor)
            return tensor.name
        node = onnx.NodeProto()
        node.CopyFrom(maker)
        node.name = self.node_name(f"{maker.name}{suffix}")
        node.input[:] = [name and self.copied(name, suffix) for name in maker.input]
        outputs = {name: name and self.name(f"{name}{suffix}") for name in maker.output}
        node.output[:] = [outputs[name] for name in maker.output]
        self.nodes.append(node)
        return outputs[constant]


def _free(wanted: str, taken: set[str]) -> str:
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    taken.add(name)
    return name


class Reals:
    """Operators on one tensor's values patch by patch. In a QDQ file each reads and writes the
    tensor's own type, whose scale may be multiplied by a number of patches."""

    def __init__(self, editor: Editor, tensor: str) -> None:
        self._editor, self.tensor = editor, tensor
        maker = editor.wiring.makers[tensor]
        self.quantizer = maker if maker.op_type == QUANTIZE else None
        self._scales: dict[int, str] = {}

    def scale(self, factor: int) -> str:
        """The constant with the tensor's scale times `factor`."""
        assert self.quantizer is not None
        if factor == 1:
            return self.quantizer.input[1]
        if factor not in self._scales:
            values = self._editor.wiring.value(self.quantizer.input[1])
            assert values is not None, f"{self.tensor}: its scale is no initializer"
            name = f"{self.tensor}_scale_x{factor}"
            self._scales[factor] = self._editor.constant(values * values.dtype.type(factor), name)
        return self._scales[factor]

    def apply(
        self,
        kind: str,
        parts: list[tuple[str, int]],
        factor: int = 1,
        output: str = "",
        constants: tuple[str, ...] = (),
        **attributes: Any,
    ) -> str:
        """An operator on tensors whose scale is multiplied by the number beside them."""
        name = f"{self.tensor}_{kind.lower()}"
        read = [self._read(tensor, number) for tensor, number in parts]
        if self.quantizer is None:
            return self._editor.node(kind, [*read, *constants], name, output, **attributes)
        made = self._editor.node(kind, [*read, *constants], name, **attributes)
        inputs = [made, self.scale(factor), *self.quantizer.input[2:]]
        kept = {item.name: item for item in self.quantizer.attribute}
        quantized = self._editor.node(QUANTIZE, inputs, f"{name}_quantized", output)
        self._editor.nodes[-1].attribute.extend(kept.values())
        return quantized

    def _read(self, tensor: str, factor: int) -> str:
        if self.quantizer is None:
            return tensor
        inputs = [tensor, self.scale(factor), *self.quantizer.input[2:]]
        return self._editor.node(DEQUANTIZE, inputs, f"{tensor}_real")
