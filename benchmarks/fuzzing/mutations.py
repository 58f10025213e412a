"""Mutations of an ONNX file, by what they damage. Each says what it did."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from benchmarks.fuzzing.bases import BASES, base, weights_outside

ODD_SCALES = (
    *(np.nan, np.inf, -np.inf, 0.0, -0.0, -0.5, 1e-45, 1e-40, 1e-38, 3e38, 1e30, 1e-30),
    *(1.0, 1e10, 1e20, 1e-20, 1e3, 1e-3, 0.5, 2.0),
)
ODD_SIZES = (0, 1, 2, 3, -1, -5, 5000, 100000, 2**31, 2**33, 2**62)
ODD_NUMBERS = (0, 1, -1, 2, 3, 8, 10**6, 2**31, 2**40, 2**62, -(2**63))
ODD_NAMES = (
    *(
        "",
        "x",
        "image",
        "int",
        "NULL",
        "main",
        "arena",
        "a b",
        "a/b",
        "../a",
        "a\nb",
        "é",
        "\u202e",
    ),
    *("0", "9a", "*/", "//", '"', "\\", "%s", "{{ name }}", "n" * 3000, "m_run", "INT8_MAX"),
)
OPERATORS = (
    *(
        "Conv",
        "Add",
        "Mul",
        "Sub",
        "Div",
        "MaxPool",
        "AveragePool",
        "Relu",
        "Concat",
        "Clip",
        "Pad",
    ),
    *("QuantizeLinear", "DequantizeLinear", "Resize", "Softmax", "Transpose", "Reshape", "Flatten"),
    *("Gather", "Split", "Slice", "MatMul", "Gemm", "LSTM", "If", "Loop", "Foo", "", "Squeeze"),
    *("GlobalAveragePool", "Shape", "Constant", "PRelu", "DepthToSpace", "QLinearConv", "Identity"),
    *("QLinearAdd", "QLinearConcat", "QLinearSoftmax", "ReduceMean", "ConvTranspose", "Unsqueeze"),
    *("HardSwish", "LeakyRelu", "Dropout", "Cast", "Expand", "Tile", "ArgMax", "Sigmoid", "Where"),
)
ATTRIBUTES = (
    *("pads", "strides", "dilations", "group", "kernel_shape", "auto_pad", "axis", "ceil_mode"),
    *("count_include_pad", "blocksize", "output_dtype", "storage_order", "perm", "channels"),
    *("channels_last", "foo", "saturate", "alpha", "mode", "nearest_mode", "keepdims", "axes"),
    *("coordinate_transformation_mode", "transB", "beta", "block_size", "to", "value"),
)

ODD_VALUES = (
    *(*ODD_NUMBERS, 1.5, np.nan, "SAME_UPPER", "VALID", "NOTSET", "FOO", [], [1], [1, 1], [0, 0]),
    *([2, 2], [0] * 4, [-1] * 4, [-1, 0, 1, 2], [10**6] * 2, [2**40] * 2, [2**62] * 4, [1] * 6),
    *([1.5, 2.5], ["a", "b"], numpy_helper.from_array(np.zeros(2, np.float32)), b"\xff\xfe"),
)


@dataclass
class File:
    """A model under mutation, and the files beside it."""

    model: onnx.ModelProto
    beside: dict[str, bytes] = field(default_factory=dict)

    @property
    def graph(self) -> onnx.GraphProto:
        return self.model.graph


@dataclass(frozen=True, slots=True)
class Mutant:
    """Files to try: `content` is the model's."""

    base: str
    kind: str
    words: str  # what was done
    content: bytes
    beside: Mapping[str, bytes]


Mutation = Callable[[random.Random, File], str]


def mutant(seed: int, index: int, kinds: tuple[str, ...] = ()) -> Mutant:
    """The one of that number. The same numbers give the same bytes."""
    source = random.Random(f"{seed}/{index}")
    name, kind = source.choice(sorted(BASES)), source.choice(kinds or KINDS)
    content = base(name)
    if kind == "bytes":
        words, content = _bytes(source, content)
        return Mutant(name, kind, words, content, {})
    file = File(onnx.load_model_from_string(content))
    done = []
    for _ in range(source.choice((1, 1, 1, 2))):
        try:
            done.append(source.choice(MUTATIONS[kind])(source, file))
        except (ValueError, TypeError, IndexError, OverflowError) as error:
            done.append(f"nothing ({type(error).__name__})")  # the second one may find no place
    words = "; ".join(done)
    return Mutant(name, kind, words, file.model.SerializeToString(), file.beside)


def _bytes(source: random.Random, content: bytes) -> tuple[str, bytes]:
    """protobuf's own bytes."""
    data, kind = bytearray(content), source.randrange(6)
    if kind == 0:
        return "truncated", bytes(data[: source.randrange(len(data))])
    first = source.randrange(len(data))
    count = source.randrange(1, 64)
    if kind == 1:
        del data[first : first + count]
        return f"{count} bytes deleted at {first}", bytes(data)
    if kind == 2:
        other = source.randrange(len(data))
        data[other:other] = data[first : first + count]
        return f"{count} bytes of {first} put in at {other}", bytes(data)
    places = [source.randrange(len(data)) for _ in range(source.choice((1, 1, 2, 4, 8)))]
    if kind == 3:  # where the structure is
        places = [source.randrange(min(1500, len(data))) for _ in places]
    for place in places:
        if kind == 5:
            data[place] = source.choice((0, 0xFF, 0x7F, 0x80, source.randrange(256)))
        else:
            data[place] ^= 1 << source.randrange(8)
    return f"bytes {places} changed", bytes(data)


# --- fields of nodes and of the model


def _operator(source: random.Random, file: File) -> str:
    node = source.choice(file.graph.node)
    old, node.op_type = node.op_type, source.choice(OPERATORS)
    if source.random() < 0.3:
        node.domain = source.choice(("com.microsoft", "ai.onnx", "foo", ""))
    return f"operator {old} -> {node.domain}:{node.op_type}"


def _attribute(source: random.Random, file: File) -> str:
    node, name = source.choice(file.graph.node), source.choice(ATTRIBUTES)
    known = [item.name for item in node.attribute]
    if known and source.random() < 0.5:
        name = source.choice(known)
    value = source.choice(ODD_VALUES)
    for item in [item for item in node.attribute if item.name == name]:
        node.attribute.remove(item)
    if value == []:
        node.attribute.append(AttributeProto(name=name, type=AttributeProto.INTS))
    else:
        node.attribute.append(helper.make_attribute(name, value))
    return f"{node.op_type}.{name} = {str(value)[:40]!r}"


def _attribute_type(source: random.Random, file: File) -> str:
    node = source.choice([node for node in file.graph.node if node.attribute])
    item = source.choice(node.attribute)
    item.type = source.choice(range(15))
    return f"{node.op_type}.{item.name} has type {item.type}"


def _header(source: random.Random, file: File) -> str:
    model, kind = file.model, source.randrange(5)
    if kind == 0:
        model.ir_version = source.choice((0, 1, 3, 4, 7, 9, 13, 99, 2**40))
        return f"IR version {model.ir_version}"
    if kind == 1:
        item = source.choice(model.opset_import)
        item.version = source.choice((0, -1, 1, 5, 7, 9, 11, 12, 13, 18, 19, 21, 23, 26, 99, 2**40))
        return f"opset {item.domain}:{item.version}"
    if kind == 2:
        model.opset_import.append(helper.make_opsetid(source.choice(("", "foo", "ai.onnx.ml")), 3))
        return "another opset"
    if kind == 3:
        del model.opset_import[:]
        return "no opset"
    function = model.functions.add(name="Foo", domain="foo")
    function.node.extend([helper.make_node("Foo", ["x"], ["y"], domain="foo")])
    function.input.append("x")
    function.output.append("y")
    file.graph.node[0].op_type, file.graph.node[0].domain = "Foo", "foo"
    return "a function that calls itself"


# --- the graph


def _tensors(file: File) -> list[str]:
    return [name for node in file.graph.node for name in (*node.input, *node.output)]


def _input(source: random.Random, file: File) -> str:
    node = source.choice([node for node in file.graph.node if node.input])
    place = source.randrange(len(node.input))
    old, node.input[place] = node.input[place], source.choice([*_tensors(file), "", "nothing"])
    return f"{node.op_type} input {place}: {old} -> {node.input[place]}"


def _output(source: random.Random, file: File) -> str:
    node = source.choice(file.graph.node)
    old, node.output[0] = node.output[0], source.choice([*_tensors(file), "", "image"])
    return f"output {old} -> {node.output[0]}"


def _more_inputs(source: random.Random, file: File) -> str:
    node = source.choice(file.graph.node)
    node.input.append(source.choice(["", "x", *_tensors(file)]))
    return f"{node.op_type} reads {node.input[-1]!r}, too"


def _fewer_inputs(source: random.Random, file: File) -> str:
    node = source.choice([node for node in file.graph.node if node.input])
    node.input.pop(source.randrange(len(node.input)))
    return f"{node.op_type} reads one tensor less"


def _more_outputs(source: random.Random, file: File) -> str:
    name = source.choice(_tensors(file))
    kind = source.choice((TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT8))
    file.graph.output.append(helper.make_tensor_value_info(name, kind, None))
    return f"{name} is an output, too"


def _no_ends(source: random.Random, file: File) -> str:
    values = source.choice((file.graph.input, file.graph.output))
    del values[:]
    return "no inputs or no outputs"


def _twice(source: random.Random, file: File) -> str:
    node = copy.deepcopy(source.choice(file.graph.node))
    file.graph.node.insert(source.randrange(len(file.graph.node)), node)
    return f"{node.op_type} twice"


def _without(source: random.Random, file: File) -> str:
    node = source.choice(file.graph.node)
    file.graph.node.remove(node)
    return f"without a {node.op_type}"


def _swapped(source: random.Random, file: File) -> str:
    nodes = file.graph.node
    one, two = source.randrange(len(nodes)), source.randrange(len(nodes))
    first, second = copy.deepcopy(nodes[one]), copy.deepcopy(nodes[two])
    nodes[one].CopyFrom(second)
    nodes[two].CopyFrom(first)
    return f"nodes {one} and {two} swapped"


def _unconstant(source: random.Random, file: File) -> str:
    tensor = source.choice(file.graph.initializer)
    file.graph.initializer.remove(tensor)
    if source.random() < 0.5:
        value = helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
        file.graph.input.append(value)
        return f"{tensor.name} is an input"
    return f"without the constant {tensor.name}"


def _subgraph(source: random.Random, file: File) -> str:
    node, inner = source.choice(file.graph.node), copy.deepcopy(file.graph)
    node.attribute.append(helper.make_attribute(source.choice(("body", "then_branch")), inner))
    return f"{node.op_type} has a subgraph"


# --- shapes and types


def _shape(source: random.Random, file: File) -> str:
    value = source.choice([*file.graph.input, *file.graph.output])
    dims = value.type.tensor_type.shape.dim
    if not dims or source.random() < 0.4:
        shape = source.choice(((), (3,), (1, 3, 12), (1, 3, 12, 10, 1), (2, 3, 12, 10), (1,) * 9))
        del dims[:]
        for size in shape:
            dims.add(dim_value=size)
    else:
        dim = source.choice(dims)
        dim.dim_value = source.choice(ODD_SIZES)
        if source.random() < 0.2:
            dim.dim_param = "N"
    return f"{value.name} is {[dim.dim_value or dim.dim_param for dim in dims]}"


def _element_type(source: random.Random, file: File) -> str:
    value = source.choice([*file.graph.input, *file.graph.output])
    value.type.tensor_type.elem_type = source.choice(range(25))
    return f"{value.name} has element type {value.type.tensor_type.elem_type}"


def _no_type(source: random.Random, file: File) -> str:
    value = source.choice([*file.graph.input, *file.graph.output])
    value.ClearField("type")
    if source.random() < 0.5:
        value.type.sequence_type.elem_type.tensor_type.elem_type = TensorProto.FLOAT
    return f"{value.name} has no type, or is a sequence"


def _constant_type(source: random.Random, file: File) -> str:
    tensor = source.choice(file.graph.initializer)
    kinds = (np.int8, np.uint8, np.int16, np.int32, np.int64, np.float32, np.float64, np.float16)
    kind = source.choice((*kinds, np.bool_, np.uint16, np.uint32, np.complex64))
    _put(tensor, numpy_helper.to_array(tensor).astype(kind))
    return f"{tensor.name} is {np.dtype(kind)}"


def _constant_shape(source: random.Random, file: File) -> str:
    tensor = source.choice(file.graph.initializer)
    values = numpy_helper.to_array(tensor)
    shapes = ((*values.shape, 1), (0,), (1, *values.shape), values.shape[::-1], (values.size,), ())
    shape = source.choice((*shapes, (values.size, 1), (values.size + 1,), values.shape[1:]))
    _put(tensor, np.resize(values, shape))
    return f"{tensor.name} is {list(shape)}"


def _constant_dims(source: random.Random, file: File) -> str:
    tensor = source.choice(file.graph.initializer)
    if tensor.dims and source.random() < 0.5:
        tensor.dims[source.randrange(len(tensor.dims))] = source.choice(ODD_SIZES)
    else:
        tensor.dims.append(source.choice((0, 2, -1, 2**40)))
    return f"{tensor.name} claims to be {list(tensor.dims)}"


def _declared(source: random.Random, file: File) -> str:
    shape = [source.choice(ODD_SIZES) for _ in range(source.choice((0, 1, 4)))]
    name, kind = source.choice(_tensors(file)), source.choice(range(1, 17))
    file.graph.value_info.append(helper.make_tensor_value_info(name, kind, shape))
    return f"{name} is declared {shape}"


# --- numbers


def _put(tensor: TensorProto, values: np.ndarray) -> None:
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def _scale(source: random.Random, file: File) -> str:
    scales = [item for item in file.graph.initializer if item.data_type == TensorProto.FLOAT]
    tensor = source.choice(scales)
    values = np.array(numpy_helper.to_array(tensor))
    flat, value = values.reshape(-1), source.choice(ODD_SCALES)
    with np.errstate(over="ignore"):
        if source.random() < 0.3:
            flat[:] *= np.float32(value)
        else:
            flat[source.randrange(flat.size)] = value
    _put(tensor, values)
    return f"{tensor.name}: {value:g}"


def _zero_point(source: random.Random, file: File) -> str:
    integers = [
        t for t in file.graph.initializer if t.data_type in (TensorProto.INT8, TensorProto.UINT8)
    ]
    tensor = source.choice([item for item in integers if len(item.dims) < 2])
    values = numpy_helper.to_array(tensor)
    limits = np.iinfo(values.dtype)
    shape = source.choice((values.shape, values.shape, (), (1,), (0,), (2,), (1, 1)))
    value = source.choice((limits.min, limits.max, 0, 1, 127))
    _put(tensor, np.full(shape, value, values.dtype))
    return f"{tensor.name}: {value} as {list(shape)}"


def _weights(source: random.Random, file: File) -> str:
    tensor = source.choice([item for item in file.graph.initializer if len(item.dims) >= 1])
    values = np.array(numpy_helper.to_array(tensor))
    if values.dtype.kind == "f":
        values[...] = source.choice(ODD_SCALES)
    else:
        values[...] = source.choice((np.iinfo(values.dtype).min, np.iinfo(values.dtype).max, 0))
    _put(tensor, values)
    return f"{tensor.name}: all {values.flat[0] if values.size else None}"


# --- names


def _rename(source: random.Random, file: File) -> str:
    old = source.choice(_tensors(file))
    new = source.choice(ODD_NAMES)
    for node in file.graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == old:
                    names[place] = new
    for value in (*file.graph.initializer, *file.graph.input, *file.graph.output):
        if value.name == old:
            value.name = new
    return f"{old} -> {new[:20]!r}"


def _node_name(source: random.Random, file: File) -> str:
    name = source.choice(ODD_NAMES)
    nodes = file.graph.node if source.random() < 0.3 else [source.choice(file.graph.node)]
    for node in nodes:
        node.name = name
    return f"{len(nodes)} nodes called {name[:20]!r}"


def _graph_name(source: random.Random, file: File) -> str:
    name = source.choice(ODD_NAMES)
    file.graph.name = name
    file.model.producer_name = name
    file.model.metadata_props.add(key=name, value=name)
    return f"the graph is called {name[:20]!r}"


# --- weights in other files

PLACES = (
    *(
        "weights.bin",
        "missing.bin",
        "",
        ".",
        "..",
        "../up.bin",
        "/etc/passwd",
        "m.onnx",
        "plan.json",
    ),
    *(
        "source.json",
        "network.json",
        "host_main.c",
        "build",
        "firmware",
        "a/b.bin",
        "a\0b",
        "é.bin",
    ),
)
NUMBERS = ("0", "-5", "abc", "3", "1.5", str(1 << 40), str(1 << 70), "", "٣", " 1", "0x10")


def _external(source: random.Random, file: File) -> str:
    if not file.beside:
        file.model, file.beside = weights_outside(file.model)
    outside = [item for item in file.graph.initializer if item.external_data]
    tensor = source.choice(outside)
    key = source.choice(("location", "location", "offset", "length", "bytes", "checksum", "foo"))
    if key == "bytes":
        kept = source.randrange(len(file.beside["weights.bin"]) + 1)
        file.beside["weights.bin"] = file.beside["weights.bin"][:kept]
        return f"weights.bin has {kept} bytes"
    entry = next((item for item in tensor.external_data if item.key == key), None)
    entry = entry or tensor.external_data.add(key=key)
    if key != "location":
        entry.value = source.choice(NUMBERS)
        return f"{tensor.name}: {key} {entry.value!r}"
    place = source.choice(PLACES)
    if place[:1].isalnum() and place not in ("m.onnx", "missing.bin") and "\0" not in place:
        file.beside[place] = file.beside["weights.bin"]
    entry.value = place
    return f"{tensor.name} in {place!r}"


MUTATIONS: Mapping[str, tuple[Mutation, ...]] = {
    "fields": (_operator, _attribute, _attribute, _attribute, _attribute_type, _header),
    "graph": (
        *(_input, _input, _output, _more_inputs, _fewer_inputs, _more_outputs, _no_ends),
        *(_twice, _without, _swapped, _unconstant, _subgraph),
    ),
    "shapes": (
        *(_shape, _element_type, _no_type, _constant_type, _constant_shape, _constant_dims),
        _declared,
    ),
    "scales": (_scale, _scale, _zero_point, _weights),
    "names": (_rename, _rename, _node_name, _graph_name),
    "external": (_external,),
}
KINDS = ("bytes", *MUTATIONS)
