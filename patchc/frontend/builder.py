"""The Graph as it grows while the importer walks over the ONNX file."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx

from patchc.frontend.axes import (
    AxesError,
    Layout,
    SplitError,
    border_axes,
    channel_order,
    channels_first_layout,
    is_cut,
    map_shape,
    rename,
    renaming,
    split,
)
from patchc.frontend.choices import chooses, keep_scale
from patchc.frontend.guesses import channels_at, first_guess
from patchc.frontend.linear import clamp_of, requantization
from patchc.frontend.model import Border
from patchc.frontend.pads import pad_operator, padded_layout
from patchc.frontend.refusal import RefusalError, node_name
from patchc.frontend.structure import check_elements
from patchc.frontend.tables import function_table, table_without_rounding
from patchc.frontend.values import NO_PADS, Dequantized, Pending, Quantized
from patchc.ir import (
    SUM_BYTES,
    SUMS,
    Add,
    AveragePool,
    Binary,
    Clamp,
    Conv,
    ConvSums,
    Copy,
    GlobalAveragePool,
    Graph,
    Lut,
    MaxPool,
    Mul,
    Node,
    Op,
    Permute,
    Quantization,
    Rearrange,
    Sub,
    Tensor,
    Window,
    output_shape,
)
from patchc.numerics.add import order_matters
from patchc.numerics.linear import ALL_VALUES
from patchc.numerics.pairing import pairing_between

# Input scale / (output scale * pixels): what onnxruntime's QLinearGlobalAveragePool takes.
MEAN_FACTORS = (2.0**-32, 256.0)

MAX_STEPS = 2.0**31  # of a result, before it saturates

REQUANTIZE = "Requantize"  # what a table does that only changes scale and zero point


@dataclass(slots=True)
class Assumptions:
    """What is taken the dimensions of the Graph's inputs to be.

    An input may be NCHW or NHWC, and only the first convolution or pool that reads it says which.
    So the walk starts with a guess, and starts anew when a reader shows that it was wrong.
    """

    layouts: dict[str, Layout] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)  # a reader has confirmed or corrected these


class AssumptionError(Exception):
    """The walk has to start anew: `assumptions` has been corrected."""


@dataclass(frozen=True, slots=True)
class Result:
    """The tensor that a new node writes."""

    name: str
    layout: Layout
    quant: Quantization
    unsigned: bool = False
    in_file: bool = True  # False: the ONNX file knows no such integer tensor


class GraphBuilder:
    """Collects tensors and nodes. Raises RefusalError where an ONNX node cannot be imported."""

    def __init__(
        self,
        assumptions: Assumptions,
        shapes: Mapping[str, tuple[int, ...]],
        opsets: Sequence[onnx.OperatorSetIdProto],
    ) -> None:
        self.tensors: dict[str, Tensor] = {}
        self.inputs: list[str] = []
        self.borders: dict[str, Border] = {}  # by Graph tensor
        self.notes: list[str] = []  # what the reader of a report has to know
        self._nodes: list[Node] = []
        self._node_names: set[str] = set()
        self._shapes = shapes  # of the ONNX tensors outside the Graph
        self.opsets = opsets  # of the file
        self._assumptions = assumptions
        self._roots: dict[str, frozenset[str]] = {}  # tensor -> inputs that share its layout
        self._made: dict[Hashable, str] = {}  # what was computed -> tensor
        self._unsigned: dict[str, bool] = {}  # whether the file holds a tensor as uint8

    def add_input(self, name: str, quant: Quantization, unsigned: bool) -> Quantized:
        """The integer tensor `name` of the ONNX file as an input of the Graph."""
        if name in self.tensors:
            if self.tensors[name].quant != quant:
                raise RefusalError(f"{name!r} is read with two different scales or zero points")
        else:
            shape = self.host_shape(name)
            layout = self._assumptions.layouts.setdefault(name, first_guess(shape))
            self.inputs.append(name)
            self._roots[name] = frozenset([name])
            self._add_tensor(Result(name, layout, quant, unsigned))
        return Quantized(name, self._assumptions.layouts[name], unsigned)

    def quantize_host(self, host: str, name: str, quant: Quantization, unsigned: bool) -> Quantized:
        """The float tensor `host` in front of the Graph, quantised as `name`: an input, once."""
        tensor = self._made.setdefault((host, quant), name)
        return replace(self.add_input(tensor, quant, unsigned), unsigned=unsigned)

    def host_shape(self, name: str) -> tuple[int, ...]:
        """The shape of an ONNX tensor in front of the Graph. Raises RefusalError."""
        if name not in self._shapes:
            raise RefusalError(f"the shape of {name!r} is not known")
        return self._shapes[name]

    def emit(self, node: str, op: Op, inputs: tuple[str, ...], result: Result) -> Quantized:
        """Add a node called `node` (or something like it) that writes `result`.

        An operator with a field `unsigned` rounds by the type that the file holds.
        """
        if not result.in_file and result.name in self.tensors:  # once clamped, once not
            result = replace(result, name=self._fresh(result.name))
        if hasattr(op, "unsigned"):
            op = _replace(op, unsigned=result.unsigned)
        if isinstance(op, Add) and op.either_order:
            self._check_order(op, inputs, result.quant)
        if isinstance(op, Add | AveragePool | Mul | Sub):
            self._check_steps(op, inputs, result.quant)
        if isinstance(op, GlobalAveragePool):
            self._check_mean(inputs[0], result.quant)
        self._roots[result.name] = frozenset().union(*(self._roots[name] for name in inputs))
        self._add_tensor(result)
        self._nodes.append(Node(self._node_name(node), op, inputs, result.name))
        return Quantized(result.name, result.layout, result.unsigned)

    def _check_order(self, op: Add, inputs: Sequence[str], quant: Quantization) -> None:
        """Raises RefusalError where the result depends on which operand is first."""
        if order_matters(pairing_between(op, [self.tensors[name] for name in inputs], quant)):
            raise RefusalError(
                "the first operand of a sum is broadcast, and with these scales onnxruntime rounds "
                "it in one way or another as it lays out the map: give the map first"
            )

    def _check_steps(
        self, op: Add | AveragePool | Mul | Sub, inputs: Sequence[str], quant: Quantization
    ) -> None:
        """Raises RefusalError for results of so many steps that onnxruntime's kernels, which make
        int32 of them before they saturate, give anything."""
        scales = [self.tensors[name].quant.scale for name in inputs]
        if isinstance(op, Binary) and op.constant is not None:
            scales.append(op.constant.quant.scale)
        reached = [255 * scale for scale in scales]
        most = math.prod(reached) if isinstance(op, Mul) else sum(reached)
        if most / quant.scale >= MAX_STEPS:
            raise RefusalError(
                f"its scales make results of up to {most / quant.scale:.3g} steps, which "
                "onnxruntime's kernels do not saturate: quantise it with a larger scale"
            )

    def _check_mean(self, source: str, quant: Quantization) -> None:
        """Raises RefusalError for a factor that onnxruntime's kernel does not take."""
        height, width, _ = self.tensors[source].shape
        factor = np.float32(self.tensors[source].quant.scale)
        factor /= np.float32(quant.scale) * np.float32(height * width)
        if not MEAN_FACTORS[0] <= factor < MEAN_FACTORS[1]:
            raise RefusalError(
                f"its scales make a factor of {factor:.3g}, and onnxruntime computes means with "
                "factors from 2^-32 to 256 only"
            )

    def finish(self, value: Pending, result: Result) -> Quantized:
        """Quantise the float result of an operator: its node is made here, once."""
        key = (value.result, value.clips, result.quant, result.unsigned)
        if key in self._made:
            found = Quantized(self._made[key], result.layout, result.unsigned)
            if result.in_file and found.tensor not in self.borders:
                self.borders[found.tensor] = self.border(found, result.name)
            return found
        if isinstance(value.op, ConvSums):
            raise RefusalError(
                f"{value.node} gives floats by an integer kernel, which rounds them before they "
                "are quantised: give it an output scale and zero point"
            )
        source = self.tensors[value.inputs[0]].quant
        clamp = clamp_of(value.clips, result.quant)
        if value.make is not None:
            finished = self._clipped(value, clamp, result)
            self._made[key] = finished.tensor
            return finished
        changes = source != result.quant or (value.clips and isinstance(value.op, Copy))
        if isinstance(value.op, MaxPool | Copy) and changes:
            unsigned = self._unsigned[value.inputs[0]]
            whole = Result(value.result, value.layout, source, unsigned, in_file=False)
            pooled = self.finish(replace(value, clips=()), whole)
            entries = np.clip(requantization(source, result.quant), clamp.lo, clamp.hi)
            words = [clip.kind for clip in value.clips] or [REQUANTIZE]
            finished = self.look_up(pooled, Lut(entries, "+".join(words)), result, result.name)
        else:
            op, inputs = self._chained(value, result)
            op = _replace(op, clamp=clamp) if value.clips else op
            finished = self.emit(value.node, op, inputs, result)
        self._made[key] = finished.tensor
        return finished

    def _clipped(self, value: Pending, clamp: Clamp, result: Result) -> Quantized:
        """What makes its own nodes, and a table behind it where there is a range."""
        assert value.make is not None
        if not value.clips:
            return value.make(result)
        whole = self._fresh(f"{result.name}_whole")
        made = value.make(replace(result, name=whole, in_file=False))
        table = Lut(np.clip(ALL_VALUES, clamp.lo, clamp.hi), "+".join(c.kind for c in value.clips))
        return self.look_up(made, table, result, result.name)

    def integers(self, value: Pending) -> Quantized | None:
        """The float result of an operator that no QuantizeLinear follows, where it only chooses
        among values of one scale and zero point, so that it has these too: its node is made here,
        once. None where it does more."""
        names = [*value.inputs, *(name for link in value.links for name in link.inputs)]
        quants = {self.tensors[name].quant for name in names}
        types = {self._unsigned[name] for name in names}
        if len(quants) > 1 or len(types) > 1:
            return None
        (quant,), (unsigned,) = quants, types
        ops = [value.op, *(link.op for link in value.links)]
        if not all(chooses(op, quant) for op in ops) or not keep_scale(value.clips, quant):
            return None
        result = Result(value.result, value.layout, quant, unsigned, in_file=False)
        return self.finish(value, result)

    def _chained(self, value: Pending, result: Result) -> tuple[Op, tuple[str, ...]]:
        """The last operator of a chain and what it reads. The others' nodes are made here, at the
        scale of the whole."""
        op, inputs = value.op, value.inputs
        for link in value.links:
            name = self._fresh(f"{result.name}_part")
            shape = output_shape(op, *(self.tensors[source].shape for source in inputs))
            layout = channels_first_layout(shape, 4)
            part = Result(name, layout, result.quant, result.unsigned, in_file=False)
            before = self.emit(value.node, op, inputs, part)
            op, inputs = link.op, (before.tensor, *link.inputs)
        return op, inputs

    def real_integers(self, value: Dequantized) -> Quantized | None:
        """A function of a dequantised tensor that no QuantizeLinear follows, where each of its
        values is one of that scale and zero point (a Relu, say): a table. None where not."""
        source = self.tensors[value.source.tensor].quant
        assert value.function is not None
        table = table_without_rounding(value, source, self.opsets)
        if table is None:
            return None
        node, unsigned = value.function.node, value.source.unsigned
        result = Result(node.output[0], value.layout, source, unsigned, in_file=False)
        return self.look_up(value.source, table, result, node_name(node))

    def requantize(self, value: Dequantized, result: Result, node: str) -> Quantized:
        """Quantise a dequantised tensor, or a function of it: nothing, or a table.

        `node`: its name, where no operator in the file has one.
        """
        quant = self.tensors[value.source.tensor].quant
        if value.function is None:
            table = Lut(requantization(quant, result.quant), REQUANTIZE)
            return self.look_up(value.source, table, result, node)
        table = function_table(value, quant, result.quant, result.unsigned, self.opsets)
        return self.look_up(value.source, table, result, node_name(value.function.node))

    def look_up(self, value: Quantized, table: Lut, result: Result, node: str) -> Quantized:
        """A table over a tensor, called `node`: the same one only once, and none that is no change.
        A Pad before it whose zeros it would change is a node of its own."""
        source, entries = self.tensors[value.tensor].quant, table.table
        of_zero = entries[..., source.zero_point + 128]
        if value.pads != NO_PADS and (of_zero != result.quant.zero_point).any():
            value = self.padded(value)
            result = replace(result, layout=value.layout)
        pads = value.pads
        if pads != NO_PADS:  # the file has the padded map only
            result = replace(result, in_file=False)
        key = (value.tensor, entries.tobytes(), result.quant)
        if source == result.quant and np.array_equal(entries, ALL_VALUES):
            self._made[key] = value.tensor
        if key not in self._made:
            self._made[key] = self.emit(node, table, (value.tensor,), result).tensor
        return Quantized(self._made[key], result.layout, result.unsigned, pads)

    def in_order(self, value: Quantized) -> Quantized:
        """`value` with its channels in the order of its layout, by a copy, made once: what a
        channel shuffle is. `value` itself where no axis is cut, or no copy would help."""
        found = channel_order(value.layout) if is_cut(value.layout) else None
        if found is None:
            return value
        order, layout = found
        return self.copied(value, Rearrange(Window((1, 1)), order), layout, "shuffled")

    def copied(self, value: Quantized, op: Op, layout: Layout, word: str) -> Quantized:
        """`value` moved by `op` into `layout`: a tensor that the file does not have, made once.
        `word`: what it is, for its name."""
        moves = op.source.tobytes() if isinstance(op, Rearrange) else b""
        key = (value.tensor, word, layout, op if isinstance(op, Permute) else moves)
        if key not in self._made:
            quant = self.tensors[value.tensor].quant
            name = self._fresh(f"{value.tensor}_{word}")
            result = Result(name, layout, quant, value.unsigned, in_file=False)
            self._made[key] = self.emit(name, op, (value.tensor,), result).tensor
        return replace(value, tensor=self._made[key], layout=layout)

    def padded(self, value: Quantized) -> Quantized:
        """`value` with a Pad that waits for its reader as a node of its own, made once."""
        pads = value.pads
        if pads == NO_PADS:
            return value
        op = pad_operator(pads, self.tensors[value.tensor].shape[2])
        word = f"padded_{pads.top}_{pads.left}_{pads.bottom}_{pads.right}"
        return replace(self.copied(value, op, padded_layout(value), word), pads=NO_PADS)

    def repeated(self, tensor: str, source: np.ndarray) -> str:
        """The map whose channel i is channel source[i] of `tensor`: a copy, made once."""
        key = (tensor, source.tobytes())
        if key not in self._made:
            height, width, _ = self.tensors[tensor].shape
            layout = channels_first_layout((height, width, len(source)), 4)
            name = self._fresh(f"{tensor}_repeated")
            quant, unsigned = self.tensors[tensor].quant, self._unsigned[tensor]
            result = Result(name, layout, quant, unsigned, in_file=False)
            self._made[key] = self.emit(
                name, Rearrange(Window((1, 1)), source), (tensor,), result
            ).tensor
        return self._made[key]

    def is_laid_out(self, value: Quantized, wanted: Sequence[str]) -> bool:
        """Is dimension i of `value` the map's axis wanted[i]? Starts anew, as `guess_again` does,
        where it could be."""
        roots = self._roots[value.tensor] - self._assumptions.settled
        if all(
            axis.name == name
            for axes, name in zip(value.layout, wanted, strict=True)
            for axis in axes
        ):
            self._assumptions.settled |= roots
            return True
        self.guess_again(value, wanted)
        return False

    def guess_again(self, value: Quantized, wanted: Sequence[str]) -> None:
        """Start anew with `value` laid out as `wanted`, if that rests on guesses which can change.

        Raises AssumptionError then; nothing happens where its layout is known, or is this one.
        """
        roots = self._roots[value.tensor] - self._assumptions.settled
        names = renaming(value.layout, wanted)
        if roots and names is not None and any(new != old for old, new in names.items()):
            layouts = self._assumptions.layouts
            layouts.update({root: rename(layouts[root], names) for root in roots})
            self._assumptions.settled |= roots
            raise AssumptionError

    def guess_channels(self, value: Quantized, dimension: int) -> None:
        """Start anew with `dimension` of `value` as the channels, as `guess_again` does.

        Nothing happens where nobody lays out a tensor so.
        """
        names = channels_at(value.layout, dimension)
        if names is not None:
            self.guess_again(value, names)

    def split(self, value: Quantized, error: SplitError) -> None:
        """A reshape cuts an axis: where that of an input of unknown layout can be two axes of the
        map, start anew with these."""
        roots = self._roots[value.tensor] - self._assumptions.settled
        layouts = self._assumptions.layouts
        try:
            changed = {root: split(layouts[root], error) for root in roots}
        except AxesError:
            return
        if any(layouts[root] != layout for root, layout in changed.items()):
            layouts.update(changed)
            raise AssumptionError

    def border(self, value: Quantized, onnx_name: str) -> Border:
        """How the ONNX tensor `onnx_name`, which is `value`, maps to the Graph."""
        layout = border_axes(value.layout)
        shape = self.tensors[value.tensor].shape
        return Border(value.tensor, onnx_name, value.unsigned, layout, shape)

    def graph(self, name: str, outputs: tuple[str, ...]) -> Graph:
        """What has been collected, as a Graph with these tensors as its outputs."""
        return Graph(name, tuple(self.inputs), outputs, self.tensors, tuple(self._nodes))

    def sums(self, value: Pending) -> Border | None:
        """The float result of a layer that no QuantizeLinear follows: its int32 sums, which a node
        makes that is added here, once. None where it is not that of a layer alone."""
        if not gives_sums(value):
            return None
        source = self.tensors[value.inputs[0]]
        sums = sums_of(value.op)
        shape, key = output_shape(sums, source.shape), (value.result, SUM_BYTES)
        if key not in self._made:
            name, layout = self._fresh(f"{value.result}_sums"), channels_first_layout(shape, 4)
            made = Result(name, layout, SUMS, in_file=False)
            self._made[key] = self.emit(value.node, sums, value.inputs, made).tensor
        scales = tuple(float(scale) for scale in sums.scales(source.quant))
        layout = border_axes(value.layout)
        return Border(self._made[key], value.result, False, layout, shape, scales)

    def _add_tensor(self, result: Result) -> None:
        check_elements(map_shape(result.layout), result.name)
        self.tensors[result.name] = Tensor(result.name, map_shape(result.layout), result.quant)
        self._unsigned[result.name] = result.unsigned
        if result.in_file:
            value = Quantized(result.name, result.layout, result.unsigned)
            self.borders[result.name] = self.border(value, result.name)

    def _fresh(self, wanted: str) -> str:
        """A name for a tensor that the file does not have."""
        name = wanted
        while name in self.tensors or name in self._shapes:
            name += "_"
        return name

    def _node_name(self, wanted: str) -> str:
        name, count = wanted, 1
        while name in self._node_names:
            count += 1
            name = f"{wanted}_{count}"
        self._node_names.add(name)
        return name


def gives_sums(value: Pending) -> bool:
    """Whether the float result is that of a layer alone, before any Relu or Clip."""
    layer = isinstance(value.op, Conv | ConvSums)
    return layer and not (value.clips or value.links or value.make)


def sums_of(op: Op) -> ConvSums:
    """A convolution without its requantisation."""
    assert isinstance(op, Conv | ConvSums)
    return ConvSums(op.window, op.groups, op.weights, op.weight_scales, op.bias)


def _replace(op: Op, **changes: Any) -> Op:
    """dataclasses.replace for fields that only some operators have."""
    return replace(op, **changes)
