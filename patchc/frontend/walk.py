"""The walk over the ONNX nodes: every name gets a value, operators become nodes of the Graph."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import onnx
from onnx import numpy_helper

from patchc.errors import PatchcError
from patchc.frontend.builder import (
    AssumptionError,
    Assumptions,
    GraphBuilder,
    Result,
    gives_sums,
)
from patchc.frontend.call import Call
from patchc.frontend.fold import fold, has_subgraph
from patchc.frontend.later import only_chooses, quantized_later
from patchc.frontend.live import live_nodes
from patchc.frontend.load import LoadedModel
from patchc.frontend.ops import entries, handlers
from patchc.frontend.refusal import RefusalError, Unsupported, node_name
from patchc.frontend.registry import Handler
from patchc.frontend.tail import depending
from patchc.frontend.values import (
    After,
    Constant,
    Dequantized,
    Host,
    Pending,
    Quantized,
    Refused,
    Value,
)

# Operators that only rearrange. After the Graph's last integer operator they may stay in the file.
LAYOUT_OPS = frozenset(
    {"Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout"}
)

# Those that take a float result in before it is quantised; others read the integers it is, if any.
READ_RESULTS = LAYOUT_OPS | {"Cast", "Clip", "QuantizeLinear", "Relu", "Shape"}

# Those that choose among the values that they read. Between a tensor and a last layer whose result
# stays float, they are computed on integers.
CHOOSING_OPS = LAYOUT_OPS | {
    *("Cast", "Clip", "Concat", "DepthToSpace", "Gather", "GlobalMaxPool", "Max", "MaxPool", "Min"),
    *("Pad", "ReduceMax", "ReduceMin", "Relu", "Resize", "Slice", "SpaceToDepth", "Split"),
}

# Operators that nobody wants to run as float on the host around the emitted C.
HEAVY_OPS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul", "RNN", "GRU", "LSTM"})

# Integer operators that choose their scales while they run.
DYNAMIC_OPS = frozenset({"DynamicQuantizeLinear", "ConvInteger", "MatMulInteger"})


@dataclass(frozen=True, slots=True)
class Walked:
    """What the walk found."""

    values: dict[str, Value]  # by name in the ONNX file
    builder: GraphBuilder
    unsupported: tuple[Unsupported, ...]


def is_integer_op(node: onnx.NodeProto) -> bool:
    """Whether a node makes quantised tensors, so that what leads to it is no host operator."""
    name = node.op_type
    return name in ("QuantizeLinear", "QGemm") or name.startswith("QLinear") or name in DYNAMIC_OPS


def walk(loaded: LoadedModel, cut: Collection[str] = ()) -> Walked:
    """Evaluate every node that an output of the file depends on, in the file's order.

    cut: names of nodes that are left to the host, with all that depends on them.
    """
    assumptions = Assumptions()
    while True:
        try:
            return _Walk(loaded, assumptions, cut).run()
        except AssumptionError:  # each time an input is settled or gains an axis, so this ends
            continue


class _Walk:
    def __init__(self, loaded: LoadedModel, assumptions: Assumptions, cut: Collection[str]) -> None:
        graph = loaded.model.graph
        self._loaded = loaded
        self._builder = GraphBuilder(assumptions, loaded.shapes, loaded.model.opset_import)
        self._nodes = live_nodes(graph)
        self._tail = {id(node) for node in depending(self._nodes, cut)}
        self._feeds_integer = feeding(self._nodes)
        self._later = quantized_later(graph, self._nodes, CHOOSING_OPS)
        self._read = {name for node in self._nodes for name in node.input if name}
        self._read.update(value.name for value in graph.output)
        self._unsupported: list[Unsupported] = []
        self._values: dict[str, Value] = {value.name: Host(value.name) for value in graph.input}
        for tensor in graph.initializer:
            if tensor.name in self._read:
                self._values[tensor.name] = Constant(numpy_helper.to_array(tensor))

    def run(self) -> Walked:
        for node in self._nodes:
            try:
                values = self._evaluate(node)
            except RefusalError as refusal:
                self._unsupported.append(Unsupported(node_name(node), node.op_type, str(refusal)))
                values = [Refused()] * len(node.output)
            except (AssumptionError, PatchcError, AssertionError):
                raise
            except Exception as error:  # an input or attribute of another kind than its operator's
                reason = f"it is not well formed ({type(error).__name__}: {error})"
                self._unsupported.append(Unsupported(node_name(node), node.op_type, reason))
                values = [Refused()] * len(node.output)
            self._values.update(
                {name: value for name, value in zip(node.output, values, strict=False) if name}
            )
        return Walked(self._values, self._builder, tuple(self._unsupported))

    def _evaluate(self, node: onnx.NodeProto) -> list[Value]:
        """The values of the node's outputs. Raises RefusalError."""
        if id(node) in self._tail:
            return [After()] * len(node.output)
        if has_subgraph(node):
            raise RefusalError("control flow is not supported")
        early: Mapping[str, Value] = {}
        if node.op_type not in READ_RESULTS:
            self._settle(node.input)
            early = self._early(node)
        values = {**self._values, **early} if early else self._values
        inputs = [values[name] if name else None for name in node.input]
        given = [value for value in inputs if value is not None]
        if any(isinstance(value, Refused) for value in given):
            return self._after_refusal(node)
        if any(isinstance(value, After) for value in given):
            return self._trailing(node, inputs)
        if node.op_type == "DequantizeLinear":  # of constants too: these are weights
            return self._handle(node, inputs)
        if node.op_type == "Shape" and not isinstance(given[0], Constant):
            return self._handle(node, inputs)
        if all(isinstance(value, Constant) for value in given):
            return self._fold(node, inputs)
        varying = [value for value in given if not isinstance(value, Constant)]
        if not is_integer_op(node):
            if all(isinstance(value, Host) for value in varying):
                return self._leading(node)
            if id(node) not in self._feeds_integer:
                return self._trailing(node, inputs)
        return self._handle(node, inputs)

    def _settle(self, names: Iterable[str]) -> None:
        """Float results that no QuantizeLinear follows, as the integers that they are."""
        for name in names:
            value = self._values.get(name)
            if isinstance(value, Pending):
                found = self._builder.integers(value)
                if found is not None:
                    self._values[name] = Dequantized(found)

    def _early(self, node: onnx.NodeProto) -> dict[str, Value]:
        """The float results that `node` only chooses among, as what the QuantizeLinear behind it
        makes of them: for this reader, as others may have scales of their own."""
        if node.op_type not in CHOOSING_OPS or not only_chooses(node):
            return {}
        ways = {self._later.get(name) for name in node.output if name in self._read}
        later = ways.pop() if len(ways) == 1 else None
        found: dict[str, Value] = {}
        for name in node.input:
            value = self._values.get(name)
            if later is not None and isinstance(value, Pending):
                result = Result(f"{value.result}_early", value.layout, *later, in_file=False)
                found[name] = Dequantized(self._builder.finish(value, result))
        return found

    def _handle(self, node: onnx.NodeProto, inputs: list[Value | None]) -> list[Value]:
        """The values of its outputs, or of the first one only."""
        handler = self._handler(node)
        used = frozenset(i for i, name in enumerate(node.output) if name in self._read)
        found = handler(Call(node, tuple(inputs), self._builder, self._loaded.opset, used))
        values = list(found) if isinstance(found, Sequence) else [found]
        for value in values:
            if isinstance(value, Pending) and value.result == node.output[0]:
                declared = entries()[handler].makes
                assert isinstance(value.op, declared), f"{node.op_type}: {value.op.kind}"
        return values

    def _handler(self, node: onnx.NodeProto) -> Handler:
        if node.op_type in DYNAMIC_OPS:
            raise RefusalError("dynamic quantisation: quantise statically, e.g. patchc quantize")
        found = handlers().get((node.domain if node.domain != "ai.onnx" else "", node.op_type))
        if found is None:
            raise RefusalError("patchc has no integer kernel for this operator")
        return found

    def _fold(self, node: onnx.NodeProto, inputs: list[Value | None]) -> list[Value]:
        arrays = [value.array if isinstance(value, Constant) else None for value in inputs]
        results = iter(fold(node, arrays, self._loaded.model.opset_import))
        return [Constant(next(results)) if name else Refused() for name in node.output]

    def _leading(self, node: onnx.NodeProto) -> list[Value]:
        if node.op_type in HEAVY_OPS:
            raise RefusalError("its input is not quantised, e.g. patchc quantize does it")
        return [Host(name) for name in node.output]

    def _trailing(self, node: onnx.NodeProto, inputs: list[Value | None]) -> list[Value]:
        """A node that no integer operator depends on: integer still, or left to the host."""
        if any(isinstance(value, Quantized) for value in inputs):
            try:
                return self._handle(node, inputs)
            except RefusalError:
                if node.op_type not in LAYOUT_OPS and self._has_handler(node):
                    raise
        elif node.op_type in HEAVY_OPS:
            return self._last_layer(node, inputs)
        for value in inputs:
            if isinstance(value, Pending) and not gives_sums(replace(value, clips=())):
                raise RefusalError(
                    f"it reads the float result of {value.node}, which is also quantised"
                )
        return [After()] * len(node.output)

    def _last_layer(self, node: onnx.NodeProto, inputs: list[Value | None]) -> list[Value]:
        """One whose float result is an output, or is left to the host: its sums are taken."""
        if not isinstance(inputs[0], Dequantized):
            raise RefusalError("neither its input nor its output is quantised")
        values = self._handle(node, inputs)
        for value in values:
            if not isinstance(value, Pending) or not gives_sums(value):
                raise RefusalError("its output is not quantised: no QuantizeLinear follows it")
        return values

    def _after_refusal(self, node: onnx.NodeProto) -> list[Value]:
        """Go on behind a refused node as well as can be, to find what else is not supported."""
        if node.op_type == "QuantizeLinear" and node.output[0] in self._loaded.shapes:
            inputs: list[Value | None] = [Host(node.input[0])]
            inputs += [self._values[name] if name else None for name in node.input[1:]]
            return self._handle(node, inputs)
        if id(node) in self._feeds_integer or is_integer_op(node):
            self._handler(node)
        return [Refused()] * len(node.output)

    def _has_handler(self, node: onnx.NodeProto) -> bool:
        try:
            self._handler(node)
        except RefusalError:
            return False
        return True


def feeding(nodes: Iterable[onnx.NodeProto]) -> set[int]:
    """ids of the nodes that an integer operator depends on, or that choose what a layer reads."""
    needed: set[str] = set()  # by an integer operator
    chosen: set[str] = set()  # by a layer, or by what chooses for it
    found = set()
    for node in reversed(list(nodes)):
        names = [name for name in node.input if name]
        if needed.intersection(node.output):
            found.add(id(node))
            needed.update(names)
        elif is_integer_op(node):
            needed.update(names)
        elif node.op_type in CHOOSING_OPS and chosen.intersection(node.output):
            found.add(id(node))
            chosen.update(names)
        elif node.op_type in HEAVY_OPS:
            chosen.update(names)
    return found
