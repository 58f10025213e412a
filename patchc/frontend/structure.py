"""What has to hold of a file before its operators are looked at: names, order, sizes, types.

Whatever comes in, `check` ends soon, with the file's graph in an order in which it can be computed,
or with a PatchcError that names a tensor or node and says what is wrong.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError, Message
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import uses_external_data

from patchc.errors import PatchcError
from patchc.frontend.refusal import node_name
from patchc.frontend.tflite import is_tflite, way_out

# Elements of a tensor and nodes of a graph: beyond what any microcontroller is asked to compute,
# and few enough for numpy to compute it in 2 GB. Weights may be as large as their file.
MAX_ELEMENTS = 1 << 24
MAX_NODES = 1 << 16

# Operators whose results may be much larger than what they read.
ENLARGING = frozenset({"ConstantOfShape", "Expand", "Resize", "Tile", "Upsample"})
# Of these, the operands that are factors or sizes: none is negative.
RESIZED_BY = {"Resize": (2, 3), "Upsample": (1,), "Tile": (1,)}


def parsed(content: bytes, name: str) -> onnx.ModelProto:
    """The file `name` with these bytes. Raises PatchcError where it holds no graph."""
    if is_tflite(content):
        raise PatchcError(way_out(name))
    try:
        model = onnx.load_model_from_string(content)
    except DecodeError as error:
        raise PatchcError(f"{name}: not an ONNX file") from error
    if not model.graph.node or not model.opset_import:
        raise PatchcError(f"{name}: not an ONNX file (it holds no graph)")
    return model


def check(model: onnx.ModelProto, name: str) -> None:
    """Sort the nodes of `model`, called `name`, if need be. Raises PatchcError."""
    graph = model.graph
    if len(graph.node) > MAX_NODES:
        raise PatchcError(f"{name}: {len(graph.node)} nodes; at most {MAX_NODES} are supported")
    for tensor in graph.initializer:
        _check_constant(tensor, name)
    made = _made_of_activations(graph)
    for value in (*graph.input, *graph.value_info, *graph.output):
        if value.name not in made:
            continue
        check_elements((dim.dim_value for dim in value.type.tensor_type.shape.dim), value.name)
    # protobuf leaves as bytes what it cannot decode
    bad = next((text for text in _texts(model) if not isinstance(text, str)), None)
    if bad is not None:
        raise PatchcError(f"{name}: a name in it is not UTF-8: {bad!r}")
    _check_names(graph, name)
    _check_enlargements(graph, name)
    _sort(graph, name)


def _made_of_activations(graph: onnx.GraphProto) -> set[str]:
    """The tensors that may be larger than what is in the file: inputs, and all but constants and
    what is as large as those."""
    backed = {tensor.name for tensor in graph.initializer}
    found = {value.name for value in graph.input} - backed
    for node in graph.node:
        known = node.op_type not in ENLARGING and backed.issuperset(filter(None, node.input))
        (backed if known and node.input else found).update(node.output)
    return found


def _texts(message: Message) -> Iterator[str | bytes]:
    """Every name in it, and other text, but for documentation."""
    for field, value in message.ListFields():
        if field.name == "doc_string" or field.type not in (field.TYPE_STRING, field.TYPE_MESSAGE):
            continue
        found = (value,) if isinstance(value, str | bytes | Message) else value
        if field.type == field.TYPE_STRING:
            yield from found
        else:
            for part in found:
                yield from _texts(part)


def check_elements(dims: Iterable[int], tensor: str) -> None:
    """Raises PatchcError for a tensor of absurd size."""
    sizes = tuple(dims)
    if math.prod(max(size, 1) for size in sizes) > MAX_ELEMENTS:
        shape = " x ".join(map(str, sizes))
        raise PatchcError(
            f"{tensor!r} is {shape}: more than {MAX_ELEMENTS} elements are not supported"
        )


def load_external(model: onnx.ModelProto, folder: Path, name: str) -> None:
    """Read the weights that are in files beside the model. Raises PatchcError."""
    for tensor in model.graph.initializer:
        if uses_external_data(tensor):
            _check_external(tensor, folder, name)
    try:
        onnx.load_external_data_for_model(model, str(folder))
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        raise PatchcError(
            f"{name}: its weights are in another file that cannot be read: {error}"
        ) from error


def _check_external(tensor: TensorProto, folder: Path, name: str) -> None:
    where = f"{name}: {tensor.name!r}, whose values are in another file"
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    if not location or "\0" in location or Path(location).is_absolute():
        raise PatchcError(f"{where}: its location is {location!r}, not a file beside the model")
    if ".." in Path(location).parts:
        raise PatchcError(f"{where}: weights outside its folder ({location}) are not supported")
    path = folder / location
    if not path.is_file():
        raise PatchcError(f"{name}: its weights are in another file that cannot be read: {path}")
    numbers = {key: entries.get(key, "0") for key in ("offset", "length")}
    for key, text in numbers.items():
        if not (text.isascii() and text.isdigit() and len(text) < 20):
            raise PatchcError(f"{where}: its {key} is {text!r}, not a count of bytes")
    end, size = int(numbers["offset"]) + int(numbers["length"]), path.stat().st_size
    if end > size:
        raise PatchcError(f"{where}: it ends at byte {end} of {location}, which has {size}")


def _check_constant(tensor: TensorProto, name: str) -> None:
    """Its dimensions go with its bytes, and its type is one that onnx knows."""
    where = f"{name}: the constant {tensor.name!r}"
    if not tensor.name:
        raise PatchcError(f"{name}: a constant has no name")
    if tensor.data_type not in helper.get_all_tensor_dtypes():
        raise PatchcError(f"{where} has an unknown element type, {tensor.data_type}")
    if any(dim < 0 for dim in tensor.dims):
        raise PatchcError(f"{where} has a negative dimension: {list(tensor.dims)}")
    try:
        numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
        raise PatchcError(
            f"{where}: its dimensions {list(tensor.dims)} do not go with its bytes ({error})"
        ) from error


def _check_enlargements(graph: onnx.GraphProto, name: str) -> None:
    """Constants that say how large a result is: onnxruntime ends the process over some of them."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type not in ENLARGING:
            continue
        for index, value in enumerate(node.input[1:], 1):
            if value not in constants:
                continue
            numbers = numpy_helper.to_array(constants[value])
            if numbers.dtype.kind not in "fiu":
                continue
            sizes = numbers.astype(np.float64).ravel()
            below = index in RESIZED_BY.get(node.op_type, ()) and (sizes < 0).any()
            absurd = not np.isfinite(sizes).all() or np.abs(sizes).max(initial=0) > MAX_ELEMENTS
            if below or absurd:
                raise PatchcError(
                    f"{name}: {node_name(node)} ({node.op_type}) is given {value!r}, which makes "
                    f"a tensor of absurd size: {sizes[:8].tolist()}"
                )


def _check_names(graph: onnx.GraphProto, name: str) -> None:
    """Every tensor is made once."""
    makers = [("input", value.name) for value in graph.input]
    makers += [("constant", tensor.name) for tensor in graph.initializer]
    makers += [
        (f"output of {node_name(node)}", output)
        for node in graph.node
        for output in node.output
        if output
    ]
    seen: dict[str, str] = {}
    for maker, tensor in makers:
        if not tensor:
            raise PatchcError(f"{name}: an {maker} has no name")
        # Up to IR version 3 constants were listed among the inputs, too.
        if tensor in seen and (seen[tensor], maker) != ("input", "constant"):
            raise PatchcError(
                f"{name}: there are two tensors called {tensor!r}: {seen[tensor]} and {maker}"
            )
        seen[tensor] = maker
    outputs = Counter(value.name for value in graph.output)
    twice = next((output for output, count in outputs.items() if count > 1), None)
    if twice is not None:
        raise PatchcError(f"{name}: its output {twice!r} is listed twice")
    for value in graph.output:
        if value.name not in seen:
            raise PatchcError(f"{name}: nothing in the file computes its output {value.name!r}")


def _sort(graph: onnx.GraphProto, name: str) -> None:
    """The nodes in an order in which they can be computed; as they are where that is one."""
    known = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    known |= {tensor.values.name for tensor in graph.sparse_initializer}
    made = {output for node in graph.node for output in node.output}
    for node in graph.node:
        missing = next((i for i in node.input if i and i not in known and i not in made), None)
        if missing is not None:
            raise PatchcError(
                f"{name}: {node_name(node)} ({node.op_type}) reads {missing!r}, which is neither "
                "an input, nor a constant, nor computed by another node"
            )
    readers: dict[str, list[int]] = {}
    missing_inputs = [0] * len(graph.node)
    for index, node in enumerate(graph.node):
        for tensor in {item for item in node.input if item and item not in known}:
            readers.setdefault(tensor, []).append(index)
            missing_inputs[index] += 1
    ready = [index for index, count in enumerate(missing_inputs) if not count]
    heapq.heapify(ready)
    order: list[int] = []
    while ready:
        order.append(heapq.heappop(ready))
        for output in graph.node[order[-1]].output:
            for index in readers.get(output, ()):
                missing_inputs[index] -= 1
                if not missing_inputs[index]:
                    heapq.heappush(ready, index)
    if len(order) < len(graph.node):
        stuck = graph.node[next(i for i, count in enumerate(missing_inputs) if count)]
        raise PatchcError(
            f"{name}: {node_name(stuck)} ({stuck.op_type}) waits for its own result: the graph has "
            "a cycle"
        )
    if order != sorted(order):
        copies = [onnx.NodeProto.FromString(graph.node[i].SerializeToString()) for i in order]
        del graph.node[:]
        graph.node.extend(copies)
