"""The stable text form of a Graph (`patchc inspect --dump`)."""

from __future__ import annotations

import hashlib
import json
import re
from functools import singledispatch

from patchc.ir.graph import (
    FULL_RANGE,
    AveragePool,
    Clamp,
    Concat,
    Conv,
    ConvSums,
    DepthToSpace,
    Enlargement,
    Graph,
    Lut,
    MatMul,
    Op,
    Padding,
    Permute,
    Rearrange,
    ResizeLinear,
    ResizeNearest,
    Tensor,
    Window,
)


def word(name: str) -> str:
    """A name as one word of a text form: as it is where it is plain, otherwise as a JSON string, so
    that no name looks like two words, or like a sign between words."""
    return name if re.fullmatch(r"[\w./:-]+", name, re.ASCII) else json.dumps(name)


def format_graph(graph: Graph) -> str:
    """One line per tensor-producing thing: inputs, nodes in order, outputs."""
    lines = [f"graph {word(graph.name)}"]
    for name in graph.inputs:
        lines.append(f"  input  {_tensor(graph.tensors[name])}")
    for node in graph.nodes:
        operands = ", ".join(map(word, node.inputs))
        lines.append(f"  {_tensor(graph.tensors[node.output])}")
        lines.append(f"      = {describe(node.op)}({operands})  # {word(node.name)}")
    lines.extend(f"  output {word(name)}" for name in graph.outputs)
    return "\n".join(lines) + "\n"


def _tensor(tensor: Tensor) -> str:
    h, w, c = tensor.shape
    return (
        f"{word(tensor.name)}: {h}x{w}x{c} s={tensor.quant.scale:.9g} z={tensor.quant.zero_point}"
    )


@singledispatch
def describe(op: Op) -> str:
    """The operator and its attributes on one line; constants as a short hash."""
    window = getattr(op, "window", None)
    words = [word for word in ("unsigned", "reverse", "either_order") if getattr(op, word, False)]
    constant = getattr(op, "constant", None)
    if constant is not None:
        quant = constant.quant
        digest = hashlib.sha256(constant.values.tobytes()).hexdigest()[:8]
        words.append(f"c={digest} s={quant.scale:.9g} z={quant.zero_point}")
    clamp = _clamp(getattr(op, "clamp", FULL_RANGE))
    words = [op.kind, _window(window) if window else "", *words, clamp, _library(op)]
    return " ".join(word for word in words if word)


@describe.register(Conv)
@describe.register(ConvSums)
def _(op: Conv | ConvSums) -> str:
    depthwise = isinstance(op, Conv) and op.is_depthwise
    kind = "DepthwiseConv" if depthwise else op.kind
    groups = f"g{op.groups}" if op.groups > 1 and not depthwise else ""
    digest = hashlib.sha256(
        op.weights.tobytes() + op.weight_scales.tobytes() + op.bias.tobytes()
    ).hexdigest()[:8]
    words = [kind, _window(op.window), groups, f"w={digest}"]
    words += [_clamp(op.clamp), _library(op)] if isinstance(op, Conv) else []
    return " ".join(word for word in words if word)


@describe.register
def _(op: AveragePool) -> str:
    include = "count_include_pad" if op.count_include_pad else ""
    unsigned = "unsigned" if op.unsigned else ""
    words = [op.kind, _window(op.window), include, unsigned, _clamp(op.clamp), _library(op)]
    return " ".join(word for word in words if word)


@describe.register
def _(op: Enlargement) -> str:
    words = [op.kind, f"{op.factor[0]}x{op.factor[1]}"]
    return " ".join(words + ["interleaved"] * (isinstance(op, DepthToSpace) and op.interleaved))


@describe.register(ResizeNearest)
@describe.register(ResizeLinear)
def _(op: ResizeNearest | ResizeLinear) -> str:
    """Both axes as size>target*scale."""
    axes = " x ".join(f"{a.size}>{a.target}*{a.scale:.9g}" for a in (op.rows, op.cols))
    words = [op.kind, axes, op.rows.coordinates]
    if isinstance(op, ResizeLinear):
        words += ["signal" * op.signal, _clamp(op.clamp)]
    else:
        words.append(op.rows.rounding)
    return " ".join(word for word in words if word)


@describe.register
def _(op: Rearrange) -> str:
    digest = hashlib.sha256(op.source.tobytes()).hexdigest()[:8]
    return f"{op.kind} {_window(op.window)} {len(op.source)} i={digest}"


@describe.register
def _(op: Permute) -> str:
    """Each axis of the output as the digits that it is made of."""
    axes = (op.rows, op.cols, op.channels)
    words = ("*".join(f"{count}@{step}" for count, step in digits) or "1" for digits in axes)
    return f"{op.kind} {' x '.join(words)}"


@describe.register
def _(op: MatMul) -> str:
    words = [op.kind, "transposed" * op.transposed, _clamp(op.clamp)]
    return " ".join(word for word in words if word)


@describe.register
def _(op: Concat) -> str:
    places = ",".join(map(str, op.starts))
    digest = hashlib.sha256(op.background.tobytes()).hexdigest()[:8]
    words = ["Concat", f"at {places} of {op.channels_out}", f"b={digest}", _clamp(op.clamp)]
    return " ".join(word for word in words if word)


@describe.register
def _(op: Lut) -> str:
    kind = "Lut per channel" if op.per_channel else "Lut"
    return f"{kind}[{op.function}] t={hashlib.sha256(op.table.tobytes()).hexdigest()[:8]}"


def _window(window: Window) -> str:
    words = [f"k{window.kernel[0]}x{window.kernel[1]}"]
    if window.stride != (1, 1):
        words.append(f"s{window.stride[0]}x{window.stride[1]}")
    if window.dilation != (1, 1):
        words.append(f"d{window.dilation[0]}x{window.dilation[1]}")
    if window.pads != Padding():
        pads = window.pads
        words.append(f"p{pads.top},{pads.left},{pads.bottom},{pads.right}")
    return " ".join(words)


def _library(op: Op) -> str:
    rounding = getattr(op, "library", None)
    return f"cmsis-nn:{rounding.value}" if rounding else ""


def _clamp(clamp: Clamp) -> str:
    return "" if clamp == FULL_RANGE else f"clamp[{clamp.lo},{clamp.hi}]"
