"""Constants of kernels: parameter structs, and the arrays that they point to."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from patchc.choices import WeightsMode
from patchc.codegen.layout import COLUMNS, packed
from patchc.codegen.names import Names
from patchc.kernels.kernel import Kernel, Slicing
from patchc.numerics.node_forms import FormCounts, form_counts
from patchc.numerics.structs import Form, Rare
from patchc.schedule.types import Accumulate, Finish, KernelCall, Schedule, Step

_INT32_MIN, _INT32_MAX, _INT64_MIN = -(2**31), 2**31 - 1, -(2**63)


@dataclass(frozen=True, slots=True, eq=False)
class ConstantArray:
    """A const array with external linkage, in one of the weights files."""

    name: str
    ctype: str  # a key of _CTYPES
    values: np.ndarray  # int8, uint16, int32 or uint32 (n,); members of structs, int64 (n, members)
    align: int = 1  # bytes: where it begins, if not just where its type may

    @property
    def length(self) -> int:
        return len(self.values)

    @property
    def bytes(self) -> int:
        """In C."""
        return _CTYPES[self.ctype].bytes * self.length


@dataclass(frozen=True, slots=True)
class _Type:
    """A C type of the elements of arrays."""

    bytes: int
    per_line: int  # as many as end before column 100 when they are the longest
    members: str = "{}"  # how the members of a struct are written


_CTYPES = {
    "int8_t": _Type(1, 19),
    "uint16_t": _Type(2, 13),
    "int32_t": _Type(4, 8),
    "uint32_t": _Type(4, 7),
    "patchc_form": _Type(8, 3, "{{{}, {}}}"),
    "patchc_rare": _Type(16, 2, "{{{}, {{{}, {}}}, {}, {}}}"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One member of a parameter struct: a number, a pointer, or a struct of numbers."""

    name: str
    value: str | tuple[Field, ...]

    @property
    def text(self) -> str:
        if isinstance(self.value, str):
            return f".{self.name} = {self.value}"
        members = packed([member.text for member in self.value], _STRUCT_COLUMNS)
        return f".{self.name} = {{" + f"\n{' ' * 12}".join(members) + "}"


# Room for the members of a nested struct, on its first line and on those below it.
_STRUCT_COLUMNS = COLUMNS - len("        .window = {},")


@dataclass(frozen=True, slots=True)
class ParamStruct:
    """A kernel's constants. `local`: they hold a pointer known at run time only (the weights'
    base), so they are built where they are used; else they are static const."""

    name: str
    ctype: str
    fields: tuple[Field, ...]
    local: bool

    @property
    def lines(self) -> list[str]:
        """The members as lines of an initialiser: nested structs and long names alone."""
        return packed([field.text for field in self.fields], COLUMNS - len("        };"))


@dataclass(frozen=True, slots=True)
class NodeConstants:
    """What one node reads. What is equal to arrays and structs of a node before is these."""

    params: ParamStruct
    arrays: tuple[ConstantArray, ...]  # in the C text, the first time
    blob: tuple[np.ndarray, ...]  # int8, in NAME_weights.bin, the first time
    bytes: int  # of all that it reads, the struct itself excepted
    own_bytes: int  # the part of it that no node before reads
    forms: FormCounts  # of its requantisation


Key = tuple[str, str, int]  # (node, packing, group): what a call's constants depend on


def constants_key(call: KernelCall, group: int) -> Key:
    """`group`: channels per round of the call, 0 for all. Both halves of a kernel that keeps sums
    have one packing, and so the same constants."""
    return call.node, call.kernel.constants, group


def constants_group(step: Step, call: KernelCall) -> int:
    """Channels per round for which a call's constants are packed; 0: for all at once."""
    if isinstance(call, Finish):
        adds = any(isinstance(c, Accumulate) and c.node == call.node for c in step.calls)
        return step.group if adds else 0
    return 0 if call.slicing is Slicing.ALL else step.group


def grouped_calls(schedule: Schedule) -> Iterator[tuple[KernelCall, int]]:
    """Every call that takes constants, in the order of the program, with its constants' group."""
    for step in (step for block in schedule.blocks for step in block.steps):
        for call in step.all_calls:
            if isinstance(call, KernelCall) and call.kernel.pack is not None:
                yield call, constants_group(step, call)


def node_constants(
    schedule: Schedule, prefix: str, weights: WeightsMode
) -> Mapping[Key, NodeConstants]:
    """Constants by what they depend on, in the order of the program."""
    names = Names()
    found: dict[Key, NodeConstants] = {}
    known = _Known({}, {})
    blob_bytes = 0
    for call, group in grouped_calls(schedule):
        key = constants_key(call, group)
        if key in found:
            continue
        assert call.kernel.pack is not None
        params = call.kernel.pack(schedule.graph, schedule.graph.node(call.node), group)
        align = call.kernel.needs.weights
        naming = _Naming(prefix, names.identifier(call.node), weights, align, blob_bytes, known)
        channels = schedule.graph.tensors[call.tensor].shape[2]
        found[key] = _render(naming, params, call.kernel, form_counts(params, channels))
        blob_bytes += sum(part.size for part in found[key].blob)
    return found


@dataclass(frozen=True, slots=True)
class _Known:
    """What nodes before have brought along."""

    values: dict[tuple[str, int, bytes], str]  # type, alignment and values -> how C reaches them
    structs: dict[tuple[str, tuple[Field, ...]], ParamStruct]


@dataclass(frozen=True, slots=True)
class _Naming:
    prefix: str
    stem: str  # of the node
    weights: WeightsMode
    align: int  # bytes, of the weights
    blob_offset: int  # bytes
    known: _Known


def _render(naming: _Naming, params: Any, kernel: Kernel, forms: FormCounts) -> NodeConstants:
    arrays: list[ConstantArray] = []
    blob: list[np.ndarray] = []
    read: list[int] = []
    fields = _fields(naming, params, (), arrays, blob, read)
    assert kernel.struct is not None
    local = any("weights + " in field.text for field in fields)
    struct = ParamStruct(f"params_{naming.stem}", kernel.struct, fields, local)
    struct = naming.known.structs.setdefault((kernel.struct, fields), struct)
    own = sum(array.bytes for array in arrays) + sum(part.size for part in blob)
    return NodeConstants(struct, tuple(arrays), tuple(blob), sum(read), own, forms)


def _fields(
    naming: _Naming,
    params: Any,
    outer: tuple[str, ...],
    arrays: list[ConstantArray],
    blob: list[np.ndarray],
    read: list[int],
) -> tuple[Field, ...]:
    """The members of a struct that is the member `outer` of others. Its arrays, and the parts of
    the blob, are added to `arrays` and `blob` where no node before has equal ones; to `read` the
    bytes of each."""
    found: list[Field] = []
    for field in dataclasses.fields(params):
        value = getattr(params, field.name)
        path = (*outer, field.name)
        array = _as_array("_".join((naming.prefix, naming.stem, *path)), value)
        if value is None:
            found.append(Field(field.name, "NULL"))
        elif dataclasses.is_dataclass(value):
            found.append(Field(field.name, _fields(naming, value, path, arrays, blob, read)))
        elif array is None:
            found.append(Field(field.name, _integer(int(value))))
        else:
            read.append(array.bytes)
            if field.name == "weights":
                array = replace(array, align=naming.align)
            found.append(Field(field.name, _reached(naming, field.name, array, arrays, blob)))
    return tuple(found)


def _reached(
    naming: _Naming,
    field: str,
    array: ConstantArray,
    arrays: list[ConstantArray],
    blob: list[np.ndarray],
) -> str:
    """How C reaches an array: by its name, by that of an equal one, or from the weights' base."""
    extern = naming.weights is WeightsMode.EXTERN and field == "weights"
    kind = "blob" if extern else array.ctype
    key = (kind, array.align, array.values.tobytes())
    if key in naming.known.values:
        return naming.known.values[key]
    if extern:
        padding = -naming.blob_offset % naming.align
        naming.known.values[key] = f"weights + {naming.blob_offset + padding}"
        blob += [np.zeros(padding, np.int8), array.values]
    else:
        naming.known.values[key] = array.name
        arrays.append(array)
    return naming.known.values[key]


def _as_array(name: str, value: Any) -> ConstantArray | None:
    """An array of integers, flat, or of structs; None for what is no array."""
    if isinstance(value, np.ndarray):
        return ConstantArray(name, f"{value.dtype.name}_t", value.reshape(-1))
    if isinstance(value, tuple):
        ctype = {Form: "patchc_form", Rare: "patchc_rare"}[type(value[0])]
        return ConstantArray(name, ctype, np.array([_members(one) for one in value], np.int64))
    return None


def _members(struct: Any) -> list[int]:
    """The integers of a struct, those of structs in it at their place."""
    found: list[int] = []
    for field in dataclasses.fields(struct):
        value = getattr(struct, field.name)
        found += _members(value) if dataclasses.is_dataclass(value) else [value]
    return found


def _integer(value: int) -> str:
    """A constant whose C type holds the value whatever the width of int and long."""
    if value == _INT32_MIN:
        return "INT32_MIN"
    if value == _INT64_MIN:
        return "INT64_MIN"
    if _INT32_MIN < value <= _INT32_MAX:
        return str(value)
    return f"{value}u" if 0 <= value < 2**32 else f"INT64_C({value})"


# -128 .. 127 at the index of their two's complement byte.
_INT8_TEXT = tuple(f"{byte - 256 if byte > 127 else byte}," for byte in range(256))


def value_lines(array: ConstantArray) -> list[str]:
    """The values as lines of C, indented and below 100 columns."""
    words: Iterable[str]
    if array.ctype == "int8_t":
        words = map(_INT8_TEXT.__getitem__, array.values.astype(np.int8).tobytes())
    else:
        written = _CTYPES[array.ctype].members + ","
        rows = array.values.reshape(array.length, -1).tolist()
        words = (written.format(*map(_integer, row)) for row in rows)
    listed = list(words)
    count = _CTYPES[array.ctype].per_line
    gap = "" if array.ctype == "int8_t" else " "
    return [
        "    " + gap.join(listed[start : start + count]) for start in range(0, len(listed), count)
    ]
