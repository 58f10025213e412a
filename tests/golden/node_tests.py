"""onnx's backend node tests: one model of one operator each, with inputs and expected outputs.

The package brings them as Python modules, one for each operator, which make the tests while they
are imported.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case import node as onnx_node_tests

from patchc.frontend.ops import handlers
from patchc.frontend.walk import is_integer_op

Arrays = dict[str, np.ndarray]  # by name

# A function's body as a test of its own carries this in its name.
EXPANDED = "_expanded"

# What goes in front of an operator that only changes how a map is seen, so that there is something
# to compile. It is its own inverse, so the expected output stays.
OPPOSITE = "Neg"


@dataclass(frozen=True, slots=True)
class NodeTest:
    """One test, or a form of one."""

    name: str
    operator: str  # the one under test, also where the model is the body of its function
    model: onnx.ModelProto
    inputs: Arrays  # the model's
    expected: Arrays
    rtol: float
    atol: float
    form: tuple[str, ...] = ()  # what has been changed, in words

    @property
    def integer(self) -> bool:
        """Whether the model is quantised as it is."""
        nodes = self.model.graph.node
        return any(is_integer_op(node) or node.op_type == "DequantizeLinear" for node in nodes)


def covered_operators() -> tuple[str, ...]:
    """What the importer reads and onnx has tests for, from the importer's registry."""
    names = {name for domain, name in handlers() if not domain}
    return tuple(sorted(name for name in names if name.lower() in _modules()))


@cache
def collect(operator: str) -> tuple[NodeTest, ...]:
    """The tests of one operator.

    Only its own module is imported: onnx's function to collect tests imports all of them, which
    takes ten seconds. benchmarks/backend_nodes.py compares the two.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # overflows that the tests mean
        import_module(_modules()[operator.lower()])
    return of_operator(operator, onnx_node_tests._NodeTestCases)


def of_operator(operator: str, cases: list) -> tuple[NodeTest, ...]:
    """Those of onnx's test cases that are `operator`'s, in their order: not the bodies of other
    functions, even where such a body is this operator alone."""
    plain = {
        case.name
        for case in cases
        if [node.op_type for node in case.model.graph.node] == [operator]
        and EXPANDED not in case.name
    }
    return tuple(
        _read(operator, case)
        for case in cases
        if case.name in plain or (EXPANDED in case.name and case.name.split(EXPANDED)[0] in plain)
    )


@cache
def _modules() -> dict[str, str]:
    """The modules of the package by operator, in lower case."""
    found = (module.name for module in iter_modules(onnx_node_tests.__path__))
    return {name.replace("_", ""): f"{onnx_node_tests.__name__}.{name}" for name in found}


def _read(operator: str, case) -> NodeTest:
    """An onnx test case; its tensors are in the order of the model's."""
    graph = case.model.graph
    ((inputs, outputs),) = case.data_sets
    names = [value.name for value in graph.input], [value.name for value in graph.output]
    given, expected = (
        dict(zip(keys, map(_array, values), strict=True))
        for keys, values in zip(names, (inputs, outputs), strict=True)
    )
    return NodeTest(case.name, operator, case.model, given, expected, case.rtol, case.atol)


def _array(value: object) -> object:
    if isinstance(value, TensorProto):
        return numpy_helper.to_array(value)
    return np.asarray(value) if isinstance(value, np.generic) else value


def unfit(test: NodeTest) -> str | None:
    """Why no form of the test can be a quantised network, from the types of its tensors."""
    values = (*test.model.graph.input, *test.model.graph.output)
    kinds = {value.type.WhichOneof("value") for value in values} - {"tensor_type"}
    if kinds:
        return f"no tensors: {', '.join(kind.removesuffix('_type') for kind in sorted(kinds))}"
    if not test.inputs:
        return "no inputs"
    first = TensorProto.DataType.Name(test.model.graph.input[0].type.tensor_type.elem_type)
    if not test.integer and first != "FLOAT":
        return f"it computes on {first.lower()}, not on float"
    last = TensorProto.DataType.Name(test.model.graph.output[0].type.tensor_type.elem_type)
    if not test.integer and last != "FLOAT":
        return f"it gives {last.lower()}, not float"
    tensors = (*test.inputs.values(), *test.expected.values())
    if not all(value.size for value in tensors):
        return "a tensor without elements"
    if not all(np.isfinite(value).all() for value in tensors if value.dtype == np.float32):
        return "a value that is infinite or no number"
    return None


def forms(test: NodeTest) -> Iterator[NodeTest]:
    """The test as it is, then with its operands as constants, as networks have weights, then one
    sample of its batch. Inputs that are not float (axes, shapes) are constants in all of them."""
    floats = [name for name, value in test.inputs.items() if value.dtype == np.float32]
    if test.integer:
        floats = list(test.inputs)[:1]
    given = with_constants(test, floats)
    several = [given, with_constants(test, floats[:1])] if len(floats) > 1 else [given]
    cuts = [cut for form in several if (cut := first_sample(form)) is not None]
    yield from (*several, *cuts)


def with_constants(test: NodeTest, varying: list[str]) -> NodeTest:
    """All inputs but `varying` as initializers."""
    fixed = [name for name in test.inputs if name not in varying]
    if not fixed:
        return test
    model = onnx.ModelProto()
    model.CopyFrom(test.model)
    graph = model.graph
    for value in [value for value in graph.input if value.name in fixed]:
        graph.input.remove(value)
        graph.initializer.append(numpy_helper.from_array(test.inputs[value.name], value.name))
    inputs = {name: test.inputs[name] for name in varying}
    words = f"{', '.join(fixed)} constant"
    return replace(test, model=model, inputs=inputs, form=(*test.form, words))


def first_sample(test: NodeTest) -> NodeTest | None:
    """Batch 1 of a test with a larger batch.

    None where it has no batch: where onnxruntime, given the first sample alone, does not compute
    the first sample of what is expected.
    """
    sizes = {value.shape[:1] for value in test.inputs.values()}
    if len(sizes) != 1 or min(sizes) <= (1,) or not all(v.ndim for v in test.expected.values()):
        return None
    model = onnx.ModelProto()
    model.CopyFrom(test.model)
    for value in (*model.graph.input, *model.graph.output):
        if value.type.tensor_type.shape.dim:
            value.type.tensor_type.shape.dim[0].dim_value = 1
    cut = replace(
        test,
        model=model,
        inputs={name: value[:1] for name, value in test.inputs.items()},
        expected={name: value[:1] for name, value in test.expected.items()},
        form=(*test.form, "the first sample of its batch"),
    )
    return None if holds(cut) else cut


def behind_opposite(test: NodeTest) -> NodeTest:
    """The same with a Neg in front of every input, and the inputs' opposites."""
    model = onnx.ModelProto()
    model.CopyFrom(test.model)
    nodes = list(model.graph.node)
    added = []
    for value in model.graph.input:
        name = f"{value.name}_opposite"
        added.append(helper.make_node(OPPOSITE, [value.name], [name]))
        for node in nodes:
            node.input[:] = [name if item == value.name else item for item in node.input]
    del model.graph.node[:]
    model.graph.node.extend([*added, *nodes])
    inputs = {name: -value for name, value in test.inputs.items()}
    return replace(test, model=model, inputs=inputs, form=(*test.form, f"behind a {OPPOSITE}"))


def run_float(test: NodeTest, inputs: Arrays) -> Arrays:
    """onnxruntime on the test's own model. Raises onnxruntime's errors."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    running = onnxruntime.InferenceSession(
        test.model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    names = list(test.expected)
    return dict(zip(names, running.run(names, inputs), strict=True))


def holds(test: NodeTest) -> str:
    """ "", or why onnxruntime does not compute what the test expects, shapes and values."""
    try:
        found = run_float(test, test.inputs)
    except Exception as error:  # onnxruntime raises a dozen types without a common base
        return f"onnxruntime {onnxruntime.__version__} cannot run it: {_essence(str(error))}"
    equal = all(
        found[name].shape == value.shape
        and np.allclose(found[name], value, test.rtol, test.atol, equal_nan=True)
        for name, value in test.expected.items()
    )
    return "" if equal else "onnxruntime does not compute what the test expects"


def _essence(message: str) -> str:
    """onnxruntime's error without its code, and without what names the node."""
    return message.split(" : ")[-1].split(" with node name")[0].split(" with name")[0].strip()
