"""Two pairs of QuantizeLinear and DequantizeLinear in a row, which onnxruntime makes one.

Where nothing but the second pair reads the first, it drops the inner two operators and gives the
outer two a scale and a zero point of the range that both pairs have in common. So what comes out
is not what the file says literally. What it folds depends on what else it removes in between, on
further readers and on how often it looks, so its decisions are read from the graph that its
optimiser writes: operators keep the names of what they write.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from patchc.errors import PatchcError
from patchc.frontend.constants import constant_tensors
from patchc.frontend.live import live_nodes
from patchc.frontend.refusal import node_name
from patchc.frontend.runtime import optimized

# Between a DequantizeLinear and a QuantizeLinear: what onnxruntime may remove, or take a pair past.
BETWEEN = frozenset(
    {"Cast", "Dropout", "Expand", "Flatten", "Identity", "MaxPool", "Reshape", "Slice", "Squeeze"}
    | {"Transpose", "Unsqueeze"}
)
# On the way between the ends of two pairs that become one.
UNCHANGED = frozenset({"DequantizeLinear", "Dropout", "Identity", "QuantizeLinear"})

DUPLICATE = "/duplicated"  # what onnxruntime adds to the name of one of several equal operators


def folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """`model` itself, or a copy with onnxruntime's one pair in the place of two.

    Raises PatchcError for a pair that it changes in a way that is not understood.
    """
    given = _Pairs.of(model.graph)
    if not any(_candidate(node, given.producers) for node in model.graph.node):
        return model
    found = optimized(model)
    if found is None:  # it is refused where its operators have been looked at
        return model
    theirs = _Pairs.of(found.graph)
    _check_inserted(given, theirs)
    renamed = {name.split(DUPLICATE)[0]: name for name in theirs.ends}
    changed = {
        name: theirs_name
        for name, theirs_name in renamed.items()
        if name in given.ends and _is_changed(given, name, theirs, theirs_name)
    }
    return _applied(model, changed, theirs) if changed else model


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The operators at the ends of pairs, by what they write."""

    producers: Mapping[str, onnx.NodeProto]  # every node
    ends: Mapping[str, onnx.NodeProto]  # QuantizeLinear and DequantizeLinear alone
    constants: Mapping[str, TensorProto]

    @staticmethod
    def of(graph: onnx.GraphProto) -> _Pairs:
        constants = constant_tensors(graph)
        producers = {name: node for node in graph.node for name in node.output}
        ends = {
            name: node
            for name, node in producers.items()
            if node.op_type in ("QuantizeLinear", "DequantizeLinear")
            and len(node.input) == 3
            and all(parameter in constants for parameter in node.input[1:])
        }
        return _Pairs(producers, ends, constants)

    def parameters(self, name: str) -> tuple[np.ndarray, ...]:
        """Scale and zero point of what writes `name`."""
        return tuple(numpy_helper.to_array(self.constants[i]) for i in self.ends[name].input[1:])

    def same(self, one: str, other: str) -> bool:
        """Whether two tensors are one, or written by equal operators from the same: onnxruntime
        keeps one of these (its quantiser writes a pair for each reader where it is told to)."""
        if one == other:
            return True
        ends = self.ends.get(one), self.ends.get(other)
        return (
            ends[0] is not None
            and ends[1] is not None
            and ends[0].op_type == ends[1].op_type
            and _equal(self.parameters(one), self.parameters(other))
            and self.same(ends[0].input[0], ends[1].input[0])
        )


def _candidate(node: onnx.NodeProto, producers: Mapping[str, onnx.NodeProto]) -> bool:
    """Whether a QuantizeLinear may be the third operator of two pairs in a row."""
    return node.op_type == "QuantizeLinear" and _before(node, producers) is not None


def _before(node: onnx.NodeProto, producers: Mapping[str, onnx.NodeProto]) -> onnx.NodeProto | None:
    """The QuantizeLinear of the pair in front of `node`, with nothing but BETWEEN on the way."""
    source = _end_before(node, producers)
    found = producers.get(source.input[0]) if source is not None and source.input else None
    return found if found is not None and found.op_type == "QuantizeLinear" else None


def _end_before(
    node: onnx.NodeProto, producers: Mapping[str, onnx.NodeProto]
) -> onnx.NodeProto | None:
    """The DequantizeLinear of that pair."""
    source = producers.get(node.input[0]) if node.input else None
    while source is not None and source.op_type in BETWEEN and source.input:
        source = producers.get(source.input[0])
    return source if source is not None and source.op_type == "DequantizeLinear" else None


def _check_inserted(given: _Pairs, theirs: _Pairs) -> None:
    """Raises PatchcError where onnxruntime has put in pairs that change values: ones that had the
    numbers of their neighbour until that one was made one with another."""
    for name, node in theirs.ends.items():
        before = _end_before(node, theirs.producers)
        if node.op_type != "QuantizeLinear" or before is None:
            continue
        inserted = [
            end for end in (name, before.output[0]) if end.split(DUPLICATE)[0] not in given.ends
        ]
        if (
            inserted
            and before.output[0] in theirs.ends
            and not _equal(theirs.parameters(name), theirs.parameters(before.output[0]))
        ):
            raise _not_understood(node)


def _is_changed(given: _Pairs, name: str, theirs: _Pairs, theirs_name: str) -> bool:
    """Whether onnxruntime gave it other numbers, or the input of another pair with a pair of other
    numbers in between."""
    ours = given.parameters(name)
    if not _equal(ours, theirs.parameters(theirs_name)):
        return True
    source = theirs.ends[theirs_name].input[0]
    if theirs.ends[theirs_name].op_type == "QuantizeLinear" or source not in given.ends:
        return False
    if given.same(given.ends[name].input[0], source):
        return False
    node = given.producers.get(given.ends[name].input[0])
    while node is not None and node.output[0] in given.ends:
        if not _equal(ours, given.parameters(node.output[0])):
            return True
        if node.output[0] == source:
            return False
        node = _before(node, given.producers)
    return True


def _equal(one: tuple[np.ndarray, ...], other: tuple[np.ndarray, ...]) -> bool:
    pairs = zip(one, other, strict=True)
    return all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs)


def _applied(model: onnx.ModelProto, changed: Mapping[str, str], theirs: _Pairs) -> onnx.ModelProto:
    """A copy in which these operators have onnxruntime's parameters, and a DequantizeLinear reads
    the QuantizeLinear that it reads there. Raises PatchcError."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    producers = {name: node for node in copy.graph.node for name in node.output}
    constants = constant_tensors(copy.graph)
    for output, theirs_name in changed.items():
        ours = producers[output]
        for position, values in enumerate(theirs.parameters(theirs_name), start=1):
            shape = tuple(constants[ours.input[position]].dims)
            name = f"{output}/folded{position}"
            copy.graph.initializer.append(numpy_helper.from_array(values.reshape(shape), name))
            ours.input[position] = name
        source = theirs.ends[theirs_name].input[0]
        if ours.op_type == "DequantizeLinear" and ours.input[0] != source:
            _check_before(producers, ours, source)
            ours.input[0] = source
    for node in live_nodes(copy.graph):
        if node.op_type == "DequantizeLinear":
            _check_parameters(copy.graph, node, changed)
    return copy


def _check_before(producers: Mapping[str, onnx.NodeProto], end: onnx.NodeProto, want: str) -> None:
    """Raises PatchcError unless only pairs lie between `end` and the tensor `want`. (Where others
    have to be removed first, onnxruntime has by then made integers of biases behind.)"""
    node = end
    while want not in node.output:
        found = producers.get(node.input[0]) if node.input else None
        if found is None or found.op_type not in UNCHANGED:
            raise _not_understood(end)
        node = found


def _check_parameters(
    graph: onnx.GraphProto, node: onnx.NodeProto, changed: Mapping[str, str]
) -> None:
    """Raises PatchcError for a reader of a pair that was changed without it."""
    if node.input[0] in changed:
        pairs = _Pairs.of(graph)
        if node.output[0] not in pairs.ends or not _equal(
            pairs.parameters(node.input[0]), pairs.parameters(node.output[0])
        ):
            raise _not_understood(node)


def _not_understood(node: onnx.NodeProto) -> PatchcError:
    return PatchcError(
        f"{node_name(node)} ({node.op_type}): onnxruntime makes one pair of this one and the one "
        "in front of it, across other operators; give both the same scale and zero point, or "
        "leave one out"
    )
