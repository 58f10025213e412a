"""Pools over windows and over the whole map, ReduceMax, ReduceMean, and their integer forms."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from patchc.frontend.axes import Layout, channels_first, channels_first_layout, transpose
from patchc.frontend.builder import Result
from patchc.frontend.call import Call
from patchc.frontend.load import MICROSOFT
from patchc.frontend.refusal import RefusalError
from patchc.frontend.registry import onnx_op
from patchc.frontend.values import NO_PADS, Dequantized, Link, Pending, Quantized, Value
from patchc.frontend.windows import add_pads, check_fits, check_touches, window
from patchc.ir import (
    AveragePool,
    DepthToSpace,
    GlobalAveragePool,
    MaxPool,
    Op,
    Window,
    output_shape,
)
from patchc.ir.graph import INT8_MIN, Shape

# The operator over a channels-first map, and that map: a Pad before it is a node where the operator
# cannot take it in.
Maker = Callable[[Call, Quantized], tuple[Op, Quantized]]


_DILATIONS = "dilations"


@onnx_op("MaxPool", makes=(MaxPool,), limits="indices")
def max_pool(call: Call) -> Value:
    """On float tensors of a QDQ file, or directly on integers."""
    if 1 in call.used_outputs:
        raise RefusalError("its second output, the indices, is not supported")
    value = call.input(0)
    if not isinstance(value, Quantized):
        return _pending(call, _max)
    value = call.readable(value, padded=True)
    op, value = _max(call, value)
    quant = call.builder.tensors[value.tensor].quant
    result = Result(call.output, _layout(call, value, op), quant, value.unsigned)
    return call.builder.emit(call.name, op, (value.tensor,), result)


@onnx_op("GlobalMaxPool", makes=(MaxPool,))
def global_max_pool(call: Call) -> Value:
    """In a QDQ file: along the columns first, then along the rows."""
    source = call.activation(0)
    _, rank = _map(call, source)
    return _largest(call, source, range(2, rank))


@onnx_op("ReduceMax", makes=(MaxPool,))
def reduce_max(call: Call) -> Value:
    """Over any of rows, columns and channels, in a QDQ file or directly on integers; channels are
    laid side by side as columns first."""
    value = call.input(0)
    source = call.readable(value) if isinstance(value, Quantized) else call.activation(0)
    over = _over(call, source)
    return _largest(call, source, over, keep=bool(call.attribute("keepdims", 1)))


@onnx_op("ReduceMean", makes=(GlobalAveragePool, AveragePool))
def reduce_mean(call: Call) -> Value:
    """Over any of rows, columns and channels, in a QDQ file: an integer mean, where onnxruntime
    adds up floats in an order that depends on what stands around them. The report says so."""
    source = call.activation(0)
    over = _over(call, source)
    names = {axis.name for i in over for axis in source.layout[i]}
    layout = _without(source, over, keep=bool(call.attribute("keepdims", 1)))
    if not names:
        return Dequantized(replace(source, layout=layout))
    source, depth = _side_by_side(call, source, names)
    height, width, _ = call.builder.tensors[source.tensor].shape
    kernel = (height if "h" in names else 1, width if "w" in names else depth)
    op: Op = GlobalAveragePool()
    if kernel != (height, width):
        op = AveragePool(Window(kernel, (1, depth)))
    call.builder.notes.append(
        f"{call.name} (ReduceMean) is an integer mean, which may be one step off onnxruntime's: "
        "that adds up floats, in an order that depends on what stands around them"
    )
    return Pending(call.name, call.output, op, (source.tensor,), layout)


@onnx_op("AveragePool", makes=(AveragePool, GlobalAveragePool), limits=_DILATIONS)
def average_pool(call: Call) -> Value:
    """In a QDQ file."""
    return _pending(call, _average)


@onnx_op("GlobalAveragePool", makes=(GlobalAveragePool,))
def global_average_pool(call: Call) -> Value:
    """In a QDQ file."""
    return _pending(call, _global_average)


@onnx_op(
    "QLinearAveragePool",
    domain=MICROSOFT,
    makes=(AveragePool, GlobalAveragePool),
    limits=_DILATIONS,
)
def qlinear_average_pool(call: Call) -> Value:
    """In a QOperator file."""
    return _integer(call, _average)


@onnx_op("QLinearGlobalAveragePool", domain=MICROSOFT, makes=(GlobalAveragePool,))
def qlinear_global_average_pool(call: Call) -> Value:
    """In a QOperator file."""
    return _integer(call, _global_average)


def _pending(call: Call, make: Maker) -> Pending:
    source = call.activation(0, padded=True)
    op, source = make(call, source)
    return Pending(call.name, call.output, op, (source.tensor,), _layout(call, source, op))


def _side_by_side(call: Call, source: Quantized, names: Collection[str]) -> tuple[Quantized, int]:
    """Where channels are among the axes that are reduced: `source` with them as columns, and how
    many of these each pixel has become."""
    height, width, channels = call.builder.tensors[source.tensor].shape
    if "c" not in names:
        return source, 1
    layout = channels_first_layout((height, width * channels, 1), 4)
    op = DepthToSpace((1, channels))
    return call.builder.copied(source, op, layout, "side_by_side"), channels


def _over(call: Call, source: Quantized) -> set[int]:
    """The dimensions that are reduced."""
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
    return over


def _without(source: Quantized, over: Collection[int], *, keep: bool) -> Layout:
    """The layout of `source` without the dimensions `over`; `keep`: with 1 in their place."""
    return tuple(
        () if i in over else axes for i, axes in enumerate(source.layout) if keep or i not in over
    )


def _largest(call: Call, source: Quantized, over: Collection[int], *, keep: bool = True) -> Value:
    """The maximum over the dimensions `over`: of channels, then along the columns first, so that of
    a map made row by row no more than a value of each row is kept. `keep`: as dimensions of 1."""
    names = {axis.name for i in over for axis in source.layout[i]}
    layout = _without(source, over, keep=keep)
    source, depth = _side_by_side(call, source, names)
    height, width, _ = call.builder.tensors[source.tensor].shape
    windows = [Window((1, depth), (1, depth))] if depth > 1 else []
    width //= depth
    kernels = [kernel for name, kernel in (("w", (1, width)), ("h", (height, 1))) if name in names]
    windows += [Window(kernel) for kernel in kernels]
    integers = isinstance(call.input(0), Quantized)
    if not windows:
        source = replace(source, layout=layout)
        return source if integers else Dequantized(source)
    first, *rest = (MaxPool(window) for window in windows)
    links = tuple(Link(op, ()) for op in rest)
    chain = Pending(call.name, call.output, first, (source.tensor,), layout, links=links)
    if not integers:
        return chain
    quant = call.builder.tensors[source.tensor].quant
    return call.builder.finish(chain, Result(call.output, layout, quant, source.unsigned))


def _integer(call: Call, make: Maker) -> Quantized:
    source = call.integers(0, *call.quantization(1, 2), padded=True)
    rank = len(source.layout)
    channels_last = bool(call.attribute("channels_last", 0))
    if channels_last:
        perm = (0, rank - 1, *range(1, rank - 1))
        source = replace(source, layout=transpose(source.layout, perm))
    op, source = make(call, source)
    layout = _layout(call, source, op)
    if channels_last:
        layout = transpose(layout, (0, *range(2, rank), 1))
    result = Result(call.output, layout, *call.quantization(3, 4))
    return call.builder.emit(call.name, op, (source.tensor,), result)


def _layout(call: Call, source: Quantized, op: Op) -> Layout:
    shape = output_shape(op, call.builder.tensors[source.tensor].shape)
    return channels_first_layout(shape, len(source.layout))


def _map(call: Call, source: Quantized) -> tuple[Shape, int]:
    """The shape of the map and the rank of the ONNX tensor, which has to be channels first."""
    rank = len(source.layout)
    call.builder.expect(source, channels_first(rank), "a pool")
    return call.builder.tensors[source.tensor].shape, rank


def _max(call: Call, source: Quantized) -> tuple[Op, Quantized]:
    if call.builder.tensors[source.tensor].quant.zero_point != INT8_MIN:
        # The pool's own padding never wins; a zero that was put there by Pad may.
        source = call.readable(source)
    shape, rank = _map(call, source)
    found = window(call, shape, rank)
    found = add_pads(found, source.pads)
    check_fits(found, shape)
    check_touches(found, shape)
    return MaxPool(found), source


def _average(call: Call, source: Quantized) -> tuple[Op, Quantized]:
    shape, rank = _map(call, source)
    found = window(call, shape, rank)
    include = bool(call.attribute("count_include_pad", 0))
    if found.dilation != (1, 1):
        raise RefusalError(f"dilations {found.dilation}: only 1 is supported")
    if source.pads != NO_PADS:
        padded = (
            shape[0] + source.pads.top + source.pads.bottom,
            shape[1] + source.pads.left + source.pads.right,
        )
        # Zeros that Pad put there count in the divisor, those of the pool's own pads may not; and
        # the mean of a whole map is rounded otherwise.
        if (
            call.attribute("ceil_mode", 0)
            or found.kernel == padded
            or (found.pads != NO_PADS and not include)
        ):
            return _average(call, call.readable(source))
        include = True
        found = add_pads(found, source.pads)
    check_fits(found, shape)
    check_touches(found, shape)
    if found.kernel == shape[:2] and found.pads == NO_PADS:
        return GlobalAveragePool(), source  # onnxruntime rewrites it so, too, and rounds so
    return AveragePool(found, include), source


def _global_average(call: Call, source: Quantized) -> tuple[Op, Quantized]:
    source = call.readable(source)
    _map(call, source)
    return GlobalAveragePool(), source
