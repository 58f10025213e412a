"""One node test through the compiler, as far as it gets: quantised, imported, planned, run over
shadow memory, compared with onnxruntime and with what the test expects."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from patchc.codegen import emit
from patchc.errors import PatchcError
from patchc.frontend import ImportedModel, find_unsupported, import_model
from patchc.frontend.importer import NOTHING
from patchc.ir import Graph, Softmax
from patchc.passes import run_passes
from patchc.pipeline import Stages, schedule_graph
from patchc.plan.types import InputMode
from patchc.quantize.quantize import Activation, QuantizeOptions, quantize
from patchc.reference import run_graph, run_schedule
from patchc.verify.cases import random_cases
from patchc.verify.golden import Maps, file_outputs, golden, graph_inputs
from tests.c.emitted import options
from tests.golden.node_tests import (
    Arrays,
    NodeTest,
    behind_opposite,
    forms,
    holds,
    run_float,
    unfit,
)

# Besides the test's own inputs.
RANDOM_SAMPLES = 3  # to calibrate with, of the same range
RANDOM_CASES = 3  # to compare, over all bytes

# Bytes of RAM: the plan that needs least, and the one that is layer by layer.
LEAST, ANY = 1, None


@dataclass(frozen=True)
class Compiled:
    """A form of a test that the compiler takes."""

    test: NodeTest
    stages: Stages
    inputs: tuple[Maps, ...]  # of the Graph, per case; the first is the test's own
    outputs: tuple[Maps, ...]  # of the Graph, in numpy
    failures: tuple[str, ...]  # comparisons that do not hold

    @property
    def graph(self) -> Graph:
        return self.stages.graph


@dataclass(frozen=True)
class Outcome:
    """What became of a test."""

    test: NodeTest
    # As uint8, then as int8; a quantised file as it is; none: the test does not apply.
    compiled: tuple[Compiled, ...]
    reason: str  # why it does not apply

    @property
    def failures(self) -> tuple[str, ...]:
        return tuple(text for one in self.compiled for text in one.failures)


def run(test: NodeTest) -> Outcome:
    """The first form of the test that the compiler takes, in every comparison; or the reason why
    it takes none: that of the last form."""
    reason = unfit(test) or holds(test)
    for form in () if reason else forms(test):
        try:
            return Outcome(test, _compiled(form), "")
        except PatchcError as error:
            reason = str(error)
            if NOTHING not in reason:
                continue
        try:
            return Outcome(test, _compiled(behind_opposite(form)), "")
        except PatchcError as error:
            reason = str(error)
    return Outcome(test, (), reason)


def _compiled(form: NodeTest) -> tuple[Compiled, ...]:
    """Raises PatchcError with one reason."""
    if form.integer:
        return (_check(form, form.model, LEAST),)
    unsigned, signed = (
        _quantized(form, activation) for activation in (Activation.UINT8, Activation.INT8)
    )
    return _check(form, unsigned, LEAST), _check(form, signed, ANY)


def _quantized(form: NodeTest, activation: Activation) -> onnx.ModelProto:
    """By patchc, calibrated on the test's inputs and some of their range. Raises PatchcError."""
    random = np.random.default_rng(0)
    samples = {
        name: np.stack(
            [value]
            + [
                random.uniform(value.min(), value.max(), value.shape).astype(value.dtype)
                for _ in range(RANDOM_SAMPLES)
            ]
        )
        for name, value in form.inputs.items()
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "quantized.onnx")
        try:
            quantize(form.model, path, samples, QuantizeOptions(activation=activation))
        except PatchcError as error:
            raise PatchcError(str(error).removeprefix(f"{form.name}: ")) from error
        return onnx.load_model(path)


def _check(form: NodeTest, model: onnx.ModelProto, limit: int | None) -> Compiled:
    """Every comparison but that with the C, by the plan for `limit` bytes.

    Raises PatchcError with one reason where the model cannot be compiled.
    """
    try:
        refused = find_unsupported(model)
    except PatchcError as error:
        raise PatchcError(str(error).removeprefix(f"{model.graph.name}: ")) from error
    if refused:
        own = [item for item in refused if item.operator == form.operator]
        raise PatchcError((own or refused)[0].reason)
    imported = import_model(model)
    stages = schedule_graph(imported, run_passes(imported.graph), InputMode.TILES, limit)
    emit(stages.schedule, stages.placement, options())  # refuses what no constants in C compute
    cases = [form.inputs, *random_cases(imported, RANDOM_CASES, seed=0)]
    inputs = graph_inputs(imported, cases)
    outputs = [
        {name: values[name] for name in stages.graph.outputs}
        for values in (run_graph(stages.graph, maps) for maps in inputs)
    ]
    failures = list(golden(imported, cases, outputs).failures)
    for name, values in run_schedule(stages.schedule, stages.placement, inputs[0]).items():
        if not np.array_equal(values, outputs[0][name]):
            failures.append(f"the schedule computes another {name}")
    failures += far(form, imported, inputs[0], outputs[0])
    named = tuple(f"{form.name} {form.form}: {text}" for text in failures)
    return Compiled(form, stages, tuple(inputs), tuple(outputs), named)


def far(form: NodeTest, imported: ImportedModel, inputs: Maps, outputs: Maps) -> list[str]:
    """Where the result is further from the test's than rounding explains.

    The operands are rounded first, each to half a step of its own: this is checked alone. Of these
    operands onnxruntime's float operator (which computes what the test expects, see `holds`) makes
    what an integer operator may miss by half a step of its output, or by one where the two sums
    fall on both sides of a tie. Where the network has several nodes, each may. A Softmax may by
    one more: onnxruntime multiplies by the whole part of 1 / scale. Constants are rounded too: what
    half a step of theirs can do is computed by the operator itself.
    """
    (found,) = file_outputs(imported, [outputs])
    if form.integer:
        return [
            f"output {name} is more than one step from what the test expects"
            for name, values in form.expected.items()
            if np.abs(found[name].astype(int) - values.astype(int)).max() > 1
        ]
    rounded, failures = _rounded(form, imported, inputs)
    steps = sum(
        imported.graph.tensors[node.output].quant.scale * (2 if isinstance(node.op, Softmax) else 1)
        for node in imported.graph.nodes
    )
    last = [imported.graph.tensors[border.tensor].quant for border in imported.outputs]
    low = min((-128 - quant.zero_point) * quant.scale for quant in last)
    high = max((127 - quant.zero_point) * quant.scale for quant in last)
    spread = _constants_spread(form, imported, rounded)
    for name, wanted in run_float(form, rounded).items():
        allowed = steps + spread[name] + form.rtol * np.abs(wanted)
        if (np.abs(found[name] - np.clip(wanted, low, high)) > allowed).any():
            failures.append(f"output {name} is further from the test's than rounding explains")
    return failures


def _rounded(form: NodeTest, imported: ImportedModel, inputs: Maps) -> tuple[Arrays, list[str]]:
    """The test's inputs as the Graph reads them, and those that are too far from them."""
    readers = {node.output[0]: node.input[0] for node in imported.onnx_model.graph.node}
    found, failures = dict(form.inputs), []
    for border in imported.inputs:
        quant = imported.graph.tensors[border.tensor].quant
        stored = border.from_map(inputs[border.tensor]).astype(np.float32)
        zero = quant.zero_point + (128 if border.unsigned else 0)
        name, values = readers[border.onnx_name], (stored - zero) * np.float32(quant.scale)
        if name not in found:  # a Transpose that patchc quantize has put in front
            name, values = readers[name], values.T
        found[name] = values.astype(np.float32)
        if np.abs(found[name] - form.inputs[name]).max(initial=0) > 0.501 * quant.scale:
            failures.append(f"input {name} is not what the test gives")
    return found, failures


def _constants_spread(form: NodeTest, imported: ImportedModel, inputs: Arrays) -> Arrays:
    """What rounding the constants can change, per output.

    The operators that quantised constants belong to are affine in them, so the change is at most
    the operator's linear part of half a step, with operands that all add up.
    """
    kept = {tensor.name for tensor in imported.onnx_model.graph.initializer}
    lost = [
        tensor
        for tensor in form.model.graph.initializer
        if tensor.data_type == TensorProto.FLOAT and tensor.name not in kept
    ]
    if not lost:
        return {name: np.zeros_like(value) for name, value in form.expected.items()}
    absolute = {name: np.abs(value) for name, value in inputs.items()}
    results = []
    for share in (0, 0.5):
        model = onnx.ModelProto()
        model.CopyFrom(form.model)
        for tensor in model.graph.initializer:
            if tensor.name in {item.name for item in lost}:
                values = numpy_helper.to_array(tensor)
                step = np.abs(values).max() / 127
                changed = np.full_like(values, share * step)
                tensor.CopyFrom(numpy_helper.from_array(changed, tensor.name))
        results.append(run_float(replace(form, model=model), absolute))
    return {name: np.abs(results[1][name] - results[0][name]) for name in form.expected}
