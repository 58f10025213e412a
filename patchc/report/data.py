"""The report as data. report.json is this, field by field; the tables are made from it.

Names are stable, because tools read them. Sizes are bytes. `None` (null) stands for a figure that
nobody has measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from patchc.quality import Quality
from patchc.targets.parts import Part


@dataclass(frozen=True, slots=True)
class ModelReport:
    """The ONNX file that the C computes."""

    name: str
    sha256: str  # of the quantised file in OUT/test
    macs: int  # multiply-accumulates of one inference, convolution and dense layers


@dataclass(frozen=True, slots=True)
class Ram:
    """RAM of one inference. total = arena + static + stack; the image has a column of its own."""

    arena_bytes: int
    static_bytes: int  # .data and .bss of the emitted C
    stack_bytes: int  # from NAME_run down, without callbacks and interrupts
    source: str  # of static and stack: "reserve" until a linked image is measured
    total_bytes: int
    input_bytes: int  # the input tensors, wherever they are
    total_with_input_bytes: int  # total, plus the inputs where they are not in the arena
    liveness_peak_bytes: int  # the largest sum of live buffers: a lower bound on the arena
    element_peak_bytes: int  # the most bytes that will still be read
    lower_bound_bytes: int  # no placement of these buffers is smaller
    placement: str  # how the arena was placed and what is proved about it
    layerwise_bytes: int  # the arena of the layer-by-layer plan


@dataclass(frozen=True, slots=True)
class Flash:
    """Read-only memory."""

    weights_bytes: int  # all constants that the kernels read
    code_bytes: int | None  # measured on a linked image only


@dataclass(frozen=True, slots=True)
class Cost:
    """The work of one inference."""

    macs_executed: int
    macs_overhead: float  # F: executed / those of the plain network
    cycles_estimate: int | None  # None: the target has no cost table
    layerwise_cycles_estimate: int | None = None  # of the plan layer by layer
    clock_mhz: float | None = None  # None: none was given
    milliseconds_estimate: float | None = None  # by both


@dataclass(frozen=True, slots=True)
class Exact:
    """Requantised channels, by the integer form that equals onnxruntime's float arithmetic."""

    channels: int
    proved: int  # in a cheap form, compared for every sum that can occur: both of the following
    lines: int  # a product, an offset and a shift
    guarded: int  # the product's high word, but next to ties
    emulated: int  # the float32 product in integers, equal for every accumulator


@dataclass(frozen=True, slots=True)
class Segmentation:
    """How the outputs of a tunnel are divided."""

    stripes: int  # column stripes
    ticks: int  # rounds of row by row; 1: everything in one go
    reverse: bool  # from the last row to the first


@dataclass(frozen=True, slots=True)
class Tunnel:
    """A run of nodes computed patch by patch; one node and one patch: layer by layer."""

    nodes: tuple[str, ...]
    segmentation: Segmentation
    modes: Mapping[str, str]  # node -> how it is run, where there is a choice
    bytes: int  # live in the arena while it runs
    macs: int  # executed


@dataclass(frozen=True, slots=True)
class MadeAgain:
    """A tensor that is made a second time, so that it need not wait for its later readers."""

    tensor: str
    bytes: int
    nodes: tuple[str, ...]  # that run again
    readers: tuple[str, ...]  # of the second one
    macs: int  # of the nodes, once


@dataclass(frozen=True, slots=True)
class Layer:
    """One operator of the program."""

    node: str
    op: str
    depthwise: bool  # a convolution whose channels do not mix
    kernel: str
    tensor: str  # its output
    shape: tuple[int, int, int]  # of its output: height, width, channels
    in_place: bool  # its output lies over one of its operands
    tunnel: int  # its block, counted from 0
    step: str  # those with the same one run together, piece by piece
    bytes: int  # live in the arena while its block runs
    layerwise_bytes: int | None  # live while it runs layer by layer; None: it only loads or stores
    macs: int  # executed
    cycles_estimate: int | None  # None: the target has no cost table
    constant_bytes: int  # that its kernel reads; equal ones of several layers are there once


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the program during which the same buffers are alive: a tunnel, a layer, or an
    input that is fetched or an output that is handed over in full."""

    name: str
    nodes: tuple[str, ...]  # none where it only fetches or hands over
    stripes: int
    ticks: int
    reverse: bool  # from the last row to the first
    bytes: int  # live in the arena, shared ones counted once


@dataclass(frozen=True, slots=True)
class Held:
    """A tensor in a buffer: as much of it as there is at once."""

    tensor: str
    shape: tuple[int, int, int]  # of the whole tensor: height, width, channels
    rows: int  # of which so many are held, likewise the next two
    columns: int
    channels: int
    sums: bool  # its int32 sums, not its values


@dataclass(frozen=True, slots=True)
class ArenaBuffer:
    """A range of bytes of the arena with one lifetime."""

    name: str
    kind: str  # input, output, map, ring, accumulator or scratch
    holds: tuple[Held, ...]  # several where they share it; none: a kernel works in it
    offset: int
    bytes: int
    first: int  # the first block that touches it
    last: int


@dataclass(frozen=True, slots=True)
class OtherKernel:
    """A kernel that could compute a node where the plan runs it, or why it could not."""

    kernel: str
    cost: int | None  # in the unit of `KernelChoice.cost`; None: it cannot run there
    scratch_bytes: int | None
    refused: str | None  # the reason


@dataclass(frozen=True, slots=True)
class KernelChoice:
    """The kernel of a node, beside the others that the target could run."""

    node: str
    kernel: str
    cost: int  # cycles; multiply-accumulates where the target has no cost table
    scratch_bytes: int  # that a call works in
    others: tuple[OtherKernel, ...]


@dataclass(frozen=True, slots=True)
class Output:
    """An output of the network, and where it goes."""

    tensor: str
    bytes: int
    handed_over: bool  # through a callback, as it is made; else it lies in the arena at the end
    # Of its pixels where they are handed over: "raster", or "stripes" for one stripe of columns
    # after the other, each in raster order.
    order: str | None


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A layer that the library does not compute."""

    node: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rounded:
    """How far a tensor is from onnxruntime's."""

    name: str  # of a node, or an output
    values: int
    different: int
    largest: int  # steps


@dataclass(frozen=True, slots=True)
class LibraryReport:
    """A library of others that computes layers, where it was at hand."""

    name: str
    version: str
    source: str  # a package, or "a checkout"
    sha256: str | None  # of the files that the C needs; None: it needs none
    mode: str  # "copy": they are in OUT, "link": where they were found
    numerics: str  # "exact", or as what it computes is rounded: `--numerics`
    layers: tuple[str, ...]  # nodes that it computes
    # From onnxruntime, on the inputs of OUT's test: layers that it rounds in its own way, from the
    # same operands each, and outputs of the network.
    rounded: tuple[Rounded, ...]
    outputs: tuple[Rounded, ...]
    elsewhere: tuple[Elsewhere, ...]


@dataclass(frozen=True, slots=True)
class HostOperators:
    """Float operators of the file that stay outside the C, as "name (OpType)"."""

    leading: tuple[str, ...]
    trailing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TailReport:
    """A Softmax or Sigmoid behind an output of the network."""

    output: str  # in the file
    tensor: str  # the output of the network that it is of
    node: str  # "name (OpType)"
    function: str  # of the C, which computes it in integers


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that `patchc compile` says about what it made."""

    patchc: str  # version
    model: ModelReport
    target: str
    budget_bytes: int | None  # None: no limit was given
    input_mode: str
    input_bytes_read: int  # of the inputs, per inference
    input_passes: int  # how often the inputs are read from their start
    output_mode: str
    outputs: tuple[Output, ...]
    ram: Ram
    flash: Flash
    weight_bytes_read: int  # constants read per inference: a call of a kernel reads all of its own
    cost: Cost
    exact: Exact
    tunnels: tuple[Tunnel, ...]
    again: tuple[MadeAgain, ...]  # made twice
    kernels: Mapping[str, int]  # kernel -> steps that use it
    library: LibraryReport | None  # None: none was to be used
    choices: tuple[KernelChoice, ...]  # of nodes that several kernels are for
    host: HostOperators
    layers: tuple[Layer, ...]
    blocks: tuple[Block, ...]
    arena: tuple[ArenaBuffer, ...]  # by offset
    notes: tuple[str, ...]  # what to know of how the model was read
    quality: Quality | None = None  # as patchc quantize measured it and wrote into the file
    part: Part | None = None  # that `target` is the core of; None: a core was named
    tails: tuple[TailReport, ...] = ()  # with `--tail c`; what the host computes is in `host`

    def __repr__(self) -> str:
        """On one line: `to_json` has the rest."""
        return (
            f"Report({self.model.name!r}, target={self.target!r}, "
            f"total_bytes={self.ram.total_bytes}, {len(self.layers)} layers)"
        )

    def to_dict(self) -> dict[str, Any]:
        """The report as plain lists and dictionaries, fields in the order above."""
        return asdict(self)

    def to_json(self) -> str:
        """The text of report.json."""
        return json.dumps(self.to_dict(), indent=1) + "\n"
