"""GlobalMaxPool, and reductions over any of rows, columns and channels: they become pools."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from patchc.frontend.arrange import arranged, expected
from patchc.frontend.axes import Layout, channels_first, channels_first_layout
from patchc.frontend.builder import Result
from patchc.frontend.call import Call
from patchc.frontend.linear import ALL_VALUES
from patchc.frontend.registry import onnx_op
from patchc.frontend.values import Dequantized, Link, Pending, Quantized, Value
from patchc.ir import AveragePool, DepthToSpace, GlobalAveragePool, Lut, MaxPool, Op, Window

_MEAN_NOTE = (
    "{name} ({kind}) is an integer {word}, which may be one step off onnxruntime's: that adds up "
    "floats, in an order that depends on what stands around them"
)


@dataclass(frozen=True, slots=True)
class _Reduction:
    """What an operator reduces."""

    source: Quantized
    names: frozenset[str]  # of the map's axes
    depth: int  # of so many channels each, where "c" is among them: the outermost part of all
    layout: Layout  # of the result


@onnx_op("GlobalMaxPool", makes=(MaxPool,))
def global_max_pool(call: Call) -> Value:
    """In a QDQ file: along the columns first, then along the rows."""
    source = call.activation(0, as_seen=True)
    rank = len(source.layout)
    source = expected(call.builder, source, channels_first(rank), "a pool")
    reduction = _over(source, range(2, rank), keep=True)
    return _largest(call, reduction) if reduction.names else _same(call, reduction)


@onnx_op("ReduceMax", makes=(MaxPool,))
def reduce_max(call: Call) -> Value:
    """Over any of rows, columns and channels, in a QDQ file or directly on integers; channels are
    laid side by side as columns first."""
    reduction = _reduction(call)
    if not reduction.names:
        return _same(call, reduction)
    largest = _largest(call, reduction)
    if not isinstance(call.input(0), Quantized):
        return largest
    return _finished(call, largest, reduction.source, call.output, in_file=True)


@onnx_op("ReduceMin", makes=(Lut, MaxPool))
def reduce_min(call: Call) -> Value:
    """As ReduceMax, between two tables that change the sign."""
    reduction = _reduction(call)
    if not reduction.names:
        return _same(call, reduction)
    source = reduction.source
    negative = _negative(call, source, f"{source.tensor}_negative")
    largest = _largest(call, replace(reduction, source=negative))
    found = _finished(call, largest, negative, f"{call.output}_negative", in_file=False)
    integers = isinstance(call.input(0), Quantized)
    name = call.output if integers else f"{call.output}_least"
    least = _negative(call, found, name, in_file=integers)
    return least if integers else Dequantized(least)


@onnx_op("ReduceMean", makes=(GlobalAveragePool, AveragePool))
def reduce_mean(call: Call) -> Value:
    """Over any of rows, columns and channels, in a QDQ file: an integer mean, where onnxruntime
    adds up floats in an order that depends on what stands around them. The report says so."""
    reduction = _reduction(call)
    if not reduction.names:
        return _same(call, reduction)
    source, op, _ = _mean(call, reduction)
    call.builder.notes.append(_MEAN_NOTE.format(name=call.name, kind="ReduceMean", word="mean"))
    return Pending(call.name, call.output, op, (source.tensor,), reduction.layout)


@onnx_op("ReduceSum", makes=(GlobalAveragePool, AveragePool))
def reduce_sum(call: Call) -> Value:
    """As ReduceMean: a mean at a scale that is as many times smaller as it has elements, which are
    the same integers."""
    reduction = _reduction(call)
    if not reduction.names:
        return _same(call, reduction)
    source, op, count = _mean(call, reduction)
    call.builder.notes.append(_MEAN_NOTE.format(name=call.name, kind="ReduceSum", word="sum"))

    def made(result: Result) -> Quantized:
        scale = float(np.float32(result.quant.scale) / np.float32(count))
        quant = replace(result.quant, scale=scale)
        part = replace(result, name=f"{result.name}_mean", quant=quant, in_file=False)
        mean = call.builder.emit(call.name, op, (source.tensor,), part)
        same = Lut(ALL_VALUES, "Sum")
        return call.builder.look_up(mean, same, result, f"{call.name}_sum")

    return Pending(call.name, call.output, op, (source.tensor,), reduction.layout, make=made)


def _reduction(call: Call) -> _Reduction:
    """What the attributes or the second input say of the first. Raises RefusalError."""
    value = call.input(0)
    source = (
        call.readable(value, as_seen=True)
        if isinstance(value, Quantized)
        else call.activation(0, as_seen=True)
    )
    rank = len(source.layout)
    given = call.attribute("axes", None)
    if given is None:
        found = call.optional_constant(1, "axes")
        given = () if found is None else found.reshape(-1).tolist()
    if not given and not call.attribute("noop_with_empty_axes", 0):
        given = range(rank)
    over = {axis % rank for axis in given}
    others = [i for i, axes in enumerate(source.layout) if axes and i not in over]
    if len(others) == 1:
        call.builder.guess_channels(source, others[0])
    source = _apart(call, source, over)
    return _over(source, over, keep=bool(call.attribute("keepdims", 1)))


def _apart(call: Call, source: Quantized, over: Collection[int]) -> Quantized:
    """The source, or a copy in which nothing else is of an axis that is reduced, unless that is the
    outermost part of the channels."""
    ordered = call.builder.in_order(source)
    if _is_apart(ordered, over):
        return ordered
    if _is_apart(source, over):
        return source
    first = min(over)
    names = ["w" if i in over else "h" if i < first else "c" for i in range(len(source.layout))]
    return arranged(call.builder, source, names)


def _is_apart(source: Quantized, over: Collection[int]) -> bool:
    reduced = [axis for i in over for axis in source.layout[i]]
    kept = [axis for i, axes in enumerate(source.layout) if i not in over for axis in axes]
    shared = {axis.name for axis in reduced} & {axis.name for axis in kept}
    if not shared:
        return True
    inner = prod(axis.size for axis in kept if axis.name == "c")
    return shared == {"c"} and all(axis.step >= inner for axis in reduced if axis.name == "c")


def _over(source: Quantized, over: Collection[int], *, keep: bool) -> _Reduction:
    """`keep`: the dimensions `over` are 1 in the result, which does not have them otherwise."""
    layout = tuple(
        () if i in over else axes for i, axes in enumerate(source.layout) if keep or i not in over
    )
    reduced = [axis for i in over for axis in source.layout[i]]
    depth = prod(axis.size for axis in reduced if axis.name == "c")
    return _Reduction(source, frozenset(axis.name for axis in reduced), depth, layout)


def _same(call: Call, reduction: _Reduction) -> Value:
    """Where nothing is reduced."""
    same = replace(reduction.source, layout=reduction.layout)
    return same if isinstance(call.input(0), Quantized) else Dequantized(same)


def _side_by_side(call: Call, reduction: _Reduction) -> tuple[Quantized, int]:
    """Where channels are among the axes that are reduced: the map with them as columns, and how
    many of these each pixel has become."""
    source = reduction.source
    height, width, channels = call.builder.tensors[source.tensor].shape
    if "c" not in reduction.names:
        return source, 1
    depth = reduction.depth
    layout = channels_first_layout((height, width * depth, channels // depth), 4)
    op = DepthToSpace((1, depth))
    return call.builder.copied(source, op, layout, "side_by_side"), depth


def _mean(call: Call, reduction: _Reduction) -> tuple[Quantized, Op, int]:
    """A map, the pool over it that is the mean, and how many elements each mean is of."""
    source, depth = _side_by_side(call, reduction)
    height, width, _ = call.builder.tensors[source.tensor].shape
    names = reduction.names
    kernel = (height if "h" in names else 1, width if "w" in names else depth)
    op: Op = GlobalAveragePool()
    if kernel != (height, width):
        op = AveragePool(Window(kernel, (1, depth)))
    return source, op, prod(kernel)


def _largest(call: Call, reduction: _Reduction) -> Pending:
    """The maximum: of channels, then along the columns first, so that of a map made row by row no
    more than a value of each row is kept."""
    source, depth = _side_by_side(call, reduction)
    height, width, _ = call.builder.tensors[source.tensor].shape
    windows = [Window((1, depth), (1, depth))] if depth > 1 else []
    along = (("w", (1, width // depth)), ("h", (height, 1)))
    windows += [Window(kernel) for name, kernel in along if name in reduction.names]
    first, *rest = (MaxPool(window) for window in windows or [Window((1, 1))])
    links = tuple(Link(op, ()) for op in rest)
    return Pending(call.name, call.output, first, (source.tensor,), reduction.layout, links=links)


def _finished(
    call: Call, largest: Pending, source: Quantized, name: str, *, in_file: bool
) -> Quantized:
    """The maximum as integers of the scale and zero point of what it is of."""
    quant = call.builder.tensors[source.tensor].quant
    result = Result(name, largest.layout, quant, source.unsigned, in_file=in_file)
    return call.builder.finish(largest, result)


def _negative(call: Call, source: Quantized, name: str, *, in_file: bool = False) -> Quantized:
    """The negative of each value, exactly: ~q is -1 - q, and so is its zero point."""
    quant = call.builder.tensors[source.tensor].quant
    negative = replace(quant, zero_point=~quant.zero_point)
    result = Result(name, source.layout, negative, source.unsigned, in_file=in_file)
    return call.builder.look_up(source, Lut(~ALL_VALUES, "Neg"), result, call.name)
