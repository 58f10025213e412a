"""Small ONNX models for the front end's tests, and the comparison that most of them end in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from patchc.frontend import (
    Border,
    ImportedModel,
    Unsupported,
    find_unsupported,
    import_model,
)
from patchc.frontend.export import to_qoperator
from patchc.passes import run_passes
from patchc.reference import run_graph
from patchc.verify.sessions import DEFAULT, UNOPTIMIZED, session

MICROSOFT = "com.microsoft"
TYPES = {np.dtype(np.int8): TensorProto.INT8, np.dtype(np.uint8): TensorProto.UINT8}
Quant = tuple[float, int]  # scale and zero point, in the type of the file


@dataclass
class Net:
    """An ONNX graph written node by node; every call returns the name of the tensor it makes."""

    type_: type[np.generic] = np.int8  # of activations
    opset: int = 17
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)
    inputs: list[onnx.ValueInfoProto] = field(default_factory=list)

    @property
    def lowest(self) -> int:
        return int(np.iinfo(self.type_).min)

    def input(self, name: str, *shape: int | str, dtype: type[np.generic] = np.float32) -> str:
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def constant(self, values: Any, dtype: Any = np.float32, name: str = "") -> str:
        name = name or f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def op(
        self, kind: str, *inputs: str, name: str = "", domain: str = "", **attributes: Any
    ) -> str:
        """A node called `name`; its output is called the same with "_out"."""
        name = name or f"{kind.lower()}_{len(self.nodes)}"
        output = f"{name}_out"
        self.nodes.append(
            helper.make_node(kind, inputs, [output], name, domain=domain, **attributes)
        )
        return output

    def parameters(self, quant: Quant, type_: type[np.generic] | None = None) -> list[str]:
        return [self.constant(quant[0]), self.constant(quant[1], type_ or self.type_)]

    def quantize(self, x: str, quant: Quant, name: str = "", type_: Any = None) -> str:
        return self.op("QuantizeLinear", x, *self.parameters(quant, type_), name=name)

    def dequantize(self, x: str, quant: Quant, type_: Any = None) -> str:
        return self.op("DequantizeLinear", x, *self.parameters(quant, type_))

    def qdq(self, x: str, quant: Quant, name: str = "", type_: Any = None) -> str:
        """Quantised and dequantised again."""
        return self.dequantize(self.quantize(x, quant, name, type_), quant, type_)

    def weights(self, *shape: int, axis: int = 0, seed: int = 1, scale: float = 0.01) -> str:
        """DequantizeLinear of random int8, one scale per channel."""
        random = np.random.default_rng(seed)
        values = self.constant(random.integers(-127, 128, shape), np.int8)
        scales = (random.random(shape[axis]) * scale + scale / 4).astype(np.float32)
        zero_points = self.constant(np.zeros(shape[axis]), np.int8)
        return self.op("DequantizeLinear", values, self.constant(scales), zero_points, axis=axis)

    def model(self, *outputs: str, kinds: Mapping[str, int] | None = None) -> onnx.ModelProto:
        """With these outputs, float unless `kinds` says otherwise; their shapes are inferred."""
        kinds = kinds or {}
        values = [
            helper.make_tensor_value_info(name, kinds.get(name, TensorProto.FLOAT), None)
            for name in outputs
        ]
        graph = helper.make_graph(self.nodes, "net", self.inputs, values, self.constants)
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def run(
    model: onnx.ModelProto, feeds: Mapping[str, np.ndarray], **options: Any
) -> dict[str, np.ndarray]:
    """All outputs, by name, with integer kernels for int8 QDQ too."""
    running = session(model, signed_integers=True, **options)
    names = [output.name for output in running.get_outputs()]
    return dict(zip(names, running.run(names, dict(feeds)), strict=True))


def random_feeds(model: onnx.ModelProto, seed: int = 0) -> dict[str, np.ndarray]:
    """Random inputs, dynamic sizes as 1."""
    random = np.random.default_rng(seed)
    feeds = {}
    for value in model.graph.input:
        shape = [dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim]
        dtype = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        if dtype == np.float32:
            feeds[value.name] = random.normal(0, 1, shape).astype(np.float32)
        else:
            info = np.iinfo(dtype)
            feeds[value.name] = random.integers(info.min, info.max + 1, shape).astype(dtype)
    return feeds


def graph_inputs(imported: ImportedModel, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the file's operators in front of the Graph make of its inputs, as maps."""
    borders = run(imported.prologue.model, feeds) if imported.prologue else feeds
    return {border.tensor: border.to_map(borders[border.onnx_name]) for border in imported.inputs}


def file_outputs(imported: ImportedModel, maps: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The file's outputs that follow from the Graph's."""
    borders = {
        border.host_name: border.from_map(maps[border.tensor]) for border in imported.outputs
    }
    return run(imported.epilogue.model, borders) if imported.epilogue else borders


def refusals(model: onnx.ModelProto) -> list[Unsupported]:
    """What is not supported, also where it could be left to the host."""
    return find_unsupported(model, whole=True)


def check(model: onnx.ModelProto, *, cases: int = 2, exact: bool = True) -> ImportedModel:
    """Import `model`; hold the Graph, in numpy and as exported, against onnxruntime on the file.

    exact: onnxruntime runs the file in integers, so its outputs are equal to the byte. The Graph
    and its exported form are always equal, tensor by tensor, at both ends of optimisation.
    """
    imported = import_model(model)
    exported = to_qoperator(imported.graph)
    for seed in range(cases):
        feeds = random_feeds(imported.onnx_model, seed)
        inputs = graph_inputs(imported, feeds)
        maps = run_graph(imported.graph, inputs)
        feed = {name: channels_first(values) for name, values in inputs.items()}
        for level in (UNOPTIMIZED, DEFAULT):
            exposed = [node.output for node in imported.graph.nodes]
            found = run(exported, feed, level=level, exposed=exposed)
            for name in exposed:
                np.testing.assert_array_equal(found[name], channels_first(maps[name]), name)
        if exact:
            expected = run(model, feeds)
            for name, values in file_outputs(imported, maps).items():
                np.testing.assert_array_equal(values, expected[name], name)
            after = run_graph(run_passes(imported.graph), inputs)
            for name in imported.graph.outputs:
                np.testing.assert_array_equal(after[name], maps[name], name)
    return imported


def check_nodes(model: onnx.ModelProto) -> ImportedModel:
    """Every tensor of the Graph that the file has, at most one step off the unoptimised file's."""
    imported = import_model(model)
    feeds = random_feeds(imported.onnx_model)
    maps = run_graph(imported.graph, graph_inputs(imported, feeds))
    borders = [border for border in imported.borders if border.tensor not in imported.graph.inputs]
    names = [border.onnx_name for border in borders]
    found = run(imported.onnx_model, feeds, level=UNOPTIMIZED, exposed=names)
    for border in borders:
        theirs = border.to_map(found[border.onnx_name]).astype(int)
        assert np.abs(theirs - maps[border.tensor]).max() <= 1, border
    return imported


def channels_first(map_: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(map_.transpose(2, 0, 1)[None])


def border_of(imported: ImportedModel, tensor: str) -> Border:
    return next(border for border in imported.borders if border.tensor == tensor)


def kinds(imported: ImportedModel) -> list[str]:
    """The Graph's operators in order."""
    return [node.op.kind for node in imported.graph.nodes]
