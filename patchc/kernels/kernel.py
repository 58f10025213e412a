"""What a kernel is to the compiler: a value that says what it computes, needs and costs.

Every kernel computes a rectangle of its output from views (runtime_c/include/patchc_kernels.h), or
adds to int32 sums of it (`Role.ACCUMULATE`), or makes int8 of such sums (`Role.FINISH`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from patchc.ir import Conv, ConvSums, Graph, Node, Op, Tensor
from patchc.kernels.features import Count, Extent, Features, InPasses, Plain
from patchc.numerics.structs import Params


class Role(str, Enum):
    """What a kernel does with its node."""

    COMPUTE = "compute"  # all of it
    ACCUMULATE = "accumulate"  # adds what it reads to int32 sums
    FINISH = "finish"  # makes int8 values of the sums


class Order(str, Enum):
    """The order of reads and writes that a kernel promises; tests/c holds each kernel to it.

    ELEMENT: reads element i of its operands, then writes element i, i ascending; so the output may
    be the very memory of an operand of its shape. PIXEL: computes output pixels in raster order,
    and may still read the inputs of a pixel after its first byte is written; so the output may
    overlap an input only where no pixel from the current one onwards reads. CALL: promises nothing,
    so the output may overlap nothing that the call reads.
    """

    ELEMENT = "element"
    PIXEL = "pixel"
    CALL = "call"


class Fours(str, Enum):
    """Of which inputs a kernel takes four at a time, the second and the fourth without their sign
    bit: that makes its sums too small, by what its constants make up for."""

    NONE = "none"
    ALL = "all"  # of an output's
    ROWS = "rows"  # of those in each row of the window
    ROUNDS = "rounds"  # of those in each round of channels


class Operands(str, Enum):
    """How a kernel is handed its inputs."""

    ONE = "one"  # a view, and the padding around it
    PAIR = "pair"  # two views, the second of which may be null
    ARRAY = "array"  # an array of views, of any length


class Slicing(str, Enum):
    """Which channels of its node a call computes where a step runs in rounds."""

    ALL = "all"  # there are no rounds, or the call runs once after them
    OUTPUTS = "outputs"  # reads all channels, makes those of the round
    CHANNELS = "channels"  # reads the channels of the round and makes the same ones
    INPUTS = "inputs"  # reads the channels of the round, and adds to all sums
    PLACED = "placed"  # reads the channels of the round, and puts the same ones among all


@dataclass(frozen=True, slots=True)
class Site:
    """Where a kernel would run: all that it may know when it is asked what it needs there."""

    op: Op
    inputs: tuple[Tensor, ...]
    output: Tensor
    role: Role = Role.COMPUTE
    slicing: Slicing = Slicing.ALL
    group: int = 0  # channels per round; 0: there are no rounds
    # It reads a tensor inside of its step that has several rows, which wrap and cannot slide.
    wraps: bool = False
    rows: int = 0  # of the output, per call at most
    cols: Count = 0  # of the output, per call at most

    @property
    def channels(self) -> int:
        """Channels of the output that a call makes, or adds to the sums of, at most."""
        channels = self.output.shape[2]
        return channels if self.slicing in (Slicing.ALL, Slicing.INPUTS) else self.group

    @property
    def multiplies(self) -> bool:
        """Has the output more channels than the input?"""
        return self.output.shape[2] > self.inputs[0].shape[2]


def site_of(graph: Graph, node: Node, **more: Any) -> Site:
    """The site of a node. `more`: further fields of `Site`."""
    inputs = tuple(graph.tensors[name] for name in node.inputs)
    return Site(node.op, inputs, graph.tensors[node.output], **more)


@dataclass(frozen=True, slots=True)
class Needs:
    """What a kernel asks of the memory of its operands."""

    contiguous: bool = False  # the rows that it reads lie one behind the other: no ring wraps
    align: int = 1  # bytes, a power of two: of the buffers of what it reads and writes
    weights: int = 1  # bytes, a power of two: where its weights begin


def accepts(site: Site) -> str | None:
    """Refuses nothing but rounds."""
    return None if site.slicing is Slicing.ALL else "it computes all channels at once"


def no_scratch(site: Site) -> Count:
    """Nothing, in bytes."""
    return 0


def conv_part(op: Conv, slicing: Slicing) -> tuple[str, int]:
    """`Kernel.part` of the kernels that take a patchc_conv_params."""
    if slicing is Slicing.INPUTS:
        return "patchc_inputs_from", op.channels_out
    return "patchc_outputs_from", op.weights[0].size


def plain_work(site: Site, extent: Extent) -> Features:
    """Every call computes its rectangle once and reads the weights of its round once. Sums are
    finished without weights."""
    weights = _weights(site)
    return Plain(extent, site.output.shape[2], weights, site.slicing is Slicing.INPUTS)


def in_passes(at_once: int, within_rows: bool = False) -> Callable[[Site, Extent], Features]:
    """`Kernel.work` of a kernel that reads its weights once for `at_once` pixels; `within_rows`: of
    one row."""

    def work(site: Site, extent: Extent) -> Features:
        weights, adds = _weights(site), site.slicing is Slicing.INPUTS
        return InPasses(extent, site.output.shape[2], weights, adds, at_once, within_rows)

    return work


def _weights(site: Site) -> int:
    op = site.op
    return (
        op.weights.size if isinstance(op, Conv | ConvSums) and site.role is not Role.FINISH else 0
    )


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """One C function. Kernels are equal to nothing but themselves."""

    name: str  # unique; plan.json and report.json use it
    operator: type[Op]  # that it computes, or takes part in
    role: Role
    flavour: str  # the instructions that it is written for: a member of Core.flavours
    order: Order
    function: str  # in C
    source: str  # the C file, under `folder`
    struct: str | None  # C type of its constants; None: it takes none
    # (graph, node, group) -> its constants. `group`: the kernel runs once per so many channels, the
    # last time perhaps on fewer, and the weights of each time lie one after the other; 0: all at
    # once. Raises PatchcError where there are no such constants: scales out of range, windows that
    # are too large.
    pack: Callable[[Graph, Node, int], Params] | None
    header: str = "patchc_kernels.h"  # that declares it
    headers: tuple[str, ...] = ()  # that its source includes beside, under include/
    shared: tuple[str, ...] = ()  # further C files that it calls, under runtime_c
    included: tuple[str, ...] = ()  # C files that those before include, under runtime_c
    cmsis_nn: tuple[str, ...] = ()  # functions of CMSIS-NN that it calls
    operands: Operands = Operands.ONE
    needs: Needs = Needs()
    refuses: Callable[[Site], str | None] = accepts  # for reasons of its own; see `refusal`
    # Bytes of working memory for one call; where there is any, the function takes a pointer to it.
    scratch: Callable[[Site], Count] = no_scratch
    takes_scratch: bool = False
    work: Callable[[Site, Extent], Features] = plain_work  # what its price is made of
    at_once: int = 1  # columns: tiles of so many, or a multiple, are the cheapest
    # The flavour whose kernel needs the same, and costs more wherever this one can run.
    supersedes: str | None = None
    fours: Fours = Fours.NONE
    finish: str | None = None  # of one that accumulates: the kernel that finishes its sums
    # Kernels of one packing share the constants of a node: the two halves of one that keeps sums.
    packing: str = ""
    # In rounds, the C function that finds a round's constants among all of a convolution, and the
    # last of what it is given (runtime_c/include/patchc_tunnel.h).
    part: Callable[[Conv, Slicing], tuple[str, int]] = conv_part
    folder: Path | None = None  # of `source` and `header`; None: runtime_c, and include/ in it

    def refusal(self, site: Site) -> str | None:
        """Why it cannot run at a site of its operator and role; None: it can."""
        if self.needs.contiguous and site.wraps:
            return "it reads its rows in order, and those inside of the step wrap"
        return self.refuses(site)

    @property
    def constants(self) -> str:
        """What tells its constants from those of other kernels of the same node."""
        return self.packing or self.name
