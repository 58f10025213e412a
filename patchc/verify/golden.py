"""The golden comparisons: what a compiled network must equal, and how closely.

1. The user's file under onnxruntime's defaults: equal to the byte when onnxruntime runs all of it
   in integers (`fully_fused`); otherwise the distance is measured and printed. Then the file where
   onnxruntime may compute int8 in integers is equal to the byte, if it leaves nothing in float, and
   so is each node that it computes in integers; the others are named (optimised.py).
2. The Graph written back as integer operators: always equal to the byte.
3. The user's file without optimisation, all its tensors exposed: each node of the Graph, fed what
   onnxruntime fed it, is at most one step off per value, so no import mistake stays hidden.

onnxruntime adds exactly in all three, on processors too where its defaults would saturate; a note
says so there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime

from patchc.frontend.export import to_qoperator
from patchc.frontend.model import Border, HostOps, ImportedModel
from patchc.ir import Conv, Graph, Node, Quantization
from patchc.reference import run_node
from patchc.verify.difference import Difference, compare
from patchc.verify.optimised import OptimisedNodes, compare_optimised
from patchc.verify.sessions import UNOPTIMIZED, float_operators, saturates, session

Case = Mapping[str, np.ndarray]  # the ONNX file's inputs (or outputs), by name
Maps = Mapping[str, np.ndarray]  # Graph tensors, int8 (h, w, c), by name

# Float and integer kernels round the same sum differently, by one step.
NODE_TOLERANCE_STEPS = 1

# numpy takes seconds per case of a large network.
OPTIMISED_CASES = 2

# What may lie between a Graph output and the file's output without changing a value.
VALUE_PRESERVING = frozenset(
    ("DequantizeLinear", "Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze")
)

SATURATION = (
    "on this processor (x86 without VNNI), onnxruntime left to its defaults adds products of uint8 "
    "and int8 in 16 bits, which can saturate: for this file it may answer otherwise. Compared here "
    "are exact sums"
)

# Below this ratio the network's answer no longer resembles the file's.
SQNR_WARNING_DB = 20.0


@dataclass(frozen=True, slots=True)
class NodeComparison:
    """One node of the Graph against the same tensor of the user's file, unoptimised."""

    node: str
    nodes: tuple[str, ...]  # it, and those before it that the file has no tensors for
    difference: Difference
    tolerance: int = NODE_TOLERANCE_STEPS

    @property
    def passed(self) -> bool:
        return self.difference.largest <= self.tolerance


@dataclass(frozen=True, slots=True)
class Golden:
    """All comparisons over some cases. `dataclasses.asdict` gives what verify.json holds."""

    onnxruntime: str  # version
    cases: int
    fully_fused: bool
    file: tuple[Difference, ...]  # (1), per output of the file
    integer: tuple[Difference, ...]  # (2), per output of the Graph
    nodes: tuple[NodeComparison, ...]  # (3)
    failures: tuple[str, ...]  # empty: passed
    warnings: tuple[str, ...]
    notes: tuple[str, ...]  # what to know about onnxruntime on this processor
    rounds: bool = False  # CMSIS-NN rounds some layers: (1) and (2) are distances
    signed: tuple[Difference, ...] = ()  # (1), int8 in integers; none where part is in float there
    optimised: OptimisedNodes | None = None  # (1), node by node; none where it is fully fused

    @property
    def passed(self) -> bool:
        return not self.failures


def golden(
    imported: ImportedModel,
    cases: Sequence[Case],
    outputs: Sequence[Maps],
    rounds: bool = False,
) -> Golden:
    """Compare `outputs`, the Graph outputs that something computed for each case (the emitted C,
    a plan, the reference), with onnxruntime in all three ways. `rounds`: they need not be equal,
    as CMSIS-NN rounds some layers in its own way."""
    fused = fully_fused(imported)
    file = compare_with_file(imported, cases, outputs)
    floats, integer = compare_with_integer_form(
        imported.graph, graph_inputs(imported, cases), outputs
    )
    nodes = compare_nodes(imported, cases)
    optimised = None if fused else compare_optimised(imported, cases[:OPTIMISED_CASES])
    signed: tuple[Difference, ...] = ()
    if not fused and not float_operators(imported.onnx_model, signed_integers=True):
        signed = compare_with_file(imported, cases, outputs, signed_integers=True)
    failures = [
        f"onnxruntime computes {name} of the exported integer model in floating point"
        for name in floats
    ]
    failures += [
        f"output {d.name}: {d.differing} of {d.values} bytes differ from onnxruntime's integer "
        "kernels on the exported model"
        for d in integer
        if d.differing and not rounds
    ]
    failures += [
        f"output {d.name}: {d.differing} of {d.values} values differ from onnxruntime's, which "
        "runs this file in integers"
        for d in file
        if fused and d.differing and not rounds
    ]
    failures += [
        f"output {d.name}: {d.differing} of {d.values} values differ from onnxruntime's where it "
        "computes int8 in integers"
        for d in signed
        if d.differing and not rounds
    ]
    failures += [
        f"node {name}: {count} bytes differ from what onnxruntime's integer kernel makes of the "
        "same operands"
        for name, count in (optimised.differing if optimised else ())
    ]
    failures += [
        f"node {n.node}: up to {n.difference.largest} steps off what onnxruntime computes from "
        f"the same operands ({n.difference.differing} of {n.difference.values} values differ)"
        for n in nodes
        if not n.passed
    ]
    warnings = [
        f"output {d.name}: signal-to-quantisation-noise ratio {d.sqnr_db:.1f} dB against the file "
        f"as onnxruntime runs it (under {SQNR_WARNING_DB:g} dB): random or badly quantised "
        "networks amplify single steps"
        for d in file
        if d.sqnr_db is not None and d.sqnr_db < SQNR_WARNING_DB
    ]
    return Golden(
        onnxruntime.__version__,
        len(cases),
        fused,
        file,
        integer,
        nodes,
        tuple(failures),
        tuple(warnings),
        (SATURATION,) if saturates(imported.onnx_model) else (),
        rounds,
        signed,
        optimised,
    )


def graph_inputs(imported: ImportedModel, cases: Sequence[Case]) -> list[dict[str, np.ndarray]]:
    """The Graph's inputs, int8 (h, w, c), for each case: what the file's operators before the
    Graph make of it."""
    found = _run_host(imported.prologue, cases)
    return [
        {border.tensor: border.to_map(values[border.onnx_name]) for border in imported.inputs}
        for values in found
    ]


def file_outputs(imported: ImportedModel, outputs: Sequence[Maps]) -> list[dict[str, np.ndarray]]:
    """The file's outputs, by name, that follow from Graph outputs."""
    borders = [
        {border.host_name: border.from_map(maps[border.tensor]) for border in imported.outputs}
        for maps in outputs
    ]
    found = _run_host(imported.epilogue, borders)
    names = [output.name for output in imported.onnx_model.graph.output]
    return [{name: values[name] for name in names} for values in found]


def reference_outputs(
    imported: ImportedModel, cases: Sequence[Case], *, signed_integers: bool = False
) -> list[dict[str, np.ndarray]]:
    """What onnxruntime's defaults make of the user's file, by output name, with exact sums;
    `signed_integers`: where it may compute int8 in integers."""
    model = imported.literal or imported.onnx_model
    running = session(model, signed_integers=signed_integers)
    names = [output.name for output in running.get_outputs()]
    return [dict(zip(names, running.run(names, dict(case)), strict=True)) for case in cases]


def fully_fused(imported: ImportedModel) -> bool:
    """Whether onnxruntime's defaults run the file's network in integers throughout, with the
    values that the file names: integer operators, or uint8 between (de)quantisation."""
    if float_operators(imported.onnx_model):
        return False
    # On x86 onnxruntime turns int8 between (de)quantisation into uint8 where it can, and that can
    # move a sum across a rounding tie; integer operators stay as they are.
    unsigned = all(border.unsigned for border in imported.borders)
    kinds = {node.op_type for node in imported.onnx_model.graph.node}
    return unsigned or any(kind.startswith(("QLinear", "QGemm")) for kind in kinds)


def compare_with_file(
    imported: ImportedModel,
    cases: Sequence[Case],
    outputs: Sequence[Maps],
    *,
    signed_integers: bool = False,
) -> tuple[Difference, ...]:
    """(1): per output of the file, over all cases."""
    expected = reference_outputs(imported, cases, signed_integers=signed_integers)
    found = file_outputs(imported, outputs)
    return tuple(
        compare(
            name,
            [values[name] for values in found],
            [values[name] for values in expected],
            _quantization_behind(imported, name),
        )
        for name in expected[0]
    )


def compare_with_integer_form(
    graph: Graph, inputs: Sequence[Maps], outputs: Sequence[Maps]
) -> tuple[tuple[str, ...], tuple[Difference, ...]]:
    """(2): nodes that onnxruntime computes in floating point all the same (there must be none),
    and per output of the Graph the difference over all cases."""
    model = to_qoperator(graph)
    expected = integer_outputs(graph, inputs)
    differences = tuple(
        compare(
            name,
            [maps[name] for maps in outputs],
            [maps[name] for maps in expected],
            graph.tensors[name].quant,
        )
        for name in graph.outputs
    )
    return float_operators(model), differences


def compare_nodes(imported: ImportedModel, cases: Sequence[Case]) -> tuple[NodeComparison, ...]:
    """(3): every node of the Graph whose output the file knows too, in graph order.

    A node is fed the tensors that onnxruntime computed; one that the file does not have comes from
    the nodes before it, which are compared together with it.
    """
    graph = imported.graph
    all_borders = (*imported.inputs, *imported.borders, *imported.outputs)
    borders = {border.tensor: border for border in all_borders if border.tensor in graph.tensors}
    names = list(dict.fromkeys(border.onnx_name for border in borders.values()))
    given = {value.name for value in imported.onnx_model.graph.input}
    asked = [name for name in names if name not in given]
    running = session(imported.onnx_model, level=UNOPTIMIZED, exposed=asked)
    found: dict[str, list[np.ndarray]] = {node.name: [] for node in graph.nodes}
    expected: dict[str, list[np.ndarray]] = {node.name: [] for node in graph.nodes}
    for case in cases:
        known = dict(case) | dict(zip(asked, running.run(asked, dict(case)), strict=True))
        theirs = {tensor: b.to_map(known[b.onnx_name]) for tensor, b in borders.items()}
        values = {name: theirs[name] for name in graph.inputs}
        for node in graph.nodes:
            ours = run_node(graph, node, [values[name] for name in node.inputs])
            values[node.output] = theirs.get(node.output, ours)
            if node.output in theirs:
                border = borders[node.output]
                found[node.name].append(_worth(border, ours))
                expected[node.name].append(_worth(border, theirs[node.output]))
    return tuple(
        NodeComparison(
            node.name,
            _group(graph, node, frozenset(borders)),
            compare(
                node.output,
                found[node.name],
                expected[node.name],
                None if borders[node.output].sums else graph.tensors[node.output].quant,
            ),
            _tolerance(graph, node),
        )
        for node in graph.nodes
        if node.output in borders
    )


def _worth(border: Border, map_: np.ndarray) -> np.ndarray:
    """A map as it is; sums in bytes as what they are worth."""
    if not border.sums:
        return map_
    worth: np.ndarray = map_.view(np.int32) * np.array(border.sums, np.float32)
    return worth


def _tolerance(graph: Graph, node: Node) -> int:
    """Steps that a float kernel may be off by. A float bias is half a unit of the accumulator off
    as an integer, which counts where that unit is worth more than a step of the output."""
    if not isinstance(node.op, Conv):
        return NODE_TOLERANCE_STEPS
    source, target = (graph.tensors[name].quant.scale for name in (node.inputs[0], node.output))
    steps = np.float64(source) * node.op.weight_scales.astype(np.float64) / target
    return NODE_TOLERANCE_STEPS + int(min(steps.max() / 2, 255.0))


def _group(graph: Graph, node: Node, known: frozenset[str]) -> tuple[str, ...]:
    """The names of `node` and of the nodes that its operands come from, back to known tensors."""
    members = {node.output}
    for earlier in reversed(graph.nodes[: graph.nodes.index(node)]):
        readers = [reader for reader in graph.consumers[earlier.output] if reader.output in members]
        if readers and earlier.output not in known:
            members.add(earlier.output)
    return tuple(member.name for member in graph.nodes if member.output in members)


def _run_host(host: HostOps | None, given: Sequence[Case]) -> list[dict[str, np.ndarray]]:
    """`given` and what `host` computes from it, by name."""
    if host is None:
        return [dict(values) for values in given]
    running = session(host.model)
    inputs = [value.name for value in running.get_inputs()]
    outputs = [value.name for value in running.get_outputs()]
    return [
        dict(values)
        | dict(
            zip(outputs, running.run(outputs, {name: values[name] for name in inputs}), strict=True)
        )
        for values in given
    ]


def integer_outputs(graph: Graph, inputs: Sequence[Maps]) -> list[dict[str, np.ndarray]]:
    """The Graph's outputs, as onnxruntime's integer kernels compute them."""
    running = session(to_qoperator(graph))
    return [_run_maps(running, graph, maps) for maps in inputs]


def _run_maps(
    running: onnxruntime.InferenceSession, graph: Graph, maps: Maps
) -> dict[str, np.ndarray]:
    """Run an exported Graph, whose tensors are NCHW, on maps."""
    feeds = {name: maps[name].transpose(2, 0, 1)[None] for name in graph.inputs}
    outputs = running.run(list(graph.outputs), feeds)
    return {
        name: values[0].transpose(1, 2, 0)
        for name, values in zip(graph.outputs, outputs, strict=True)
    }


def _quantization_behind(imported: ImportedModel, name: str) -> Quantization | None:
    """The quantisation of the Graph output that the file's output `name` is, or is the plain
    dequantisation of; None when there is more between the two."""
    borders = {border.onnx_name: border for border in imported.outputs}
    nodes = imported.epilogue.model.graph.node if imported.epilogue else ()
    producers = {output: node for node in nodes for output in node.output}
    while name not in borders:
        node = producers.get(name)
        if node is None or node.op_type not in VALUE_PRESERVING:
            return None
        name = node.input[0]
    return imported.graph.tensors[borders[name].tensor].quant
