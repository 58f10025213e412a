"""Slices of slices of a float model that are one Slice.

PyTorch writes rows and columns that are cut together, `x[:, :, 0:16, 0:16]`, as two nodes, the
first of them shared by neighbours. As one node each they are rectangles of one tensor, so that
branches behind them are seen to be equal (`branches.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import numpy_helper


@dataclass(frozen=True)
class _Slice:
    """Constant numbers of a Slice with steps of one."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    axes: tuple[int, ...]  # from the front


def merge_slices(graph: onnx.GraphProto) -> None:
    """A Slice of a Slice along other axes -> a Slice along all of them. Both keep their results;
    what nothing reads any more is left out."""
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    ranks = {
        value.name: len(value.type.tensor_type.shape.dim)
        for value in (*graph.input, *graph.value_info, *graph.output)
        if value.type.tensor_type.HasField("shape")
    }
    found: dict[str, tuple[str, _Slice]] = {}  # tensor -> what it is a rectangle of, and which
    merged = False
    for node in graph.node:
        numbers = _numbers(node, constants, ranks)
        if numbers is None:
            continue
        source, before = found.get(node.input[0], (node.input[0], None))
        if before is not None and set(before.axes).isdisjoint(numbers.axes):
            numbers = _both(before, numbers)
            _write(graph, node, source, numbers)
            merged = True
        else:
            source = node.input[0]
        found[node.output[0]] = source, numbers
    if merged:
        _drop_unread(graph, found)


def _numbers(
    node: onnx.NodeProto, constants: Mapping[str, np.ndarray], ranks: Mapping[str, int]
) -> _Slice | None:
    if node.op_type != "Slice" or not set(filter(None, node.input[1:])) <= constants.keys():
        return None
    given: list[list[int]] = [
        constants[n].reshape(-1).tolist() if n else [] for n in node.input[1:]
    ]
    starts, ends, axes, steps = [*given, [], []][:4]
    rank = ranks.get(node.input[0])
    if rank is None or any(step != 1 for step in steps):
        return None
    axes = [axis % rank for axis in axes or range(len(starts))]
    return _Slice(tuple(starts), tuple(ends), tuple(axes))


def _both(one: _Slice, other: _Slice) -> _Slice:
    return _Slice(one.starts + other.starts, one.ends + other.ends, one.axes + other.axes)


def _write(graph: onnx.GraphProto, node: onnx.NodeProto, source: str, numbers: _Slice) -> None:
    order = sorted(range(len(numbers.axes)), key=numbers.axes.__getitem__)
    names = []
    for what in ("starts", "ends", "axes"):
        values = np.array([getattr(numbers, what)[index] for index in order], np.int64)
        names.append(f"{node.output[0]}_{what}")
        graph.initializer.append(numpy_helper.from_array(values, names[-1]))
    node.input[:] = [source, *names]


def _drop_unread(graph: onnx.GraphProto, slices: Mapping[str, object]) -> None:
    outputs = {value.name for value in graph.output}
    kept: list[onnx.NodeProto] = []
    read = set(outputs)
    for node in reversed(graph.node):
        if node.output[0] not in slices or node.output[0] in read:
            kept.append(node)
            read.update(node.input)
    del graph.node[:]
    graph.node.extend(reversed(kept))
    used = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend(used)
