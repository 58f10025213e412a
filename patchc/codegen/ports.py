"""The tensors at the edge of the network, as the emitted header shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from patchc.choices import InputMode
from patchc.codegen.layout import COLUMNS, packed
from patchc.codegen.names import Names, string_literals
from patchc.errors import PatchcError
from patchc.ir import ConvSums, Graph
from patchc.memory.placement import Placement
from patchc.schedule.types import BufferKind, Schedule

_UNKNOWN: Mapping[str, bool] = {}


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output."""

    tensor: str  # in the Graph
    name: str  # in the ONNX file
    field: str  # of the inputs or outputs struct
    macro: str  # IN0, OUT1, ...
    height: int
    width: int
    channels: int
    bytes: int
    scale: str  # a C float literal
    zero_point: int
    offset: int | None  # bytes into the arena; None: not found there by the caller
    stripes: int = 0  # of columns in which an output leaves through a callback; 0: it does not
    # Of an output of int32 sums: what each of a pixel is worth, as C float literals; else none.
    sums: tuple[str, ...] = ()
    listed: bool = False  # a vector, values or sums along one axis and more than one, in the file

    def define_name(self, prefix: str) -> str:
        """The macro that holds the name."""
        return defined_name(f"{prefix}_{self.macro}_NAME", self.name)

    @property
    def is_vector(self) -> bool:
        """Is it a vector of int8?"""
        return self.listed and not self.sums

    @property
    def is_vector_of_sums(self) -> bool:
        """Is it a vector of int32 sums?"""
        return self.listed and bool(self.sums)

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.height, self.width, self.channels

    @property
    def sum_lines(self) -> list[str]:
        """`sums` as the lines of an initialiser, but for their ends."""
        return packed(list(self.sums), COLUMNS - len("     \\"))

    @property
    def handed(self) -> bool:
        return self.stripes > 0


def defined_name(macro: str, name: str) -> str:
    """A macro that is a name of the ONNX file, in one line where that fits."""
    head = f"#define {macro}"
    (first, *more) = string_literals(name, COLUMNS - len("     \\"))
    if not more and len(head) + 1 + len(first) <= COLUMNS:
        return f"{head} {first}"
    return " \\\n    ".join((head, first, *more))


def input_ports(
    schedule: Schedule, placement: Placement, names: Mapping[str, str]
) -> tuple[Port, ...]:
    """Inputs have an offset when the caller may put them into the arena: resident mode."""
    resident = schedule.input_mode is InputMode.RESIDENT
    graph = schedule.graph
    offsets = [_offset(schedule, placement, t) if resident else None for t in graph.inputs]
    return _ports(graph, graph.inputs, "IN", offsets, names)


def output_ports(
    schedule: Schedule,
    placement: Placement,
    names: Mapping[str, str],
    vectors: Mapping[str, bool] = _UNKNOWN,
) -> tuple[Port, ...]:
    """Those that are handed over have no offset. `vectors`: which ones the ONNX file has as vectors
    and which not; others are as they look here. Raises PatchcError when an output is an input that
    lies outside the arena."""
    graph, handed = schedule.graph, schedule.handed
    offsets = [None if t in handed else _offset(schedule, placement, t) for t in graph.outputs]
    ports = _ports(graph, graph.outputs, "OUT", offsets, names)
    stripes = {tensor: schedule.blocks[index].stripes for tensor, index in handed.items()}
    return tuple(
        replace(
            port,
            stripes=stripes.get(port.tensor, 0),
            listed=vectors.get(port.tensor, _looks_listed(port)),
        )
        for port in ports
    )


def _looks_listed(port: Port) -> bool:
    if port.sums:
        return 1 < len(port.sums) * 4 == port.bytes
    return max(port.shape) == port.bytes > 1


def _ports(
    graph: Graph,
    tensors: tuple[str, ...],
    macro: str,
    offsets: Iterable[int | None],
    in_file: Mapping[str, str],
) -> tuple[Port, ...]:
    names = Names()
    return tuple(
        Port(
            tensor=name,
            name=in_file.get(name, name),
            field=names.identifier(in_file.get(name, name)),
            macro=f"{macro}{number}",
            height=graph.tensors[name].shape[0],
            width=graph.tensors[name].shape[1],
            channels=graph.tensors[name].shape[2],
            bytes=graph.tensors[name].bytes,
            scale=_float_literal(graph.tensors[name].quant.scale),
            zero_point=graph.tensors[name].quant.zero_point,
            offset=offset,
            sums=_sums(graph, name),
        )
        for number, (name, offset) in enumerate(zip(tensors, offsets, strict=True))
    )


def _sums(graph: Graph, tensor: str) -> tuple[str, ...]:
    node = graph.producer.get(tensor)
    if node is None or not isinstance(node.op, ConvSums):
        return ()
    scales = node.op.scales(graph.tensors[node.inputs[0]].quant)
    return tuple(_float_literal(scale) for scale in scales.tolist())


def _offset(schedule: Schedule, placement: Placement, tensor: str) -> int:
    """Where a tensor that the caller touches lies. It must be whole and packed."""
    storage = schedule.storages[tensor]
    height, width, channels = schedule.graph.tensors[tensor].shape
    if schedule.buffers[storage.buffer].kind is BufferKind.EXTERN:
        raise PatchcError(
            f"output {tensor!r} is the model's input itself, which --input extern leaves outside "
            "the arena: take that output out of the model, or choose another --input"
        )
    if (storage.slots, storage.pitch) != (height, width * channels):
        raise ValueError(f"{tensor}: an input or output in the arena must be held whole and packed")
    return placement.offsets[storage.buffer]


def _float_literal(value: float) -> str:
    """The shortest text that names this float32."""
    text = str(np.float32(value))
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"
