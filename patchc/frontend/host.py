"""The parts of the ONNX file before and after the Graph, as models of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from patchc.frontend.builder import GraphBuilder
from patchc.frontend.model import Border, HostOps
from patchc.frontend.refusal import RefusalError, described
from patchc.frontend.values import NO_PADS, Constant, Host, Pending, Quantized, Value

# What only changes how a tensor is stored or seen: not worth a line in the report.
BOOKKEEPING = frozenset(
    {
        "Constant",
        "DequantizeLinear",
        "Dropout",
        "Flatten",
        "Identity",
        "QuantizeLinear",
        "Reshape",
        "Shape",
        "Squeeze",
        "Transpose",
        "Unsqueeze",
    }
)


def prologue(
    model: onnx.ModelProto, values: Mapping[str, Value], borders: Iterable[Border]
) -> HostOps | None:
    """From the file's inputs to `borders`; None where these are inputs of the file."""
    names = [border.onnx_name for border in borders]
    file_inputs = {value.name: value for value in model.graph.input}
    if all(name in file_inputs for name in names):
        return None
    part = _Slice(model, values, lambda name: name in file_inputs)
    part.reach(names)
    outputs = [_value_info(border) for border in borders]
    return part.host_ops(list(model.graph.input), outputs)


def epilogue(
    model: onnx.ModelProto, values: Mapping[str, Value], builder: GraphBuilder
) -> tuple[HostOps | None, tuple[Border, ...]]:
    """From the Graph's outputs to the file's, and these borders in their order.

    None where the file's outputs are themselves tensors of the Graph. Raises RefusalError where an
    output of the file needs something that is not there behind the Graph.
    """
    names = [value.name for value in model.graph.output]
    found = [values[name] for name in names]
    direct = [value for value in found if isinstance(value, Quantized) and value.pads == NO_PADS]
    tensors = {value.tensor for value in direct}
    if len(direct) == len(found) == len(tensors):
        borders = [builder.border(v, name) for v, name in zip(direct, names, strict=True)]
        return None, tuple(borders)

    origins: dict[str, Border] = {}

    def stop(name: str) -> bool:
        value = values.get(name)
        if isinstance(value, Host):
            raise RefusalError(f"it needs {value.name!r} from before the quantised part")
        if isinstance(value, Pending) and value.result == name and not value.clips:
            summed = builder.sums(value)
            if summed is None:
                raise RefusalError(f"it is the float result of {value.node}: add a QuantizeLinear")
            origins.setdefault(name, summed)
            return True
        if not isinstance(value, Quantized) or value.tensor not in builder.borders:
            return False
        origin, here = builder.borders[value.tensor], builder.border(value, name)
        if replace(here, onnx_name=origin.onnx_name) != origin or value.pads != NO_PADS:
            return False  # seen in another way: its producers are needed
        origins.setdefault(origin.onnx_name, origin)
        if name != origin.onnx_name:  # quantised a second time
            copies[name] = origin.onnx_name
        return True

    copies: dict[str, str] = {}
    part = _Slice(model, values, stop)
    for name in names:
        part.reach([name])
    inputs = [_value_info(border) for border in origins.values()]
    outputs = list(model.graph.output)
    begins = [helper.make_node("Identity", [old], [new]) for new, old in copies.items()]
    begins += [node for border in origins.values() if border.sums for node in _real(border)]
    return part.host_ops(inputs, outputs, begins), tuple(origins.values())


def _real(border: Border) -> list[onnx.NodeProto]:
    """Sums as what they are worth. onnxruntime's integer kernels with float results compute it so,
    too: the sum rounded to float32, times its scale."""
    scales = np.array(border.sums, np.float32)
    along = [-1 if "c" in axes else 1 for axes in border.axes]
    value = numpy_helper.from_array(scales.reshape(along if scales.size > 1 else ()))
    rounded, scale = f"{border.tensor}_rounded", f"{border.tensor}_scale"
    return [
        helper.make_node("Cast", [border.tensor], [rounded], to=TensorProto.FLOAT),
        helper.make_node("Constant", [], [scale], value=value),
        helper.make_node("Mul", [rounded, scale], [border.onnx_name]),
    ]


class _Slice:
    """The nodes of a model between some names and others."""

    def __init__(
        self, model: onnx.ModelProto, values: Mapping[str, Value], stop: Callable[[str], bool]
    ) -> None:
        self._model = model
        self._values = values
        self._stop = stop
        self._needed: set[str] = set()
        self._producers = {name: node for node in model.graph.node for name in node.output if name}

    def reach(self, names: Iterable[str]) -> None:
        """Include whatever leads to `names`."""
        pending = list(names)
        while pending:
            name = pending.pop()
            if name in self._needed or self._stop(name):
                continue
            self._needed.add(name)
            if not isinstance(self._values.get(name), Constant):
                pending.extend(item for item in self._producers[name].input if item)

    def host_ops(
        self,
        inputs: list[onnx.ValueInfoProto],
        outputs: list[onnx.ValueInfoProto],
        begins: Sequence[onnx.NodeProto] = (),
    ) -> HostOps:
        """The model made of what was reached, behind nodes that the file does not have."""
        constants = []
        nodes = list(begins)
        for name in sorted(self._needed):
            value = self._values.get(name)
            if isinstance(value, Constant):
                constants.append(numpy_helper.from_array(value.array, name))
        folded = {constant.name for constant in constants}
        for node in self._model.graph.node:
            if self._needed.difference(folded).intersection(node.output):
                nodes.append(node)
        graph = helper.make_graph(nodes, self._model.graph.name, inputs, outputs, constants)
        model = helper.make_model(
            graph, opset_imports=self._model.opset_import, ir_version=self._model.ir_version
        )
        named = [
            described(node) for node in nodes[len(begins) :] if node.op_type not in BOOKKEEPING
        ]
        return HostOps(tuple(named), model)


def _value_info(border: Border) -> onnx.ValueInfoProto:
    values = border.from_map(np.zeros(border.shape, np.int8))
    type_ = helper.np_dtype_to_tensor_dtype(values.dtype)
    return helper.make_tensor_value_info(border.host_name, type_, values.shape)
